// SPDX-License-Identifier: MIT
#include "trust/probe.hpp"

#include <nlohmann/json.hpp>

#include "isolation/limits.hpp"
#include "process/process.hpp"
#include "util/path.hpp"
#include "util/utf8.hpp"

namespace k2s::core::trust {

namespace {

constexpr std::size_t k_report_max = 64 * 1024;
constexpr std::size_t k_noise_max = 4096;
constexpr std::size_t k_quote_max = 240;

/// The worker's report: one JSON object per line. Every step announces itself, so that the last
/// line tells where a library ended that took the worker along.
struct Report {
    ProbeResult result;
    bool finished = false;
};

std::string text_of(const nlohmann::json &line, const char *key) {
    const auto found = line.find(key);
    return found != line.end() && found->is_string() ? found->get<std::string>() : std::string();
}

void read_line(std::string_view text, Report &report) {
    const auto line = nlohmann::json::parse(text, nullptr, false);
    if (!line.is_object() || report.finished) {
        return; // a plugin that writes into the worker's report gains nothing
    }
    auto &result = report.result;
    if (const auto stage = text_of(line, "stage"); !stage.empty()) {
        result.stage = stage;
    }
    if (const auto hash = text_of(line, "sha256"); !hash.empty() && result.sha256.empty()) {
        result.sha256 = hash;
    }
    const auto good = line.find("ok");
    if (good == line.end() || !good->is_boolean()) {
        return;
    }
    report.finished = true;
    result.good = good->get<bool>();
    result.id = text_of(line, "id");
    result.version = text_of(line, "version");
    result.message = text_of(line, "message");
    const auto code = line.find("code");
    if (!result.good) {
        result.code = code != line.end() && code->is_number_integer() && *code < 0
                          ? code->get<std::int32_t>()
                          : K2S_E_FAILED;
    }
}

Report read_report(std::string_view text) {
    Report report;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        read_line(text.substr(0, end), report);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return report;
}

// What the library or the runtime printed last usually says why ("terminate called after …").
std::string quote(const std::string &noise) {
    auto text = lossy_utf8(noise);
    while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') {
        text.pop_back();
    }
    for (auto &c : text) {
        c = static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
    text.resize(utf8_prefix(text, k_quote_max));
    return text.empty() ? text : fmt::format("; it printed: {}", text);
}

std::string doing(const std::string &stage) {
    if (stage == "entry" || stage == "descriptor") {
        return "in its entry function";
    }
    return stage == "load" || stage == "symbol" ? "while it was being loaded" : "while it was read";
}

} // namespace

Result<ProbeResult> probe(const fs::path &worker, const OpenLibrary &library,
                          std::string_view plugin_id, const ProbeRules &rules) {
    const auto name = path_text(library.path());
    std::string report_text;
    std::string noise;
    process::Spec spec;
    spec.program = worker;
    spec.arguments = {rules.foreign          ? "probe-foreign"
                      : rules.sha256.empty() ? "probe"
                                             : "probe-hashed",
                      path_to_utf8(library.path()), std::string(plugin_id), "?", "?"};
    if (rules.foreign) {
        isolation::limit_process(spec, isolation::foreign_limits());
    }
    spec.report = process::Output::append(report_text, k_report_max, true);
    spec.report_argument = 3;
    spec.passed = {{library.native(), 4}};
    spec.out = process::Output::append(noise, k_noise_max);
    spec.err = process::Output::append(noise, k_noise_max);
    spec.deadline = rules.deadline;
    const auto outcome = process::run(std::move(spec));
    if (!outcome) {
        return fail(outcome.error().code, "cannot probe plugin library '{}': {}", name,
                    outcome.error().message);
    }

    auto [result, finished] = read_report(report_text);
    if (!rules.sha256.empty()) {
        result.sha256 = rules.sha256;
    }
    if (finished && outcome->end == process::End::Exited) {
        return result;
    }
    if (result.stage.empty()) {
        return fail(K2S_E_FAILED,
                    "cannot probe plugin library '{}': worker '{}' {} before it began{}", name,
                    path_text(worker), process::describe(*outcome), quote(noise));
    }
    result.good = false;
    const bool hung = outcome->end == process::End::Deadline;
    result.code = hung ? K2S_E_TIMEOUT : K2S_E_FAILED;
    result.message =
        hung ? fmt::format("plugin library '{}' hung {}: it was killed after {} ms{}", name,
                           doing(result.stage), rules.deadline.count(), quote(noise))
             : fmt::format("plugin library '{}' ended its process {}: the worker {}{}", name,
                           doing(result.stage), process::describe(*outcome), quote(noise));
    return result;
}

} // namespace k2s::core::trust
