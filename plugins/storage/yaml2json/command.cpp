// SPDX-License-Identifier: MIT
#include "yaml2json/command.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include <fmt/format.h>

#include <k2s/abi/stdio.h>
#include <k2s/sdk/atomic_file.hpp>
#include <k2s/sdk/read_file.hpp>

#include "yaml2json/convert.hpp"

namespace k2s::yaml2json {
namespace {

constexpr int64_t k_max_spaces = 16;

/// A file or standard input, read as the engine asks for it.
class Input {
  public:
    Input(const Host &host, const std::string &path) : host_{host} {
        if (!path.empty()) {
            file_.reset(detail::open_for_reading(path));
            if (!file_) {
                fail(path, errno);
            }
        } else if (stdio_ = host.find<k2s_stdio>(K2S_STDIO_ID); stdio_ == nullptr) {
            error_ = {K2S_E_UNSUPPORTED, "this host offers no standard input: name a file"};
        }
        path_ = path;
    }

    /// Its message is empty while all is well.
    [[nodiscard]] const Error &error() const noexcept { return error_; }

    static int64_t read(void *context, char *data, size_t size) {
        return static_cast<Input *>(context)->take(data, size);
    }

  private:
    int64_t take(char *data, size_t size) {
        if (stdio_ != nullptr) {
            const int64_t got = stdio_->read(host_.get(), reinterpret_cast<uint8_t *>(data), size);
            if (got < 0) {
                error_ = {static_cast<int32_t>(got), "cannot read standard input"};
            }
            return got;
        }
        errno = 0;
        const size_t got = std::fread(data, 1, size, file_.get());
        if (got == 0 && std::ferror(file_.get()) != 0) {
            fail(path_, errno);
            return -1;
        }
        return static_cast<int64_t>(got);
    }

    void fail(const std::string &path, int why) {
        const int32_t code = why == ENOENT                   ? K2S_E_NOT_FOUND
                             : why == EACCES || why == EPERM ? K2S_E_PERMISSION
                                                             : K2S_E_IO;
        error_ = {code, fmt::format("cannot read '{}': {}", path, std::strerror(why))};
    }

    const Host &host_;
    std::string path_;
    const k2s_stdio *stdio_ = nullptr;
    std::unique_ptr<std::FILE, detail::CloseFile> file_;
    Error error_;
};

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
    options.query = call.text("query");
    if (call.flag("reverse")) {
        if (call.flag("array") || call.flag("indent") || call.given("spaces")) {
            return std::unexpected(Error{
                K2S_E_USAGE, "-reverse writes YAML: it goes without -array, -indent and -spaces"});
        }
        options.output = Output::yaml;
        options.documents = Documents::all;
        options.key_order = KeyOrder::as_written;
        options.merge_keys = false; // in JSON "<<" is a key like any other
        options.escape_html = false;
    }
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
    Input source{host, standard_input ? std::string{} : input};
    if (!source.error().message.empty()) {
        return source.error();
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
    const auto report =
        convert(Reader{&source, Input::read}, standard_input ? "<stdin>" : input, *options, sink);
    if (!report) {
        if (!source.error().message.empty()) {
            return source.error();
        }
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
