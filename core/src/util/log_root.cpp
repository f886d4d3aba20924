// SPDX-License-Identifier: MIT
#include "util/log_root.hpp"

#include <cctype>

#include <boost/filesystem/operations.hpp>
#include <nlohmann/json.hpp>

#include "util/read_file.hpp"

namespace k2s::core {
namespace {

constexpr std::size_t k_max_config = 1024 * 1024;
constexpr int k_max_parents = 6;

struct Candidate {
    std::string text;
    std::string origin;
};

// A broken file of the product must not keep a tool from logging: it counts as "says nothing".
std::string json_string(const fs::path &file, const nlohmann::json::json_pointer &where) {
    const auto content = read_file_if_exists(file, k_max_config);
    if (!content || !*content) {
        return {};
    }
    const auto tree = nlohmann::json::parse(**content, nullptr, false);
    if (tree.is_discarded() || !tree.contains(where) || !tree.at(where).is_string()) {
        return {};
    }
    return tree.at(where).get<std::string>();
}

Candidate from_install_dir(const Surroundings &where) {
    const nlohmann::json::json_pointer key("/configDir/logs");
    const auto read = [&](const fs::path &root) -> Candidate {
        const fs::path file = root / "cfg" / "config.json";
        return {json_string(file, key), path_text(file)};
    };
    if (const auto root = where.env("K2S_INSTALL_DIR")) {
        if (auto found = read(path_from_utf8(*root)); !found.text.empty()) {
            return found;
        }
    }
    fs::path folder = where.executable.parent_path();
    for (int level = 0; level <= k_max_parents && !folder.empty(); ++level) {
        if (auto found = read(folder); !found.text.empty()) {
            return found;
        }
        const fs::path parent = folder.parent_path();
        if (parent == folder) {
            break;
        }
        folder = parent;
    }
    return {};
}

bool is_name_char(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// The variable that starts at `at` (a '$' or '%'): its name and the offset behind it; an empty name
// when the character stands for itself.
std::pair<std::string, std::size_t> variable_at(const std::string &text, std::size_t at) {
    if (text[at] == '%') {
        const std::size_t end = text.find('%', at + 1);
        if (end == std::string::npos) {
            return {{}, at + 1};
        }
        return {text.substr(at + 1, end - at - 1), end + 1};
    }
    if (at + 1 < text.size() && text[at + 1] == '{') {
        const std::size_t end = text.find('}', at + 2);
        if (end == std::string::npos) {
            return {{}, at + 1};
        }
        return {text.substr(at + 2, end - at - 2), end + 1};
    }
    std::size_t end = at + 1;
    while (end < text.size() && is_name_char(text[end])) {
        ++end;
    }
    return {text.substr(at + 1, end - at - 1), end};
}

Result<fs::path> usable(const Candidate &candidate, const Surroundings &where) {
    auto text = expand_path(candidate.text, where);
    if (!text) {
        return pass(text);
    }
    fs::path folder = path_from_utf8(*text);
    if (!folder.is_absolute()) {
        // cfg/config.json of the product names a Windows folder; on Linux it means nothing.
        return fail(K2S_E_CONFIG, "{}: log root \"{}\" is not an absolute path here",
                    candidate.origin, *text);
    }
    if (auto ready = ensure_writable_folder(folder); !ready) {
        return pass(ready);
    }
    return folder;
}

} // namespace

Result<std::string> expand_path(const std::string &text, const Surroundings &where) {
    std::string out;
    std::size_t at = 0;
    if (text.starts_with('~') && (text.size() == 1 || text[1] == '/' || text[1] == '\\')) {
        const auto home = home_dir(where);
        if (!home) {
            return fail(K2S_E_CONFIG, "\"{}\": the home directory of this user is not known", text);
        }
        out = path_to_utf8(*home);
        at = 1;
    }
    while (at < text.size()) {
        if (text[at] != '$' && text[at] != '%') {
            out += text[at++];
            continue;
        }
        const auto [name, next] = variable_at(text, at);
        if (name.empty()) {
            out.append(text, at, next - at);
        } else if (const auto value = where.env(name.c_str())) {
            out += *value;
        } else {
            return fail(K2S_E_CONFIG, "\"{}\": the environment variable {} is not set", text, name);
        }
        at = next;
    }
    return out;
}

Result<void> ensure_writable_folder(const fs::path &folder) {
    boost::system::error_code error;
    fs::create_directories(long_path(folder), error);
    if (error && !fs::is_directory(long_path(folder))) {
        return fail(K2S_E_IO, "cannot create the folder {}: {}", path_text(folder),
                    error.message());
    }
    // Only an attempt tells the truth on every system (access lists, read-only mounts, quotas).
    const fs::path probe = folder / fs::unique_path(".k2s-%%%%-%%%%-%%%%");
    if (!fs::create_directory(long_path(probe), error)) {
        const bool denied = error == boost::system::errc::permission_denied;
        return fail(denied ? K2S_E_PERMISSION : K2S_E_IO, "cannot write in the folder {}: {}",
                    path_text(folder), error.message());
    }
    fs::remove(long_path(probe), error);
    return {};
}

Result<LogRoot> resolve_log_root(const std::string &configured, const Surroundings &where) {
    std::vector<Candidate> candidates;
    const auto add = [&](std::string text, std::string origin) {
        if (!text.empty()) {
            candidates.push_back({std::move(text), std::move(origin)});
        }
    };
    add(configured, "configuration, /log/root");
    add(where.env("K2S_LOG_ROOT").value_or(""), "environment, K2S_LOG_ROOT");
    const fs::path setup = where.system_state / "setup.json";
    add(json_string(setup, nlohmann::json::json_pointer("/LogRoot")), path_text(setup));
    const Candidate installed = from_install_dir(where);
    add(installed.text, installed.origin);
    const std::size_t asked_for = candidates.size();
    candidates.push_back({path_to_utf8(where.default_log_root), "default"});

    LogRoot root;
    for (std::size_t index = 0; index < candidates.size(); ++index) {
        auto folder = usable(candidates[index], where);
        if (folder) {
            root.path = std::move(*folder);
            root.origin = candidates[index].origin;
            root.configured = root.configured || index < asked_for;
            break;
        }
        if (root.notice.empty() && folder.error().code != K2S_E_CONFIG) {
            root.notice = std::move(folder.error().message);
            root.configured = index < asked_for;
        }
    }
    if (!root.path.empty() && root.notice.empty()) {
        return root;
    }
    if (root.path.empty()) {
        auto state = state_dir(where);
        if (!state) {
            return fail(K2S_E_IO, "no folder for log files: {}; {}", root.notice,
                        state.error().message);
        }
        root.path = *state / "log";
        root.origin = "user's state directory";
        if (auto ready = ensure_writable_folder(root.path); !ready) {
            return fail(K2S_E_IO,
                        "no folder for log files: {}; {}; set K2S_LOG_ROOT to a folder that "
                        "this user may write",
                        root.notice, ready.error().message);
        }
    }
    root.notice += "; logging to " + path_text(root.path) +
                   " instead; set K2S_LOG_ROOT to a folder that this user may write";
    return root;
}

const Result<LogRoot> &log_root(const std::string &configured) {
    static const Result<LogRoot> root = resolve_log_root(configured, Surroundings::real());
    return root;
}

} // namespace k2s::core
