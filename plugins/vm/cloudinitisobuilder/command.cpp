// SPDX-License-Identifier: MIT
#include "cloudinitisobuilder/command.hpp"

#include <charconv>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cloudinitisobuilder/builder.hpp"

namespace k2s::cloudinitisobuilder {
namespace {

/// SOURCE_DATE_EPOCH (reproducible-builds.org) or 0.
std::expected<int64_t, Error> epoch(const Host &host) {
    const std::string text = host.environment("SOURCE_DATE_EPOCH");
    if (text.empty()) {
        return 0;
    }
    int64_t seconds = 0;
    const char *end = text.data() + text.size();
    if (const auto [stop, failed] = std::from_chars(text.data(), end, seconds);
        failed != std::errc() || stop != end || seconds < 0) {
        return std::unexpected(Error{
            K2S_E_USAGE, fmt::format("SOURCE_DATE_EPOCH='{}' is no number of seconds", text)});
    }
    return seconds;
}

nlohmann::ordered_json to_json(const Options &options, const Report &report, bool written) {
    nlohmann::ordered_json result{
        {"target", options.target}, {"written", written}, {"image_bytes", report.image_bytes}};
    result["files"] = nlohmann::ordered_json::array();
    for (const auto &file : report.files) {
        result["files"].push_back({{"name", file.name}, {"bytes", file.size}});
    }
    if (!report.skipped.empty()) {
        result["skipped_folders"] = report.skipped;
    }
    return result;
}

} // namespace

Status run_command(const Invocation &call, const Host &host) {
    Options options;
    options.source_dir = call.text("sourceDir");
    options.target = call.text("targetFilePath");
    options.label = call.text("label", options.label);
    const std::string validation = call.text("validation");
    options.validation = validation == "off"      ? Validation::off
                         : validation == "strict" ? Validation::strict
                                                  : Validation::standard;
    const auto seconds = epoch(host);
    if (!seconds) {
        return seconds.error();
    }
    options.epoch = *seconds;

    const auto planned = plan(options);
    if (!planned) {
        return planned.error();
    }
    for (const auto &finding : planned->report.findings) {
        call.err(finding.text() + "\n");
    }
    if (!planned->report.passed) {
        return Error{K2S_E_FAILED, fmt::format("'{}' was not written: the findings above stop it "
                                               "(-validation off packs the files as they are)",
                                               options.target)};
    }
    if (!call.dry_run()) {
        if (const auto written = write(*planned); !written) {
            return written.error();
        }
    }
    call.data(to_json(options, planned->report, !call.dry_run()).dump());
    return K2S_OK;
}

} // namespace k2s::cloudinitisobuilder
