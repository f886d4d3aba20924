// SPDX-License-Identifier: MIT
#include "command/program.hpp"

#include <algorithm>

#include <boost/filesystem/operations.hpp>

#include <k2s/sdk/program_folder.hpp>

#include "base/file.hpp"

namespace k2s::image {

std::string find_program(const Host &host, const std::string &name) {
#if defined(_WIN32)
    constexpr char separator = ';';
    const std::string file = name + ".exe";
#else
    constexpr char separator = ':';
    const std::string &file = name;
#endif
    const std::string here = program_folder();
    std::string folders = here + separator + here + "/bin" + separator + host.environment("PATH");
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

Result<Ended> run_to_end(const Host &host, std::vector<std::string> arguments,
                         uint64_t deadline_ms) {
    Ended ended;
    const Program program{std::move(arguments), {}, {}, deadline_ms};
    if (const Status done = run_program(host, program, ended); !done.ok()) {
        return std::unexpected(done.error());
    }
    if (ended.signal != 0) {
        return fail(K2S_E_FAILED, "'{}' was ended by signal {}", program.argv[0], ended.signal);
    }
    return ended;
}

} // namespace k2s::image
