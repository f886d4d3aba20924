// SPDX-License-Identifier: MIT
#include <algorithm>

#include <boost/filesystem/operations.hpp>

#include "base/file.hpp"
#include "command/common.hpp"
#include "command/program.hpp"

namespace k2s::image {
namespace {

constexpr uint64_t k_deadline_ms = 60 * 60 * 1000;

/// Where K2s and Docker keep their layers on Windows, as far as such a folder is there.
std::string resolve(const Host &host, bool docker) {
    boost::system::error_code failed;
    if (docker) {
        const std::string folder = host.environment("ProgramData") + "/docker";
        return fs::is_directory(to_path(folder), failed) ? folder : std::string();
    }
    for (char drive = 'C'; drive <= 'Z'; ++drive) {
        const std::string folder = fmt::format("{}:/containerd/root", drive);
        if (fs::is_directory(to_path(folder), failed)) {
            return folder;
        }
    }
    return {};
}

} // namespace

/// The work is zap's: it destroys layers in their order and names who uses them.
Status run_reset_storage(const Invocation &call, const Host &host) {
    const int64_t retries = call.integer("max-retry");
    if (retries < 0 || retries > 100) {
        return Error{K2S_E_USAGE, fmt::format("--max-retry {}: give 0 to 100", retries)};
    }
    const std::string zap = find_program(host, "zap");
    if (zap.empty()) {
        return Error{K2S_E_NOT_FOUND, "zap, which does the work, is not beside this program"};
    }
    std::vector<std::string> folders;
    for (const char *option : {"containerd", "docker"}) {
        std::string folder = call.text(option);
        if (folder.empty()) {
            folder = resolve(host, std::string_view(option) == "docker");
        }
        if (!folder.empty()) {
            folders.push_back(std::move(folder));
        }
    }
    if (folders.empty()) {
        return Error{K2S_E_NOT_FOUND,
                     "no layer store was found; name it with --containerd or --docker"};
    }
    if (!call.dry_run() && !call.flag("force")) {
        std::string list;
        for (const auto &folder : folders) {
            list += " '" + folder + "'";
        }
        return Error{
            K2S_E_USAGE,
            fmt::format("this removes all images and containers in{}; stop containerd and "
                        "docker, then repeat it with --force (--dry-run shows what would go)",
                        list)};
    }
    Json result = Json::array();
    for (const auto &folder : folders) {
        boost::system::error_code failed;
        if (!fs::is_directory(to_path(folder), failed)) {
            return Error{K2S_E_NOT_FOUND, fmt::format("there is no folder '{}'", folder)};
        }
        std::vector<std::string> words{zap, "-root", from_path(to_path(folder).parent_path()),
                                       "-folder", folder};
        if (call.flag("force-zap")) {
            words.emplace_back("-force");
        }
        if (call.dry_run()) {
            words.emplace_back("-dry-run");
        }
        for (int64_t attempt = 0;; ++attempt) {
            const auto ended = run_to_end(host, words, k_deadline_ms);
            if (!ended) {
                return ended.error();
            }
            if (ended->exit_code == 0) {
                break;
            }
            if (attempt >= retries) {
                return Error{-std::clamp(ended->exit_code, 1, 8),
                             fmt::format("'{}' was not reset: {}", folder, ended->err)};
            }
        }
        result.push_back({{"folder", folder}, {"removed", !call.dry_run()}});
    }
    call.data(result.dump());
    return K2S_OK;
}

} // namespace k2s::image
