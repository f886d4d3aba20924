// SPDX-License-Identifier: MIT
#include "zap.hpp"

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

#include <fmt/format.h>

#include "guard.hpp"
#include "layers.hpp"
#include "tree.hpp"
#include "usage.hpp"

namespace k2s::zap {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto k_retry_interval = std::chrono::milliseconds{100};
constexpr size_t k_max_name = 200; ///< of the old name in the new one; file systems allow 255 bytes

/// Beside the original name, so that a person who finds it after a power cut knows what it was.
Name doomed_name(const fs::path &name) {
    std::random_device random;
    Name old = name.native();
    old.resize(std::min(old.size(), k_max_name));
    return fs::path{".zap-"}.native() + old + fs::path{fmt::format("-{:08x}", random())}.native();
}

Error busy(const Target &target, const std::vector<std::string> &users, const std::string &why) {
    return {K2S_E_BUSY, fmt::format("'{}' is in use, nothing was removed: {}{}; end what uses it",
                                    text_of(target.path()), why, fmt::join(users, "; "))};
}

class Run {
  public:
    Run(const Options &options, Target target)
        : options_{options}, target_{std::move(target)}, store_{options},
          tree_{std::clamp(options.threads != 0 ? options.threads
                                                : std::max(1U, std::thread::hardware_concurrency()),
                           1U, k_max_threads),
                options.cancelled, options.progress} {
        report_.folder = text_of(target_.path());
    }

    std::expected<Report, Error> measure();
    std::expected<Report, Error> remove();

  private:
    std::expected<void, Error> open_parent();
    std::expected<void, Error> wait_until_free();
    std::expected<void, Error> rename_away();
    std::expected<void, Error> destroy_layers();
    std::expected<Report, Error> remove_rest();
    [[nodiscard]] Error leftover(const TreeReport &rest) const;

    const Options &options_;
    Target target_;
    LayerStore store_;
    TreeOptions tree_;
    Dir parent_;
    fs::path doomed_; ///< the folder's name while it is being removed
    Report report_;
};

std::expected<void, Error> Run::open_parent() {
    std::error_code failed;
    parent_ = Dir::open(target_.parent, failed);
    if (failed) {
        return std::unexpected(
            Error{K2S_E_PERMISSION,
                  fmt::format("cannot open '{}': {}", text_of(target_.parent), failed.message())});
    }
    return {};
}

std::expected<Report, Error> Run::measure() {
    if (auto opened = open_parent(); !opened) {
        return std::unexpected(opened.error());
    }
    report_.in_use = users_of(target_);
    const auto dependents = store_.built_on(target_);
    report_.in_use.insert(report_.in_use.end(), dependents.begin(), dependents.end());
    report_.unmounted = mounts_of(target_);
    for (const auto &layer : store_.find(target_)) {
        report_.layers.push_back(text_of(layer));
    }
    const TreeReport counted = measure_tree(parent_, target_.name.native(), tree_);
    report_.files = counted.files;
    report_.directories = counted.directories;
    report_.bytes = counted.bytes;
    report_.at_least = counted.at_least || counted.failures > 0;
    report_.warnings = counted.reasons;
    if (counted.cancelled) {
        return std::unexpected(Error{K2S_E_CANCELLED, "cancelled; nothing was removed"});
    }
    return report_;
}

std::expected<void, Error> Run::wait_until_free() {
    const auto until = Clock::now() + std::chrono::milliseconds{options_.wait_ms};
    for (;;) {
        auto users = users_of(target_);
        const auto dependents = store_.built_on(target_);
        users.insert(users.end(), dependents.begin(), dependents.end());
        if (users.empty() || options_.force) {
            report_.in_use = std::move(users);
            return {};
        }
        if (Clock::now() >= until || !dependents.empty()) {
            return std::unexpected(busy(target_, users, {}));
        }
        std::this_thread::sleep_for(k_retry_interval);
    }
}

std::expected<void, Error> Run::rename_away() {
    const auto until = Clock::now() + std::chrono::milliseconds{options_.wait_ms};
    doomed_ = doomed_name(target_.name);
    for (;;) {
        const std::error_code failed =
            parent_.move(target_.name.native(), parent_, doomed_.native());
        if (!failed) {
            return {};
        }
        if (failed == std::errc::cross_device_link) {
            // A folder of an overlay's lower layer cannot be renamed; it goes where it is.
            doomed_ = target_.name;
            return {};
        }
        if (failed == std::errc::no_such_file_or_directory) {
            return std::unexpected(
                Error{K2S_E_NOT_FOUND,
                      fmt::format("'{}' is gone: somebody else removed it", report_.folder)});
        }
        const bool may_pass = failed == std::errc::device_or_resource_busy ||
                              failed == std::errc::permission_denied ||
                              failed == std::errc::text_file_busy;
        if (!may_pass || Clock::now() >= until) {
            const auto users = users_of(target_);
            if (!users.empty() || failed == std::errc::device_or_resource_busy) {
                return std::unexpected(busy(target_, users, failed.message() + ": "));
            }
            return std::unexpected(
                Error{K2S_E_PERMISSION,
                      fmt::format("cannot rename '{}': {}; nothing was removed; run it with "
                                  "more rights",
                                  report_.folder, failed.message())});
        }
        std::this_thread::sleep_for(k_retry_interval);
    }
}

std::expected<void, Error> Run::destroy_layers() {
    const Target doomed{target_.parent, doomed_};
    for (const auto &layer : store_.find(doomed)) {
        if (options_.cancelled && options_.cancelled()) {
            return {}; // remove_rest() says so
        }
        const auto destroyed = store_.destroy(layer);
        if (destroyed && !*destroyed) {
            return {};
        }
        if (destroyed) {
            report_.layers.push_back(
                text_of(layer.filename() == doomed_ ? target_.name : layer.filename()));
            continue;
        }
        if (destroyed.error().code == K2S_E_TIMEOUT) {
            return std::unexpected(destroyed.error());
        }
        // Its files may still go like any others; if they do, this is a warning.
        report_.warnings.push_back(destroyed.error().message);
    }
    return {};
}

Error Run::leftover(const TreeReport &rest) const {
    const std::string where = text_of(target_.parent / doomed_);
    std::string said =
        fmt::format("{} of '{}' could not be removed, the rest is in '{}': {}", rest.failures,
                    report_.folder, where, fmt::join(rest.reasons, "; "));
    for (const auto &warning : report_.warnings) {
        said += "; " + warning;
    }
    return {K2S_E_PARTIAL, said + "; zap that folder once this is mended"};
}

std::expected<Report, Error> Run::remove_rest() {
    const TreeReport rest = remove_tree(parent_, doomed_.native(), tree_);
    report_.files = rest.files;
    report_.directories = rest.directories;
    if (rest.cancelled) {
        return std::unexpected(
            Error{K2S_E_CANCELLED, fmt::format("cancelled; what is left of '{}' is in '{}'",
                                               report_.folder, text_of(target_.parent / doomed_))});
    }
    if (rest.failures == 0) {
        report_.removed = true;
        return report_;
    }
    if (!options_.on_reboot) {
        return std::unexpected(leftover(rest));
    }
    if (const auto planned = store_.at_next_start(target_.parent / doomed_); !planned) {
        return std::unexpected(planned.error());
    }
    return std::unexpected(Error{
        K2S_E_PARTIAL, fmt::format("{} of '{}' could not be removed now ({}) and go with the next "
                                   "start: restart the computer",
                                   rest.failures, report_.folder, fmt::join(rest.reasons, "; "))});
}

std::expected<Report, Error> Run::remove() {
    store_.acquire_privileges(report_.warnings);
    for (const auto step : {&Run::open_parent, &Run::wait_until_free}) {
        if (auto done = (this->*step)(); !done) {
            return std::unexpected(done.error());
        }
    }
    auto unmounted = unmount(target_);
    if (!unmounted) {
        return std::unexpected(unmounted.error());
    }
    report_.unmounted = std::move(*unmounted);
    if (auto renamed = rename_away(); !renamed) {
        Error error = renamed.error();
        if (!report_.unmounted.empty()) {
            error.message +=
                fmt::format("; '{}' was unmounted", fmt::join(report_.unmounted, "', '"));
        }
        return std::unexpected(std::move(error));
    }
    if (auto destroyed = destroy_layers(); !destroyed) {
        return std::unexpected(destroyed.error());
    }
    return remove_rest();
}

} // namespace

std::expected<Report, Error> zap(const Options &options) {
    if (options.on_reboot) {
        if (auto known = LayerStore::knows_next_start(); !known) {
            return std::unexpected(known.error());
        }
    }
    auto target = guard(options);
    if (!target) {
        return std::unexpected(target.error());
    }
    Run run{options, std::move(*target)};
    return options.dry_run ? run.measure() : run.remove();
}

} // namespace k2s::zap
