// SPDX-License-Identifier: MIT
#include "ipam/ranges.hpp"

#include <algorithm>

#include <fmt/ranges.h>

#include "spec/version.hpp"

namespace k2s::cni {
namespace {

constexpr std::size_t k_most_sets = 64;
constexpr std::size_t k_most_ranges = 256;

bool overlap(const Range &a, const Range &b) {
    return a.contains(b.first) || a.contains(b.last) || b.contains(a.first) || b.contains(a.last);
}

Result<Range> range_from(const Json &json) {
    auto subnet = prefix_member(json, "subnet");
    auto first = address_member(json, "rangeStart");
    auto last = address_member(json, "rangeEnd");
    auto gateway = address_member(json, "gateway");
    if (!subnet) {
        return pass(subnet);
    }
    for (auto *address : {&first, &last, &gateway}) {
        if (!*address) {
            return pass(*address);
        }
    }
    if (!*subnet) {
        return fail(k_bad_config, "a range has no \"subnet\"");
    }
    Range range{**subnet, {}, {}, {}};
    const Address network = range.subnet.network();
    const auto bits = static_cast<unsigned>(network.size() * 8);
    if (range.subnet.length + 2 > bits) {
        return fail(k_bad_config, "network {} too small to allocate from", range.subnet.text());
    }
    if (range.subnet.address != network) {
        return fail(k_bad_config,
                    "network {} has host bits set: with a length of {} its address is {}",
                    range.subnet.text(), range.subnet.length, network.text());
    }
    if (*gateway && (**gateway).is_v4() != network.is_v4()) {
        return fail(k_bad_config, "gateway {} is of another address family than network {}",
                    (**gateway).text(), range.subnet.text());
    }
    const Address end = network.filled(range.subnet.length);
    range.gateway = gateway->value_or(network.next());
    range.first = first->value_or(network.next());
    range.last =
        last->value_or(network.is_v4() ? end.previous() : end); // not the broadcast address
    for (const auto &[name, address] :
         {std::pair{"rangeStart", range.first}, {"rangeEnd", range.last}}) {
        if (!range.subnet.contains(address)) {
            return fail(k_bad_config, "{} {} not in network {}", name, address.text(),
                        range.subnet.text());
        }
    }
    if (range.last < range.first) {
        return fail(k_bad_config, "rangeStart {} is after rangeEnd {}", range.first.text(),
                    range.last.text());
    }
    return range;
}

Result<void> add_set(const Json &json, IpamConfig &config) {
    if (!json.is_array() || json.empty()) {
        return fail(k_bad_config, "\"ranges\": each range set is a list of at least one range");
    }
    RangeSet set;
    for (const auto &item : json) {
        auto range = range_from(item);
        if (!range) {
            range.error().message =
                fmt::format("range set {}: {}", config.sets.size(), range.error().message);
            return pass(range);
        }
        for (const auto &other : set.ranges) {
            if (other.first.size() != range->first.size()) {
                return fail(k_bad_config, "range set {} mixes address families",
                            config.sets.size());
            }
            if (overlap(other, *range)) {
                return fail(k_bad_config, "range set {}: {} and {} overlap", config.sets.size(),
                            other.text(), range->text());
            }
        }
        set.ranges.push_back(*range);
        if (set.ranges.size() > k_most_ranges) {
            return fail(k_bad_config, "a range set has more than {} ranges", k_most_ranges);
        }
    }
    for (std::size_t i = 0; i < config.sets.size(); ++i) {
        for (const auto &a : config.sets[i].ranges) {
            if (std::ranges::any_of(set.ranges, [&](const Range &b) { return overlap(a, b); })) {
                return fail(k_bad_config, "range set {} overlaps with {}", config.sets.size(), i);
            }
        }
    }
    config.sets.push_back(std::move(set));
    return config.sets.size() <= k_most_sets
               ? Result<void>()
               : fail(k_bad_config, "there are more than {} range sets", k_most_sets);
}

Result<void> read_sets(const Request &request, const Json &ipam, IpamConfig &config) {
    auto runtime = object_member(request.config, "runtimeConfig");
    if (!runtime) {
        return pass(runtime);
    }
    auto first = array_member(*runtime, "ipRanges");
    auto last = array_member(ipam, "ranges");
    for (auto *list : {&first, &last}) {
        if (!*list) {
            return pass(*list);
        }
    }
    // The order of the reference: what the runtime asks for, the old single range, the list.
    Json sets = std::move(*first);
    if (member(ipam, "subnet") != nullptr) {
        sets.push_back(Json::array({ipam}));
    }
    sets.insert(sets.end(), last->begin(), last->end());
    for (const auto &set : sets) {
        if (auto added = add_set(set, config); !added) {
            return added;
        }
    }
    if (config.sets.empty()) {
        return fail(k_bad_config,
                    "no IP ranges specified: \"ipam\" needs \"subnet\" or \"ranges\"");
    }
    for (const bool v4 : {true, false}) {
        const auto count = std::ranges::count_if(config.sets, [&](const RangeSet &set) {
            return set.ranges.front().first.is_v4() == v4;
        });
        if (count > 1 && older(request.version, "0.3.0")) {
            return fail(k_bad_config,
                        "CNI version {} does not support more than 1 address per family",
                        request.version);
        }
    }
    return {};
}

Result<void> request_address(const Json &text, IpamConfig &config) {
    std::optional<Address> address;
    if (text.is_string()) {
        const auto &said = text.get_ref<const std::string &>();
        const auto prefix = Prefix::parse(said);
        address = prefix ? prefix->address : Address::parse(said);
    }
    if (!address) {
        return fail(k_bad_config, "the requested address {} is no IP address",
                    text.dump(-1, ' ', false, Json::error_handler_t::replace));
    }
    if (std::ranges::find(config.requested, *address) == config.requested.end()) {
        config.requested.push_back(*address);
    }
    return {};
}

Result<void> read_requested(const Request &request, IpamConfig &config) {
    auto pairs = read_args(request.args, {"IP", "MAC"});
    if (!pairs) {
        return pass(pairs);
    }
    auto args = object_member(request.config, "args");
    auto runtime = object_member(request.config, "runtimeConfig");
    if (!args || !runtime) {
        return args ? pass(runtime) : pass(args);
    }
    auto cni = object_member(*args, "cni");
    if (!cni) {
        return pass(cni);
    }
    Json wanted = Json::array();
    if (const auto ip = pairs->find("IP"); ip != pairs->end() && !ip->second.empty()) {
        wanted.push_back(ip->second);
    }
    for (const Json &source : {*cni, *runtime}) {
        auto list = array_member(source, "ips");
        if (!list) {
            return pass(list);
        }
        wanted.insert(wanted.end(), list->begin(), list->end());
    }
    for (const auto &text : wanted) {
        if (auto added = request_address(text, config); !added) {
            return added;
        }
    }
    return {};
}

} // namespace

const Range *RangeSet::range_of(const Address &address) const {
    const auto found =
        std::ranges::find_if(ranges, [&](const Range &range) { return range.contains(address); });
    return found == ranges.end() ? nullptr : &*found;
}

std::string RangeSet::text() const {
    std::vector<std::string> texts;
    std::ranges::transform(ranges, std::back_inserter(texts), &Range::text);
    return fmt::format("{}", fmt::join(texts, ","));
}

Result<IpamConfig> read_ipam_config(const Request &request) {
    const Json *ipam = member(request.config, "ipam");
    if (ipam == nullptr || !ipam->is_object()) {
        return fail(k_bad_config, "IPAM config missing 'ipam' key");
    }
    IpamConfig config;
    for (const auto &[name, target] :
         {std::pair{"dataDir", &config.data_dir}, {"resolvConf", &config.resolv_conf}}) {
        auto text = text_member(*ipam, name);
        if (!text) {
            return pass(text);
        }
        *target = std::move(*text);
    }
    if (auto read = read_sets(request, *ipam, config); !read) {
        return pass(read);
    }
    if (auto read = read_requested(request, config); !read) {
        return pass(read);
    }
    auto routes = routes_member(*ipam, "routes");
    if (!routes) {
        return pass(routes);
    }
    config.routes = std::move(*routes);
    return config;
}

} // namespace k2s::cni
