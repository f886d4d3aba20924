// SPDX-License-Identifier: MIT
#include "process/command.hpp"

#include <algorithm>

#include "util/path.hpp"

namespace k2s::core::process {

namespace {

bool has_nul(std::string_view text) {
    return text.find('\0') != std::string_view::npos;
}

// A backslash is special only before a quote, and then it is doubled; a run of them at the end of
// a quoted argument stands before the closing quote.
void append_quoted(std::string &line, std::string_view argument) {
    if (!argument.empty() && argument.find_first_of(" \t\n\v\"") == std::string_view::npos) {
        line.append(argument);
        return;
    }
    line.push_back('"');
    std::size_t backslashes = 0;
    for (char c : argument) {
        if (c == '\\') {
            ++backslashes;
        } else {
            if (c == '"') {
                line.append(backslashes + 1, '\\');
            }
            backslashes = 0;
        }
        line.push_back(c);
    }
    line.append(backslashes, '\\');
    line.push_back('"');
}

} // namespace

Result<void> check(const Spec &spec) {
    if (spec.program.empty()) {
        return fail(K2S_E_USAGE, "cannot start a process: no program was given");
    }
    const auto count = spec.arguments.size();
    if (spec.report_argument && *spec.report_argument >= count) {
        return fail(K2S_E_USAGE, "{}: the report argument is beyond the arguments",
                    path_text(spec.program));
    }
    for (const auto &passed : spec.passed) {
        if (passed.argument >= count) {
            return fail(K2S_E_USAGE, "{}: a passed handle's argument is beyond the arguments",
                        path_text(spec.program));
        }
    }
    if (std::any_of(spec.arguments.begin(), spec.arguments.end(), has_nul)) {
        return fail(K2S_E_USAGE, "{}: an argument has a NUL byte in it; no platform can pass that",
                    path_text(spec.program));
    }
    for (const auto &[name, value] : spec.set_environment) {
        if (name.empty() || name.find('=') != std::string::npos || has_nul(name) ||
            has_nul(value)) {
            return fail(K2S_E_USAGE,
                        "{}: '{}' cannot be an environment variable: a name has no '=' and neither "
                        "name nor value a NUL byte",
                        path_text(spec.program), name);
        }
    }
    return {};
}

std::string windows_command_line(std::string_view program,
                                 const std::vector<std::string> &arguments) {
    // The program's own name is parsed by a simpler rule: quotes only, no escapes. A Windows path
    // cannot contain a quote, so always quoting it is exact.
    std::string line = "\"";
    line.append(program);
    line.push_back('"');
    for (const auto &argument : arguments) {
        line.push_back(' ');
        append_quoted(line, argument);
    }
    return line;
}

bool Meter::take(std::string_view piece) {
    if (!output_->sink) {
        return true;
    }
    const auto room = output_->limit - taken_;
    if (piece.size() > room) {
        truncated_ = true;
        piece = piece.substr(0, room);
    }
    taken_ += piece.size();
    if (!piece.empty() && !output_->sink(piece)) {
        return false;
    }
    return !(truncated_ && output_->strict);
}

Result<Outcome> run(Spec spec) {
    auto child = Process::start(std::move(spec));
    if (!child) {
        return pass(child);
    }
    return child->wait();
}

} // namespace k2s::core::process
