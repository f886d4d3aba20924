// SPDX-License-Identifier: MIT
#include "ipam/host_local.hpp"

#include <algorithm>
#include <cstdlib>

#include <k2s/sdk/read_file.hpp>

#include "ipam/store.hpp"

namespace k2s::cni {
namespace {

constexpr std::size_t k_longest_resolv_conf = 1 << 20;

/// Takes back what was reserved when the rest of an ADD fails.
class Reservation {
  public:
    Reservation(Store &store, const Owner &owner) : store_(store), owner_(owner) {}
    Reservation(const Reservation &) = delete;
    ~Reservation() {
        if (!kept_) {
            (void)store_.release(owner_);
        }
    }
    void keep() { kept_ = true; }

  private:
    Store &store_;
    const Owner &owner_;
    bool kept_ = false;
};

Result<Address> allocate(Store &store, const RangeSet &set, std::size_t number, const Owner &owner,
                         const std::optional<Address> &wanted) {
    if (wanted) {
        if (*wanted == set.range_of(*wanted)->gateway) {
            return fail(k_bad_config, "requested ip {} is subnet's gateway", wanted->text());
        }
        auto reserved = store.reserve(*wanted, owner, number);
        if (!reserved) {
            return pass(reserved);
        }
        if (!*reserved) {
            return fail(k_internal, "requested IP address {} is not available in range set {}",
                        wanted->text(), set.text());
        }
        return *wanted;
    }
    auto found = store.reserve_next(set, owner, number);
    if (!found) {
        return pass(found);
    }
    if (!*found) {
        return fail(
            k_internal,
            "no IP addresses available in range set: {}; delete containers, widen the range, "
            "or let the runtime garbage-collect the network",
            set.text());
    }
    return **found;
}

/// The requested address that lies in this set; it is taken off the list.
std::optional<Address> take_requested(std::vector<Address> &requested, const RangeSet &set) {
    const auto found = std::ranges::find_if(
        requested, [&](const Address &address) { return set.range_of(address) != nullptr; });
    if (found == requested.end()) {
        return std::nullopt;
    }
    const Address address = *found;
    requested.erase(found);
    return address;
}

Result<void> refuse_second(const IpamConfig &config, const std::vector<Address> &has,
                           const Owner &owner) {
    for (const auto &set : config.sets) {
        for (const auto &address : has) {
            if (set.range_of(address) != nullptr) {
                return fail(
                    k_internal,
                    "{} has been allocated to {}, duplicate allocation is not allowed: DEL it "
                    "first",
                    address.text(), owner.container_id);
            }
        }
    }
    return {};
}

} // namespace

HostLocal::Places HostLocal::default_places() {
#if defined(_WIN32)
    // The reference's path is relative to the drive; K2s reads it there.
    return {"C:/var/lib/cni/networks", {}};
#else
    return {"/var/lib/cni/networks", "/run/k2s/cni"};
#endif
}

std::string HostLocal::folder(const std::string &data_dir, const Request &request) const {
    return (data_dir.empty() ? places_.data : data_dir) + "/" + request.network;
}

Result<Attachment> HostLocal::add(const Request &request) const {
    auto config = read_ipam_config(request);
    if (!config) {
        return pass(config);
    }
    Attachment result;
    if (!config->resolv_conf.empty()) {
        auto dns = read_resolv_conf(config->resolv_conf);
        if (!dns) {
            return pass(dns);
        }
        result.dns = std::move(*dns);
    }
    auto store = Store::open(folder(config->data_dir, request), places_.cache, true);
    if (!store) {
        return pass(store);
    }
    const Owner owner{request.container_id, request.ifname};
    if (auto first = refuse_second(*config, (*store)->addresses_of(owner), owner); !first) {
        return pass(first);
    }
    Reservation reservation(**store, owner);
    for (std::size_t i = 0; i < config->sets.size(); ++i) {
        const RangeSet &set = config->sets[i];
        auto address = allocate(**store, set, i, owner, take_requested(config->requested, set));
        if (!address) {
            address.error().message =
                fmt::format("failed to allocate for range {}: {}", i, address.error().message);
            return pass(address);
        }
        const Range &range = *set.range_of(*address);
        result.ips.push_back({{*address, range.subnet.length}, range.gateway, {}});
    }
    if (!config->requested.empty()) {
        std::string rest;
        for (const auto &address : config->requested) {
            rest += " " + address.text();
        }
        return fail(k_bad_config, "failed to allocate all requested IPs:{}: no range has them",
                    rest);
    }
    result.routes = std::move(config->routes);
    reservation.keep();
    return result;
}

Result<void> HostLocal::del(const Request &request) const {
    auto config = read_ipam_config(request);
    if (!config) {
        return pass(config);
    }
    auto store = Store::open(folder(config->data_dir, request), places_.cache, false);
    if (!store) {
        return pass(store);
    }
    return *store ? (*store)->release({request.container_id, request.ifname}) : Result<void>();
}

Result<void> HostLocal::check(const Request &request) const {
    auto config = read_ipam_config(request);
    if (!config) {
        return pass(config);
    }
    auto store = Store::open(folder(config->data_dir, request), places_.cache, false);
    if (!store) {
        return pass(store);
    }
    if (!*store || (*store)->addresses_of({request.container_id, request.ifname}).empty()) {
        return fail(k_internal, "host-local: failed to find address added by container {}",
                    request.container_id);
    }
    return {};
}

Result<void> HostLocal::gc(const Request &request) const {
    auto config = read_ipam_config(request);
    if (!config) {
        return pass(config);
    }
    auto valid = valid_attachments(request.config);
    if (!valid) {
        return pass(valid);
    }
    auto store = Store::open(folder(config->data_dir, request), places_.cache, false);
    if (!store) {
        return pass(store);
    }
    return *store ? (*store)->release_others(*valid) : Result<void>();
}

Result<void> HostLocal::status(const Request &request) const {
    auto config = read_ipam_config(request);
    if (!config) {
        return pass(config);
    }
    auto store = Store::open(folder(config->data_dir, request), places_.cache, true);
    if (!store) {
        return fail(k_unavailable, "{}", store.error().message);
    }
    for (std::size_t i = 0; i < config->sets.size(); ++i) {
        if (!(*store)->has_free(config->sets[i], i)) {
            return fail(k_unavailable, "no IP addresses available in range set: {}",
                        config->sets[i].text());
        }
    }
    return {};
}

Result<Dns> read_resolv_conf(const std::string &path) {
    std::string content;
    if (const Status read = k2s::read_file(path, k_longest_resolv_conf, content); !read.ok()) {
        return fail(k_io_failure, "\"resolvConf\": {}", read.message());
    }
    Dns dns;
    for (std::size_t at = 0; at < content.size();) {
        const auto end = std::min(content.find('\n', at), content.size());
        std::vector<std::string> words;
        for (auto from = content.find_first_not_of(" \t\r", at); from < end;
             from = content.find_first_not_of(" \t\r", from)) {
            const auto stop = std::min(content.find_first_of(" \t\r\n", from), end);
            words.push_back(content.substr(from, stop - from));
            from = stop;
        }
        at = end + 1;
        if (words.size() < 2 || words.front().front() == '#' || words.front().front() == ';') {
            continue;
        }
        const auto rest = [&](std::vector<std::string> &target) {
            target.insert(target.end(), words.begin() + 1, words.end());
        };
        if (words.front() == "nameserver") {
            dns.nameservers.push_back(words[1]);
        } else if (words.front() == "domain") {
            dns.domain = words[1];
        } else if (words.front() == "search") {
            rest(dns.search);
        } else if (words.front() == "options") {
            rest(dns.options);
        }
    }
    return dns;
}

} // namespace k2s::cni
