// SPDX-License-Identifier: MIT
#include "zap/command.hpp"

#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <k2s/abi/progress.h>

#include "zap/zap.hpp"

namespace k2s::zap {
namespace {

/// A bar without a known end, where the host has bars.
class Bar {
  public:
    Bar(const Host &host, std::string_view title)
        : host_{host}, progress_{host.find<k2s_progress>(K2S_PROGRESS_ID)} {
        if (progress_ != nullptr &&
            progress_->begin(host_.get(), to_abi(title), 0, K2S_UNIT_ITEMS, &bar_) < 0) {
            progress_ = nullptr;
        }
    }
    ~Bar() {
        if (progress_ != nullptr) {
            progress_->end(host_.get(), bar_);
        }
    }
    Bar(const Bar &) = delete;
    Bar &operator=(const Bar &) = delete;

    void advance(uint64_t items) const {
        if (progress_ != nullptr) {
            progress_->advance(host_.get(), bar_, items);
        }
    }

  private:
    const Host &host_;
    const k2s_progress *progress_;
    k2s_handle bar_ = 0;
};

nlohmann::ordered_json to_json(const Report &report, bool dry_run) {
    nlohmann::ordered_json result{{"folder", report.folder},
                                  {"removed", report.removed},
                                  {"files", report.files},
                                  {"directories", report.directories}};
    if (dry_run) {
        result["bytes"] = report.bytes;
        result["at_least"] = report.at_least;
    }
    if (!report.layers.empty()) {
        result["layers"] = report.layers;
    }
    if (!report.unmounted.empty()) {
        result["unmounted"] = report.unmounted;
    }
    if (!report.in_use.empty()) {
        result["in_use"] = report.in_use;
    }
    return result;
}

} // namespace

Status run_command(const Invocation &call, const Host &host) {
    Options options;
    const std::string argument = call.text("path");
    options.folder = call.text("folder", argument);
    if (!argument.empty() && call.given("folder")) {
        return Error{K2S_E_USAGE, fmt::format("two folders are named, '{}' and '{}': give one",
                                              options.folder, argument)};
    }
    options.roots = call.list("root");
    options.force = call.flag("force");
    options.on_reboot = call.flag("on-reboot");
    options.dry_run = call.dry_run();
    options.wait_ms = static_cast<uint64_t>(call.integer("wait"));
    options.layer_ms = static_cast<uint64_t>(call.integer("layer-timeout"));
    const int64_t threads = call.integer("threads");
    if (threads < 0 || threads > k_max_threads) {
        return Error{K2S_E_USAGE, fmt::format("-threads {}: give 0 to {}", threads, k_max_threads)};
    }
    options.threads = static_cast<uint32_t>(threads);
    options.cancelled = [&host] { return host.cancelled(); };
    const Bar bar{host, "zap"};
    options.progress = [&bar](uint64_t items) { bar.advance(items); };

    const auto report = zap(options);
    if (!report) {
        return report.error();
    }
    for (const auto &warning : report->warnings) {
        host.log().warn(warning);
    }
    call.data(to_json(*report, options.dry_run).dump());
    return K2S_OK;
}

} // namespace k2s::zap
