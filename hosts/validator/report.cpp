// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>

#include "util/path.hpp"
#include "util/utf8.hpp"
#include "validator.hpp"

namespace k2s::validator {

namespace {

constexpr std::array<std::string_view, 5> k_names{"pass", "warn", "skip", "fail", "crash"};

std::string_view name(Outcome outcome) {
    return k_names[static_cast<std::size_t>(outcome)];
}

std::size_t count(const std::vector<Finding> &findings, Outcome outcome) {
    return static_cast<std::size_t>(std::ranges::count_if(
        findings, [&](const Finding &one) { return one.verdict.outcome == outcome; }));
}

std::string xml(std::string_view text) {
    std::string result;
    for (const char c : core::lossy_utf8(text)) {
        switch (c) {
        case '&':
            result += "&amp;";
            break;
        case '<':
            result += "&lt;";
            break;
        case '"':
            result += "&quot;";
            break;
        default:
            result += static_cast<unsigned char>(c) < ' ' && c != '\n' && c != '\t' ? ' ' : c;
        }
    }
    return result;
}

std::string as_text(const Subject &subject, std::uint64_t seed,
                    const std::vector<Finding> &findings) {
    std::string text = fmt::format("{} {} ({})\n", subject.manifest.id, subject.manifest.version,
                                   core::path_text(subject.library()));
    for (const auto &[of, verdict, seconds] : findings) {
        text += fmt::format("{:<5}  {:<17}{}\n", name(verdict.outcome), of->name, verdict.message);
        if (verdict.outcome == Outcome::fail || verdict.outcome == Outcome::crash) {
            text += fmt::format("       rule: {}\n", of->rule);
        }
    }
    return text +
           fmt::format("{} passed, {} failed, {} crashed, {} skipped, {} warnings (seed {})\n",
                       count(findings, Outcome::pass), count(findings, Outcome::fail),
                       count(findings, Outcome::crash), count(findings, Outcome::skip),
                       count(findings, Outcome::warn), seed);
}

std::string as_json(const Subject &subject, std::uint64_t seed,
                    const std::vector<Finding> &findings) {
    nlohmann::ordered_json tree{
        {"plugin", subject.manifest.id}, {"version", subject.manifest.version}, {"seed", seed}};
    tree["cases"] = nlohmann::ordered_json::array();
    for (const auto &[of, verdict, seconds] : findings) {
        tree["cases"].push_back({{"case", of->name},
                                 {"outcome", name(verdict.outcome)},
                                 {"message", core::lossy_utf8(verdict.message)},
                                 {"rule", of->rule},
                                 {"seconds", seconds}});
    }
    return tree.dump(2) + "\n";
}

std::string as_junit(const Subject &subject, const std::vector<Finding> &findings) {
    std::string text = fmt::format(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"{}\" tests=\"{}\" "
        "failures=\"{}\" errors=\"{}\" skipped=\"{}\">\n",
        xml(subject.manifest.id), findings.size(), count(findings, Outcome::fail),
        count(findings, Outcome::crash), count(findings, Outcome::skip));
    for (const auto &[of, verdict, seconds] : findings) {
        text += fmt::format("  <testcase classname=\"{}\" name=\"{}\" time=\"{:.3f}\">",
                            xml(subject.manifest.id), of->name, seconds);
        const std::string_view element = verdict.outcome == Outcome::fail    ? "failure"
                                         : verdict.outcome == Outcome::crash ? "error"
                                         : verdict.outcome == Outcome::skip  ? "skipped"
                                                                             : "";
        if (!element.empty()) {
            text += fmt::format("<{} message=\"{}\">{}</{}>", element, xml(verdict.message),
                                xml(of->rule), element);
        } else if (!verdict.message.empty()) {
            text += fmt::format("<system-out>{}</system-out>", xml(verdict.message));
        }
        text += "</testcase>\n";
    }
    return text + "</testsuite>\n";
}

} // namespace

std::string report(const Subject &subject, std::uint64_t seed, const std::vector<Finding> &findings,
                   Style style) {
    return style == Style::text   ? as_text(subject, seed, findings)
           : style == Style::json ? as_json(subject, seed, findings)
                                  : as_junit(subject, findings);
}

} // namespace k2s::validator
