// SPDX-License-Identifier: MIT
#include "plan/host.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <sys/file.h>
#include <unistd.h>

#include <fmt/format.h>

#include "netlink/link.hpp"

namespace k2s::network {
namespace {

using cni::netlink::Message;
using cni::netlink::Socket;

class LinuxHost final : public Host {
  public:
    explicit LinuxHost(Socket socket) : socket_(std::move(socket)) {}

    Expected<Surroundings> look() override {
        auto links = cni::netlink::list_links(socket_, 0);
        auto addresses = cni::netlink::list_addresses(socket_, 0);
        auto v4 = cni::netlink::list_routes(socket_, true);
        auto v6 = cni::netlink::list_routes(socket_, false);
        if (!links || !addresses || !v4 || !v6) {
            return cni::as_error(!links       ? links.error()
                                 : !addresses ? addresses.error()
                                 : !v4        ? v4.error()
                                              : v6.error());
        }
        const auto name_of = [&](uint32_t index) {
            const auto found = std::ranges::find(*links, index, &cni::netlink::Link::index);
            return found == links->end() ? "" : found->name;
        };
        Surroundings all;
        for (const auto &each : *addresses) {
            all.addresses.push_back({each.prefix, each.index, name_of(each.index)});
        }
        std::ranges::move(*v6, std::back_inserter(*v4));
        for (const auto &each : *v4) {
            if (each.table == RT_TABLE_MAIN) {
                all.routes.push_back({each.destination, each.gateway, each.index,
                                      name_of(each.index), each.priority});
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
        return cni::as_error(socket.error());
    }
    return std::make_unique<LinuxHost>(std::move(*socket));
}

std::string default_folder() {
    return "/var/lib/k2s/network";
}

Expected<ChangeLock> ChangeLock::take(const std::string &folder,
                                      std::chrono::milliseconds patience) {
    const auto until = std::chrono::steady_clock::now() + patience;
    ChangeLock lock(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const auto file = static_cast<int>(lock.handle_);
    while (file < 0 || flock(file, LOCK_EX | LOCK_NB) != 0) {
        const int why = errno;
        if (file < 0 || (why != EWOULDBLOCK && why != EINTR)) {
            return std::unexpected(
                Error{why == EACCES ? K2S_E_PERMISSION : K2S_E_IO,
                      fmt::format("cannot lock the folder '{}': {}", folder, std::strerror(why))});
        }
        if (std::chrono::steady_clock::now() >= until) {
            return busy();
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return lock;
}

ChangeLock::~ChangeLock() {
    if (handle_ >= 0) {
        close(static_cast<int>(handle_));
    }
}

} // namespace k2s::network
