// SPDX-License-Identifier: MIT
#include "yaml2json/command.hpp"

#include <string>

#include <fmt/format.h>

#include <k2s/abi/draft/stdio.h>
#include <k2s/sdk/atomic_file.hpp>
#include <k2s/sdk/read_file.hpp>

#include "yaml2json/convert.hpp"

namespace k2s::yaml2json {
namespace {

constexpr int64_t k_max_spaces = 16;

Status read_standard_input(const Host &host, size_t limit, std::string &content) {
    const auto *stdio = host.find<k2s_stdio>(K2S_STDIO_ID);
    if (stdio == nullptr) {
        return Error{K2S_E_UNSUPPORTED, "this host offers no standard input: name a file"};
    }
    uint8_t buffer[65536];
    for (;;) {
        const int64_t got = stdio->read(host.get(), buffer, sizeof(buffer));
        if (got < 0) {
            return Error{static_cast<int32_t>(got), "cannot read standard input"};
        }
        if (got == 0) {
            return K2S_OK;
        }
        content.append(reinterpret_cast<const char *>(buffer), static_cast<size_t>(got));
        if (content.size() > limit) {
            return Error{K2S_E_NO_MEMORY,
                         fmt::format("standard input is longer than the limit of {} bytes "
                                     "(-max-input)",
                                     limit)};
        }
    }
}

/// The engine's options as the command line gives them.
std::expected<Options, Error> options_of(const Invocation &call, bool to_file) {
    Options options;
    if (call.flag("array") && call.flag("all")) {
        return std::unexpected(Error{K2S_E_USAGE, "give either -all or -array, not both"});
    }
    options.documents = call.flag("array")             ? Documents::array
                        : call.flag("all") || !to_file ? Documents::all
                                                       : Documents::first;
    if (call.given("spaces")) {
        const int64_t spaces = call.integer("spaces");
        if (spaces < 1 || spaces > k_max_spaces) {
            return std::unexpected(
                Error{K2S_E_USAGE, fmt::format("-spaces {}: give 1 to {}", spaces, k_max_spaces)});
        }
        options.indent = Indent::spaces(static_cast<uint8_t>(spaces));
    } else if (call.flag("indent")) {
        options.indent = Indent::tab();
    }
    const int64_t depth = call.integer("max-depth");
    if (depth < 1 || depth > 10'000) {
        return std::unexpected(
            Error{K2S_E_USAGE, fmt::format("-max-depth {}: give 1 to 10000", depth)});
    }
    options.limits.depth = static_cast<uint32_t>(depth);
    options.limits.input_bytes = static_cast<uint64_t>(call.integer("max-input"));
    options.key_order = call.flag("keep-order") ? KeyOrder::as_written : KeyOrder::sorted;
    options.duplicate_keys =
        call.flag("last-wins") ? DuplicateKeys::last_wins : DuplicateKeys::refuse;
    options.escape_html = !call.flag("no-escape");
    options.merge_keys = !call.flag("no-merge");
    options.yaml11_booleans = call.flag("yaml-1.1-booleans");
    options.final_newline = !to_file;
    return options;
}

} // namespace

Status run_command(const Invocation &call, const Host &host) {
    const std::string argument = call.text("file");
    const std::string option = call.text("input");
    if (!argument.empty() && !option.empty()) {
        return Error{K2S_E_USAGE, fmt::format("two inputs are named, '{}' and '{}': give one",
                                              option, argument)};
    }
    const std::string &input = option.empty() ? argument : option;
    const std::string output = call.text("output");
    const auto options = options_of(call, !output.empty());
    if (!options) {
        return options.error();
    }

    const bool standard_input = input.empty() || input == "-";
    std::string content;
    const Status read = standard_input
                            ? read_standard_input(host, options->limits.input_bytes, content)
                            : read_file(input, options->limits.input_bytes, content);
    if (!read.ok()) {
        return read;
    }

    AtomicFile file;
    if (!output.empty() && !file.open(output)) {
        return file.error();
    }
    struct Target {
        const Invocation *call;
        AtomicFile *file; ///< nullptr: standard output
    } target{&call, output.empty() ? nullptr : &file};
    const Sink sink{&target, [](void *context, const char *data, size_t size) {
                        const auto &to = *static_cast<Target *>(context);
                        return to.file != nullptr ? to.file->write(data, size)
                                                  : to.call->out({data, size});
                    }};
    const auto report = convert(content, standard_input ? "<stdin>" : input, *options, sink);
    if (!report) {
        return target.file != nullptr && report.error().code == K2S_E_IO ? file.error()
                                                                         : report.error();
    }
    if (target.file != nullptr && !file.commit()) {
        return file.error();
    }
    if (report->written < report->documents) {
        host.log().warn(
            fmt::format("only the first of {} documents was converted: -all or -array convert all",
                        report->documents));
    }
    return K2S_OK;
}

} // namespace k2s::yaml2json
