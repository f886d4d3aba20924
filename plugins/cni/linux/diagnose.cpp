// SPDX-License-Identifier: MIT
#include "diagnose.hpp"

#include <thread>

#include <netinet/in.h> // before the kernel's

#include <linux/if_link.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>
#include <sched.h>

#include "netlink/netns.hpp"
#include "netlink/socket.hpp"
#include "nft/transaction.hpp"

namespace k2s::cni {
namespace {

Json finding(const char *check, const char *state, std::string text, std::string remedy = {}) {
    return {{"check", check},
            {"state", state},
            {"text", std::move(text)},
            {"remedy", std::move(remedy)}};
}

Result<void> make_link(const char *kind) {
    auto socket = netlink::Socket::open(NETLINK_ROUTE);
    if (!socket) {
        return pass(socket);
    }
    netlink::Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
    message.extra<ifinfomsg>();
    message.nest(IFLA_LINKINFO, [&] { message.put_text(IFLA_INFO_KIND, kind); });
    netlink::Batch batch;
    batch.add(message, fmt::format("make an interface of the kind {}", kind));
    return socket->send(batch);
}

Result<void> make_masquerade() {
    auto socket = netlink::Socket::open(NETLINK_NETFILTER);
    if (!socket) {
        return pass(socket);
    }
    const nft::Chain chain{nft::Family::inet, "k2s-doctor", "leaving"};
    nft::Transaction transaction;
    transaction.add_table(chain.family, chain.table);
    transaction.add_chain(chain, nft::Hook{"nat", NF_INET_POST_ROUTING, 100});
    transaction.add_rule(chain, {}, [](nft::Expressions &rule) { rule.masquerade(); });
    return transaction.commit(*socket, "masquerade with nftables");
}

/// Tries what ADD does, in a network namespace that ends with the thread.
void try_kernel(Json &findings) {
    if (unshare(CLONE_NEWNET) != 0) {
        findings.push_back(finding(
            "kernel", "warn", "what pods need of it can only be tried by root", "sudo k2s doctor"));
        return;
    }
    for (const char *kind : {"bridge", "veth"}) {
        const auto made = make_link(kind);
        findings.push_back(
            made ? finding(kind, "ok", "the kernel has it")
                 : finding(kind, "warn", made.error().message, fmt::format("modprobe {}", kind)));
    }
    const auto made = make_masquerade();
    findings.push_back(made ? finding("nftables", "ok", "the kernel masquerades with it")
                            : finding("nftables", "warn", made.error().message,
                                      "modprobe -a nf_tables nft_masq, or give bridge "
                                      "\"ipMasqBackend\": \"iptables\""));
}

} // namespace

Json diagnose() {
    Json findings = Json::array();
    std::thread([&] { try_kernel(findings); }).join();
    return findings;
}

} // namespace k2s::cni
