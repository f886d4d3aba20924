// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include <dirent.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netlink/link.hpp"
#include "vfprules/backend.hpp"

namespace k2s::vfprules {

bool ports_come_back() {
    return false;
}

bool rules_outlive_ports() {
    return true;
}

bool is_port_id(std::string_view text) {
    return !text.empty() && text.size() < IFNAMSIZ && text != "." && text != ".." &&
           std::ranges::all_of(text, [](char c) { return c > ' ' && c < 127 && c != '/'; });
}

std::string default_records() {
    return "/run/k2s/vfprules";
}

Expected<void> make_private_folder(const std::string &path) {
    for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
        const std::string part = path.substr(0, slash);
        const bool last = slash == std::string::npos;
        if (mkdir(part.c_str(), last ? 0700 : 0755) != 0 && errno != EEXIST) {
            return fail(errno == EACCES ? K2S_E_PERMISSION : K2S_E_IO,
                        "cannot make the folder {}: {}", part, std::strerror(errno));
        }
        if (last) {
            return {};
        }
    }
}

std::vector<std::string> files_in(const std::string &folder) {
    std::vector<std::string> names;
    DIR *const open = opendir(folder.c_str());
    for (const dirent *each; open != nullptr && (each = readdir(open)) != nullptr;) {
        names.emplace_back(each->d_name);
    }
    if (open != nullptr) {
        closedir(open);
    }
    return names;
}

void remove_file(const std::string &path) {
    unlink(path.c_str());
}

Expected<std::vector<LocalAddress>> local_addresses() {
    auto socket = cni::netlink::Socket::open(NETLINK_ROUTE);
    if (!socket) {
        return fail(K2S_E_FAILED, "{}", socket.error().message);
    }
    auto links = cni::netlink::list_links(*socket, 0);
    if (!links) {
        return fail(K2S_E_FAILED, "{}", links.error().message);
    }
    std::vector<LocalAddress> addresses;
    cni::netlink::Message message(RTM_GETADDR, NLM_F_DUMP);
    message.extra<ifaddrmsg>();
    auto asked = socket->ask(message, "list the addresses", [&](const nlmsghdr *answer) {
        const auto address = cni::netlink::read_address(answer);
        const auto link =
            address ? std::ranges::find(*links, address->index, &cni::netlink::Link::index)
                    : links->end();
        if (link != links->end()) {
            addresses.push_back(
                {address->prefix.address, link->name, link->index, link->mac.bytes});
        }
    });
    if (!asked) {
        return fail(K2S_E_FAILED, "{}", asked.error().message);
    }
    return addresses;
}

} // namespace k2s::vfprules
