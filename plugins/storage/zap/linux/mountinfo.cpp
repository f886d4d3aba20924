// SPDX-License-Identifier: MIT
#include "mountinfo.hpp"

#include <algorithm>
#include <charconv>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace k2s::zap {
namespace {

/// What of /proc is a file; empty when it cannot be read.
std::string read_file(const std::string &path) {
    std::string text;
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    char buffer[16 * 1024];
    for (ssize_t size = 0; fd >= 0 && (size = read(fd, buffer, sizeof(buffer))) > 0;) {
        text.append(buffer, static_cast<size_t>(size));
    }
    if (fd >= 0) {
        close(fd);
    }
    return text;
}

/// proc(5): space, tab, line feed, backslash and what else would be ambiguous are written as \ooo.
std::string unescape(std::string_view text) {
    std::string result;
    for (size_t i = 0; i < text.size(); ++i) {
        const auto octal = [&](size_t at) { return text[at] >= '0' && text[at] <= '7'; };
        if (text[i] == '\\' && i + 3 < text.size() && octal(i + 1) && octal(i + 2) &&
            octal(i + 3)) {
            result.push_back(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                               (text[i + 3] - '0')));
            i += 3;
        } else {
            result.push_back(text[i]);
        }
    }
    return result;
}

std::vector<std::string_view> split(std::string_view text, char at) {
    std::vector<std::string_view> parts;
    for (size_t begin = 0; begin <= text.size();) {
        const size_t end = std::min(text.find(at, begin), text.size());
        parts.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return parts;
}

void add(std::vector<std::string> &folders, std::string folder) {
    if (!folder.empty() && std::ranges::find(folders, folder) == folders.end()) {
        folders.push_back(std::move(folder));
    }
}

/// The list of lowerdir=. Most kernels show what the mounter wrote, where "\:" is a colon of a
/// name; some show the names and write such a colon as \072. With a backslash in it nobody can tell
/// these apart, so the folders of both readings count.
void add_list(std::vector<std::string> &folders, std::string_view value) {
    std::string folder;
    const std::string written = unescape(value);
    for (size_t i = 0; i < written.size(); ++i) {
        if (written[i] == ':') {
            add(folders, std::exchange(folder, {}));
            continue;
        }
        i += written[i] == '\\' && i + 1 < written.size() ? 1 : 0;
        folder.push_back(written[i]);
    }
    add(folders, std::move(folder));
    if (value.contains('\\')) {
        for (const auto name : split(value, ':')) {
            add(folders, unescape(name));
        }
    }
}

/// A value that is one folder: with the mounter's backslashes, and without.
void add_one(std::vector<std::string> &folders, std::string_view value) {
    const std::string written = unescape(value);
    std::string folder;
    for (size_t i = 0; i < written.size(); ++i) {
        i += written[i] == '\\' && i + 1 < written.size() ? 1 : 0;
        folder.push_back(written[i]);
    }
    add(folders, written);
    add(folders, std::move(folder));
}

void read_options(Mount &mount, std::string_view options) {
    for (const auto option : split(options, ',')) {
        const size_t equal = option.find('=');
        if (equal == std::string_view::npos) {
            continue;
        }
        const auto key = option.substr(0, equal);
        const auto value = option.substr(equal + 1);
        if (key == "lowerdir") {
            add_list(mount.layers, value);
        } else if (key == "lowerdir+" || key == "datadir+") {
            add_one(mount.layers, value);
        } else if (key == "upperdir" || key == "workdir") {
            add_one(mount.own, value);
        }
    }
    for (const auto &folder : mount.own) {
        add(mount.layers, folder);
    }
}

uint64_t number(std::string_view text) {
    uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

} // namespace

std::vector<Mount> parse_mounts(std::string_view mountinfo) {
    std::vector<Mount> found;
    for (const auto line : split(mountinfo, '\n')) {
        // id parent major:minor root point options [fields] - type source super-options
        const auto words = split(line, ' ');
        const auto dash = std::ranges::find(words, "-");
        if (dash - words.begin() < 6 || words.end() - dash < 4) {
            continue;
        }
        Mount mount;
        mount.id = number(words[0]);
        mount.parent = number(words[1]);
        mount.device = words[2];
        mount.root = unescape(words[3]);
        mount.point = unescape(words[4]);
        mount.type = dash[1];
        if (mount.type == "overlay") {
            read_options(mount, dash[3]);
        }
        found.push_back(std::move(mount));
    }
    return found;
}

std::vector<Mount> mounts(const std::string &process) {
    return parse_mounts(read_file("/proc/" + process + "/mountinfo"));
}

std::string name_of(const std::string &process) {
    std::string name = read_file("/proc/" + process + "/comm");
    name.resize(std::min(name.find('\n'), name.size()));
    return name;
}

} // namespace k2s::zap
