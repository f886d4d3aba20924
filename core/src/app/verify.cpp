// SPDX-License-Identifier: MIT
#include "app/verify.hpp"

#include <ctime>

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

std::string quarantine_text(const Manifest &manifest, const std::string &reason) {
    return fmt::format("plugin '{}' is quarantined: {} (a changed library is tried again)",
                       manifest.id, reason);
}

/// Loads the library in a child first, and remembers how that went.
Result<void> probe_first(const Tree &tree, const trust::OpenLibrary &library,
                         const Manifest &manifest, trust::Records &records,
                         std::chrono::milliseconds time) {
    auto result = trust::probe(tree.worker, library, manifest.id, time);
    if (!result) {
        return pass(result);
    }
    trust::Record record;
    record.library = path_to_utf8(library.path());
    record.identity = library.identity();
    record.verdict = result->good ? trust::Verdict::Good : trust::Verdict::Quarantined;
    record.sha256 = result->sha256;
    record.id = result->id;
    record.version = result->version;
    record.reason = result->message;
    record.time = std::time(nullptr);
    // A state folder that cannot be written costs a probe at each start, nothing else.
    static_cast<void>(records.put(std::move(record)));
    return result->good ? Result<void>()
                        : fail(result->code, "{}", quarantine_text(manifest, result->message));
}

} // namespace

VerifyLibrary make_verifier(const Tree &tree,
                            std::function<std::chrono::milliseconds()> probe_time) {
    const auto records = std::make_shared<trust::Records>(records_file());
    return [&tree, records, probe_time = std::move(probe_time)](const Manifest &manifest,
                            const fs::path &file) -> Result<VerifiedLibrary> {
        auto opened = trust::OpenLibrary::open(file);
        if (!opened) {
            return pass(opened);
        }
        // Never closed: the loader knows the library by this open file.
        const auto library = std::make_shared<trust::OpenLibrary>(std::move(*opened));
        if (auto safe = library->check_permissions(file.parent_path().parent_path()); !safe) {
            return pass(safe);
        }
        const auto *known = records->find(path_to_utf8(file), library->identity());
        if (known == nullptr) {
            if (auto good = probe_first(tree, *library, manifest, *records, probe_time()); !good) {
                return pass(good);
            }
        } else if (known->verdict == trust::Verdict::Quarantined) {
            return fail(K2S_E_CONFIG, "{}", quarantine_text(manifest, known->reason));
        }
        for (const auto &[name, sha256] : manifest.sha256) {
            known = records->find(path_to_utf8(file), library->identity());
            if (name == library_file_name(manifest) && known != nullptr && known->sha256 != sha256) {
                return fail(K2S_E_PERMISSION,
                            "{}: its SHA-256 is {}, plugin.json says {}: install the plugin again",
                            path_text(file), known->sha256, sha256);
            }
        }
        return VerifiedLibrary{library->load_path(), library};
    };
}

} // namespace k2s::core
