// SPDX-License-Identifier: MIT
#include "services/services.hpp"
#include "services/tables/entry.hpp"
#include "services/tables/tables.hpp"
#include "util/path.hpp"

namespace k2s::core::tables {

namespace {

constexpr uint64_t k_max_words = 4096;
constexpr uint64_t k_max_words_bytes = 1024 * 1024;
constexpr uint64_t k_max_input = 256 * 1024 * 1024;
constexpr uint64_t k_default_output = 16 * 1024 * 1024;
constexpr uint64_t k_default_deadline_ms = 60'000;

/// Copies an array of texts; false when it is NULL, too long, or has a NUL in it.
bool copy_words(const k2s_str *words, uint64_t count, std::vector<std::string> &out) {
    if (count > k_max_words || (words == nullptr && count != 0)) {
        return false;
    }
    uint64_t bytes = 0;
    for (uint64_t i = 0; i < count; ++i) {
        if (!readable(words[i], k_max_words_bytes)) {
            return false;
        }
        const std::string_view word = view(words[i]);
        bytes += word.size();
        if (bytes > k_max_words_bytes || word.find('\0') != std::string_view::npos) {
            return false;
        }
        out.emplace_back(word);
    }
    return true;
}

ProcessRequest::Output to_output(const k2s_sink *sink) {
    if (sink == nullptr) {
        return {};
    }
    return [sink](std::string_view data) { return write(*sink, data) == K2S_OK; };
}

int32_t K2S_CALL run(const k2s_host *host, const k2s_process_spec *spec, k2s_process_result *result,
                     k2s_error *error) noexcept {
    return entry(host, K2S_PROCESS_ID, "run", error, [&](const Call &call) -> Status {
        if (spec == nullptr || !K2S_HAS(spec, deadline_ms) || result == nullptr ||
            !K2S_HAS(result, timed_out)) {
            return call.misuse("spec or result is NULL or incomplete");
        }
        ProcessRequest request;
        if (!copy_words(spec->argv, spec->argc, request.argv) || request.argv.empty() ||
            !path_from_utf8(request.argv[0]).is_absolute()) {
            return call.misuse("argv needs an absolute path and at most 4096 words, 1 MiB");
        }
        if (!copy_words(spec->env, spec->env_count, request.env)) {
            return call.misuse("env is NULL, too long, or has a NUL in it");
        }
        for (const std::string &variable : request.env) {
            if (variable.empty() || variable[0] == '=') {
                return call.misuse("env has an entry without a name");
            }
        }
        std::vector<std::string> directory;
        if (!copy_words(&spec->directory, 1, directory)) {
            return call.misuse("the directory is NULL, too long, or has a NUL in it");
        }
        request.directory = std::move(directory[0]);
        if (spec->input.len > k_max_input || (spec->input.ptr == nullptr && spec->input.len != 0)) {
            return call.misuse("the input is NULL or longer than 256 MiB");
        }
        request.input = view({reinterpret_cast<const char *>(spec->input.ptr), spec->input.len});
        for (const k2s_sink *sink : {spec->out, spec->err}) {
            if (sink != nullptr && !writable(sink)) {
                return call.misuse("a sink is incomplete");
            }
        }
        request.out = to_output(spec->out);
        request.err = to_output(spec->err);
        request.output_limit = spec->output_limit != 0 ? spec->output_limit : k_default_output;
        const uint64_t deadline =
            spec->deadline_ms != 0 ? spec->deadline_ms : k_default_deadline_ms;
        request.deadline = std::chrono::milliseconds(std::min(deadline, k_longest_wait_ms));

        Result<ProcessOutcome> outcome =
            call.scope.services().ports.process(call.scope.id(), request);
        if (!outcome) {
            return std::move(outcome.error());
        }
        result->exit_code = outcome->exit_code;
        result->signal = outcome->signal;
        result->timed_out = outcome->timed_out ? 1 : 0;
        if (outcome->timed_out) {
            return Error{K2S_E_TIMEOUT, fmt::format("{} was ended after {} ms, its deadline",
                                                    request.argv[0], request.deadline.count())};
        }
        return K2S_OK;
    });
}

} // namespace

extern constexpr k2s_process process{sizeof(k2s_process), 0, run};

} // namespace k2s::core::tables
