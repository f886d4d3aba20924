// SPDX-License-Identifier: MIT
#include "plan/pods.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <k2s/sdk/read_file.hpp>

#include "spec/files.hpp"
#include "spec/result.hpp"

namespace k2s::network {
namespace {

constexpr std::size_t k_largest_result = 1 << 20;
constexpr std::size_t k_shown_id = 12, k_shortest_id = 4;

std::string argument(const cni::Json &cached, const char *name) {
    const auto arguments = cni::array_member(cached, "cniArgs");
    for (const auto &pair : arguments ? *arguments : cni::Json::array()) {
        if (pair.is_array() && pair.size() == 2 && pair[0] == name && pair[1].is_string()) {
            return pair[1].get<std::string>();
        }
    }
    return {};
}

std::optional<Pod> read_pod(const std::string &text) {
    const auto cached = cni::parse_json(text, "a cached result");
    const cni::Json *result = cached ? cni::member(*cached, "result") : nullptr;
    const auto attachment = result != nullptr ? cni::attachment_from(*result, "a cached result")
                                              : cni::Result<cni::Attachment>(cni::fail(0, "none"));
    if (!attachment) {
        return std::nullopt;
    }
    Pod pod;
    pod.name = argument(*cached, "K8S_POD_NAME");
    pod.name_space = argument(*cached, "K8S_POD_NAMESPACE");
    pod.container = cni::text_member(*cached, "containerId").value_or("");
    pod.network = cni::text_member(*cached, "networkName").value_or("");
    pod.ifname = cni::text_member(*cached, "ifName").value_or("");
    for (const auto &interface : attachment->interfaces) {
        if (interface.sandbox.empty()) {
            pod.ports.push_back(interface.name);
        }
    }
    for (const auto &ip : attachment->ips) {
        pod.addresses.push_back(ip.address);
    }
    return pod;
}

bool is_called(const Pod &pod, const std::string &word) {
    return word == pod.name || word == pod.name_space + "/" + pod.name ||
           (word.size() >= k_shortest_id && pod.container.starts_with(word));
}

/// All that a word can mean.
Expected<std::vector<End>> meanings(const std::string &word, const std::vector<Pod> &pods) {
    std::vector<End> ends;
    const auto address = Address::parse(word);
    for (const auto &pod : pods) {
        if (!address && !is_called(pod, word)) {
            continue;
        }
        for (const auto &each : pod.addresses) {
            if (!address || each.address == *address) {
                ends.push_back({each.address, &pod});
            }
        }
    }
    if (address) {
        return ends.empty() ? std::vector<End>{{*address, nullptr}} : ends;
    }
    if (ends.empty()) {
        return std::unexpected(
            Error{K2S_E_NOT_FOUND, fmt::format("'{}' is no address, and no pod of this machine is "
                                               "called so",
                                               word)});
    }
    const auto other = std::ranges::find_if(
        ends, [&](const End &end) { return end.pod->container != ends.front().pod->container; });
    if (other != ends.end()) {
        return std::unexpected(
            Error{K2S_E_USAGE, fmt::format("'{}' may be {} ({}) or {} ({}): say more of it", word,
                                           ends.front().pod->text(), ends.front().address.text(),
                                           other->pod->text(), other->address.text())});
    }
    return ends;
}

} // namespace

std::string Pod::text() const {
    return name.empty() ? container.substr(0, k_shown_id) : name_space + "/" + name;
}

std::string default_cache() {
#if defined(_WIN32)
    return "C:/var/lib/cni/results";
#else
    return "/var/lib/cni/results";
#endif
}

std::vector<Pod> cached_pods(const std::string &folder) {
    std::vector<Pod> pods;
    for (const auto &name : cni::files_in(folder)) {
        std::string text;
        if (read_file(folder + "/" + name, k_largest_result, text).ok()) {
            if (auto pod = read_pod(text)) {
                pods.push_back(std::move(*pod));
            }
        }
    }
    return pods;
}

Expected<std::pair<End, End>> find_ends(const std::vector<std::string> &words,
                                        const std::vector<Pod> &pods) {
    if (words.size() != 2) {
        return std::unexpected(Error{K2S_E_USAGE, "trace needs two ends, each an address or a pod: "
                                                  "where the packet comes from and where it goes"});
    }
    const auto from = meanings(words[0], pods), to = meanings(words[1], pods);
    if (!from || !to) {
        return std::unexpected(from ? to.error() : from.error());
    }
    for (const auto &one : *from) {
        for (const auto &other : *to) {
            if (one.address.is_v4() == other.address.is_v4()) {
                return std::pair{one, other};
            }
        }
    }
    return std::unexpected(Error{K2S_E_USAGE, "the two ends have no addresses of one family"});
}

} // namespace k2s::network
