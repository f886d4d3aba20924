// SPDX-License-Identifier: MIT
#include "plan/host.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <linux/rtnetlink.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "netlink/link.hpp"

namespace k2s::network {
namespace {

using cni::netlink::Message;
using cni::netlink::Socket;

template <class T> std::unexpected<Error> failed(const cni::Result<T> &result) {
    return std::unexpected(Error{K2S_E_FAILED, result.error().message});
}

class LinuxHost final : public Host {
  public:
    explicit LinuxHost(Socket socket) : socket_(std::move(socket)) {}

    Expected<std::vector<HostAddress>> addresses() override {
        auto links = cni::netlink::list_links(socket_, 0);
        if (!links) {
            return failed(links);
        }
        std::vector<HostAddress> all;
        Message message(RTM_GETADDR, NLM_F_DUMP);
        message.extra<ifaddrmsg>();
        auto asked = socket_.ask(message, "list the addresses", [&](const nlmsghdr *answer) {
            if (const auto each = cni::netlink::read_address(answer)) {
                all.push_back({each->prefix, each->index, name_of(*links, each->index)});
            }
        });
        return asked ? Expected<std::vector<HostAddress>>(std::move(all)) : failed(asked);
    }

    Expected<std::vector<HostRoute>> routes() override {
        auto links = cni::netlink::list_links(socket_, 0);
        if (!links) {
            return failed(links);
        }
        std::vector<HostRoute> all;
        for (const bool v4 : {true, false}) {
            auto routes = cni::netlink::list_routes(socket_, v4);
            if (!routes) {
                return failed(routes);
            }
            for (const auto &each : *routes) {
                if (each.table == RT_TABLE_MAIN) {
                    all.push_back({each.destination, each.gateway, each.index,
                                   name_of(*links, each.index), each.priority});
                }
            }
        }
        return all;
    }

    Expected<void> add(const HostRoute &route) override {
        return change(route, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, 0);
    }
    Expected<void> remove(const HostRoute &route) override {
        return change(route, RTM_DELROUTE, 0, ESRCH);
    }

  private:
    static std::string name_of(const std::vector<cni::netlink::Link> &links, uint32_t index) {
        const auto found = std::ranges::find(links, index, &cni::netlink::Link::index);
        return found == links.end() ? "" : found->name;
    }

    Expected<void> change(const HostRoute &route, uint16_t type, uint16_t flags, int tolerated) {
        Message message(type, static_cast<uint16_t>(flags | NLM_F_ACK));
        auto &about = message.extra<rtmsg>();
        const auto &to = route.destination.address;
        about.rtm_family = to.is_v4() ? AF_INET : AF_INET6;
        about.rtm_dst_len = static_cast<uint8_t>(route.destination.length);
        about.rtm_table = RT_TABLE_MAIN;
        about.rtm_protocol = type == RTM_NEWROUTE ? RTPROT_STATIC : RTPROT_UNSPEC;
        about.rtm_scope = type == RTM_DELROUTE ? RT_SCOPE_NOWHERE
                          : route.gateway      ? RT_SCOPE_UNIVERSE
                                               : RT_SCOPE_LINK;
        about.rtm_type = RTN_UNICAST;
        message.put(RTA_DST, to.data(), to.size()).put_u32(RTA_OIF, route.index);
        if (route.gateway) {
            message.put(RTA_GATEWAY, route.gateway->data(), route.gateway->size());
        }
        if (route.metric != 0) {
            message.put_u32(RTA_PRIORITY, route.metric);
        }
        cni::netlink::Batch batch;
        batch.add(
            message,
            fmt::format("{} the route {}", type == RTM_NEWROUTE ? "add" : "remove", route.text()),
            tolerated);
        std::vector<int> errors;
        auto sent = socket_.send(batch, {}, &errors);
        if (sent) {
            return {};
        }
        const int why = errors.empty() ? 0 : errors[0];
        return std::unexpected(Error{why == EPERM    ? K2S_E_PERMISSION
                                     : why == EEXIST ? K2S_E_EXISTS
                                                     : K2S_E_FAILED,
                                     sent.error().message});
    }

    Socket socket_;
};

} // namespace

Expected<std::unique_ptr<Host>> open_host(const std::string & /*library*/) {
    auto socket = Socket::open(NETLINK_ROUTE);
    if (!socket) {
        return failed(socket);
    }
    return std::make_unique<LinuxHost>(std::move(*socket));
}

std::string default_folder() {
    return "/var/lib/k2s/network";
}

Expected<void> make_folder(const std::string &path) {
    for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
        const std::string part = path.substr(0, slash);
        if (mkdir(part.c_str(), 0755) != 0 && errno != EEXIST) {
            return std::unexpected(
                Error{errno == EACCES ? K2S_E_PERMISSION : K2S_E_IO,
                      fmt::format("cannot make the folder {}: {}", part, std::strerror(errno))});
        }
        if (slash == std::string::npos) {
            return {};
        }
    }
}

void remove_file(const std::string &path) {
    unlink(path.c_str());
}

} // namespace k2s::network
