// SPDX-License-Identifier: MIT
#include "command/program.hpp"

#include <algorithm>

#include <boost/filesystem/operations.hpp>

#include <k2s/abi/process.h>
#include <k2s/abi/stdio.h>

#include "base/file.hpp"

namespace k2s::image {

std::string variable(const Host &host, std::string_view name) {
    std::string text;
    const auto *stdio = host.find<k2s_stdio>(K2S_STDIO_ID);
    const k2s_sink sink = Host::string_sink(text);
    if (stdio == nullptr || stdio->environment(host.get(), to_abi(name), &sink) < 0) {
        return {};
    }
    return text;
}

std::string find_program(const Host &host, const std::string &name) {
#if defined(_WIN32)
    constexpr char separator = ';';
    const std::string file = name + ".exe";
#else
    constexpr char separator = ':';
    const std::string &file = name;
#endif
    const std::string here = program_folder();
    std::string folders = here + separator + here + "/bin" + separator + variable(host, "PATH");
    for (size_t at = 0; at < folders.size();) {
        const size_t end = std::min(folders.find(separator, at), folders.size());
        const std::string path = folders.substr(at, end - at) + "/" + file;
        boost::system::error_code failed;
        // A relative entry of PATH would run what lies in the current folder.
        if (to_path(folders.substr(at, end - at)).is_absolute() && end > at &&
            fs::is_regular_file(to_path(path), failed)) {
            return path;
        }
        at = end + 1;
    }
    return {};
}

Result<Ended> run_program(const Host &host, const std::vector<std::string> &arguments,
                          uint64_t deadline_ms) {
    const auto *process = host.find<k2s_process>(K2S_PROCESS_ID);
    if (process == nullptr) {
        return fail(K2S_E_UNSUPPORTED, "this host starts no programs");
    }
    std::vector<k2s_str> argv;
    for (const auto &argument : arguments) {
        argv.push_back(to_abi(argument));
    }
    Ended ended;
    const k2s_sink out = Host::string_sink(ended.out);
    const k2s_sink err = Host::string_sink(ended.err);
    k2s_process_spec spec{};
    spec.struct_size = sizeof(spec);
    spec.argv = argv.data();
    spec.argc = argv.size();
    spec.out = &out;
    spec.err = &err;
    spec.deadline_ms = deadline_ms;
    k2s_process_result result{};
    result.struct_size = sizeof(result);
    k2s_error error = make_error();
    const int32_t status = process->run(host.get(), &spec, &result, &error);
    if (status < 0) {
        return std::unexpected(to_error(status, error));
    }
    if (result.signal != 0) {
        return fail(K2S_E_FAILED, "'{}' was ended by signal {}", arguments[0], result.signal);
    }
    ended.exit_code = result.exit_code;
    return ended;
}

} // namespace k2s::image
