// SPDX-License-Identifier: MIT
#include "app/verify.hpp"

#include <algorithm>
#include <ctime>

#include "app/watchdog.hpp"
#include "trust/identity.hpp"
#include "trust/probe.hpp"
#include "trust/records.hpp"
#include "util/directories.hpp"
#include "util/path.hpp"

namespace k2s::core {
namespace {

fs::path records_file() {
    const auto state = state_dir();
    return state ? *state / "plugins.state" : fs::path();
}

fs::path library_of(const Manifest &manifest, const fs::path &folder) {
    return folder / path_from_utf8(library_file_name(manifest));
}

/// The folder of plugins that a library lies below: plugins/ID/x.so or plugins/ID/VERSION/x.so.
fs::path plugin_root(const Manifest &manifest, const fs::path &library) {
    const auto root = library.parent_path().parent_path();
    return path_to_utf8(root.filename()) == manifest.id ? root.parent_path() : root;
}

std::unexpected<Error> quarantined(const Manifest &manifest, const trust::Record &record) {
    return fail(record.code < 0 ? record.code : K2S_E_FAILED,
                "plugin '{}' is quarantined: {} (a changed library is tried again, this one after "
                "`k2s plugin enable {}`)",
                manifest.id, record.reason, manifest.id);
}

/// One library on its way into this process.
class Entrance {
  public:
    Entrance(const Tree &tree, const VerifyRules &rules, trust::Records &records,
             const Manifest &manifest, const trust::OpenLibrary &library, Admission admission)
        : tree_(tree), rules_(rules), records_(records), manifest_(manifest), library_(library),
          name_(path_to_utf8(library.path())), admission_(admission) {}

    /// What has to live until `create` is back; nothing for a library that is known to come back.
    Result<std::shared_ptr<void>> pass() {
        const auto *known = find();
        if (known != nullptr && known->verdict == trust::Verdict::Quarantined) {
            return quarantined(manifest_, *known);
        }
        if (rules_.for_worker) {
            return for_worker(known);
        }
        if (known == nullptr || known->verdict == trust::Verdict::Trying) {
            return first_use();
        }
        if (auto same = check_hash(known->sha256); !same) {
            return core::pass(same);
        }
        return rules_.watch_all ? watch(nullptr) : std::shared_ptr<void>();
    }

  private:
    /// From here to the return of create. Going away is the good end.
    struct Trial {
        std::optional<trust::RecordsLock> lock;
        std::function<void()> came_back;
        std::unique_ptr<Watchdog> watchdog;
        ~Trial() {
            watchdog.reset();
            if (came_back) {
                came_back();
            }
        }
    };

    /// The worker is the probe of its own; one is needed only for the hash of an unknown file.
    Result<std::shared_ptr<void>> for_worker(const trust::Record *known) {
        if (manifest_.sha256.empty() || hashed()) {
            return std::shared_ptr<void>();
        }
        trust::Record record = known != nullptr ? *known : fresh_record();
        if (known == nullptr) {
            if (auto probed = probe(record); !probed) {
                return core::pass(probed);
            }
        }
        if (record.verdict == trust::Verdict::Quarantined) {
            return quarantined(manifest_, record);
        }
        auto same = check_hash(record.sha256);
        return same ? Result<std::shared_ptr<void>>(nullptr) : core::pass(same);
    }

    /// Its signature was checked, and with it the hash in plugin.json.
    bool hashed() const { return admission_ == Admission::trusted; }

    const trust::Record *find() { return records_.find(name_, library_.identity()); }

    Result<std::shared_ptr<void>> first_use() {
        auto trial = std::make_unique<Trial>();
        const auto patience = rules_.probe_time() + rules_.create_time() + k_patience;
        if (auto lock = records_.lock_first_use(patience)) {
            trial->lock.emplace(std::move(*lock));
            records_.refresh();
        } else if (lock.error().code == K2S_E_BUSY) {
            return core::pass(lock);
        } // else: a state folder that cannot be written costs a probe at each start, nothing more
        const auto *known = find();
        trust::Record record = known != nullptr ? *known : fresh_record();
        if (known != nullptr && known->verdict == trust::Verdict::Trying) {
            remember_bad(record, K2S_E_FAILED,
                         "the last start that created it did not survive that: it crashed, or it "
                         "was ended");
        }
        if (known == nullptr) {
            if (auto probed = probe(record); !probed) {
                return core::pass(probed);
            }
        }
        if (record.verdict == trust::Verdict::Quarantined) {
            return quarantined(manifest_, record);
        }
        if (auto same = check_hash(record.sha256); !same) {
            return core::pass(same);
        }
        if (known != nullptr && record.verdict == trust::Verdict::Good) {
            return watch(std::move(trial)); // another process tried it meanwhile
        }
        record.verdict = trust::Verdict::Trying;
        remember(record);
        trial->came_back = [this_records = &records_, record]() mutable {
            record.verdict = trust::Verdict::Good;
            static_cast<void>(this_records->put(record));
        };
        return watch(std::move(trial));
    }

    Result<void> probe(trust::Record &record) {
        auto result = trust::probe(tree_.worker, library_, manifest_.id,
                                   {rules_.probe_time(), hashed() ? wanted_hash() : std::string(),
                                    admission_ == Admission::foreign});
        if (!result) {
            return core::pass(result);
        }
        record.sha256 = result->sha256;
        record.id = result->id;
        record.version = result->version;
        if (!result->good) {
            remember_bad(record, result->code, result->message);
        }
        return {};
    }

    std::shared_ptr<void> watch(std::unique_ptr<Trial> trial) {
        if (!trial) {
            trial = std::make_unique<Trial>();
        }
        const auto limit = rules_.create_time();
        const auto *known = find();
        auto record = known != nullptr ? *known : fresh_record();
        trial->watchdog = std::make_unique<Watchdog>(limit, [limit, record, id = manifest_.id,
                                                             &records = records_,
                                                             give_up = rules_.give_up]() mutable {
            record.verdict = trust::Verdict::Quarantined;
            record.code = K2S_E_TIMEOUT;
            record.reason = fmt::format("its create did not return within {} s",
                                        static_cast<double>(limit.count()) / 1000);
            static_cast<void>(records.put(record)); // the thread that hangs does not use them
            give_up(id, record.reason);
        });
        return std::shared_ptr<void>(std::move(trial));
    }

    std::string wanted_hash() const {
        const auto found = std::ranges::find(manifest_.sha256, library_file_name(manifest_),
                                             &std::pair<std::string, std::string>::first);
        return found == manifest_.sha256.end() ? std::string() : found->second;
    }

    Result<void> check_hash(const std::string &sha256) const {
        const auto wanted = wanted_hash();
        return hashed() || wanted.empty() || sha256 == wanted
                   ? Result<void>()
                   : fail(K2S_E_PERMISSION,
                          "{}: its SHA-256 is {}, plugin.json says {}: install the plugin again",
                          path_text(library_.path()), sha256, wanted);
    }

    trust::Record fresh_record() const {
        trust::Record record;
        record.library = name_;
        record.identity = library_.identity();
        return record;
    }

    void remember_bad(trust::Record &record, int32_t code, std::string reason) {
        record.verdict = trust::Verdict::Quarantined;
        record.code = code;
        record.reason = std::move(reason);
        remember(record);
    }

    void remember(trust::Record &record) {
        record.time = std::time(nullptr);
        // When that fails it counts for this process: the next one probes again.
        static_cast<void>(records_.put(record));
    }

    static constexpr std::chrono::milliseconds k_patience{5000};

    const Tree &tree_;
    const VerifyRules &rules_;
    trust::Records &records_;
    const Manifest &manifest_;
    const trust::OpenLibrary &library_;
    const std::string name_;
    const Admission admission_;
};

} // namespace

VerifyLibrary make_verifier(const Tree &tree, VerifyRules rules) {
    const auto records = std::make_shared<trust::Records>(records_file());
    return [&tree, records, rules = std::move(rules)](
               const Manifest &manifest, const fs::path &file) -> Result<VerifiedLibrary> {
        auto opened = trust::OpenLibrary::open(file);
        if (!opened) {
            return pass(opened);
        }
        // Never closed: the loader knows the library by this open file.
        const auto library = std::make_shared<trust::OpenLibrary>(std::move(*opened));
        if (auto safe = library->check_permissions(plugin_root(manifest, file), rules.gate.guard());
            !safe) {
            return pass(safe);
        }
        auto admitted = rules.gate.admit(manifest, file.parent_path(), *library);
        if (!admitted) {
            return pass(admitted);
        }
        auto trial = Entrance(tree, rules, *records, manifest, *library, *admitted).pass();
        if (!trial) {
            return pass(trial);
        }
        return VerifiedLibrary{library->load_path(), library, library->native(), std::move(*trial),
                               *admitted != Admission::foreign};
    };
}

std::optional<std::string> quarantine_reason(const Manifest &manifest, const fs::path &folder) {
    trust::Records records(records_file());
    const auto file = library_of(manifest, folder);
    const auto name = path_to_utf8(file);
    for (const auto &record : records.all()) {
        if (record.library == name && record.verdict == trust::Verdict::Quarantined) {
            const auto library = trust::OpenLibrary::open(file);
            return library && library->identity() == record.identity ? std::optional(record.reason)
                                                                     : std::nullopt;
        }
    }
    return std::nullopt;
}

void quarantine(const Manifest &manifest, const fs::path &folder, const std::string &reason) {
    const auto library = trust::OpenLibrary::open(library_of(manifest, folder));
    if (!library) {
        return; // it is gone, and with it what could be kept out
    }
    trust::Records records(records_file());
    const auto name = path_to_utf8(library->path());
    const auto *known = records.find(name, library->identity());
    trust::Record record = known != nullptr ? *known : trust::Record();
    record.library = name;
    record.identity = library->identity();
    record.verdict = trust::Verdict::Quarantined;
    record.code = K2S_E_FAILED;
    record.reason = reason;
    record.time = std::time(nullptr);
    static_cast<void>(records.put(record)); // if not: it counts for this process
}

Result<bool> lift_quarantine(const Manifest &manifest, const fs::path &folder) {
    trust::Records records(records_file());
    const auto name = path_to_utf8(library_of(manifest, folder));
    const bool known = std::ranges::any_of(records.all(), [&](const trust::Record &record) {
        return record.library == name && record.verdict != trust::Verdict::Good;
    });
    if (known) {
        if (auto done = records.forget(name); !done) {
            return pass(done);
        }
    }
    return known;
}

} // namespace k2s::core
