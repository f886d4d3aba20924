// SPDX-License-Identifier: MIT
#include "harness.hpp"

#include <chrono>

namespace test {

using namespace k2s::l4proxy;

void echo(Peer &peer) {
    for (;;) {
        peer.write(peer.read(1));
    }
}

std::function<void(Peer &)> named(const std::string &name) {
    return [name](Peer &peer) { peer.write(name); };
}

std::string tcp_url(uint16_t port) {
    return "tcp://127.0.0.1:" + std::to_string(port);
}

void Recorder::on_access(const k2s::dataplane::AccessRecord &record) {
    std::string line = "access ";
    line += record.method;
    line += ' ';
    line += record.target;
    line += " to=";
    line += record.route;
    line += " in=" + std::to_string(record.bytes_in) + " out=" + std::to_string(record.bytes_out);
    line += ' ';
    line += record.problem;
    add(line);
}

Config forward_to(const std::vector<std::string> &targets) {
    ForwardConfig forward;
    forward.name = "main";
    forward.listen = {"tcp://127.0.0.1:0"};
    for (const std::string &to : targets) {
        forward.targets.push_back({.to = to});
    }
    forward.connect_timeout = std::chrono::milliseconds(800);
    Config config;
    config.forwards.push_back(std::move(forward));
    return config;
}

std::expected<void, k2s::Error> Harness::reload(const Config &config) {
    std::expected<void, k2s::Error> result;
    on_thread([&](Proxy &proxy) { result = proxy.reload(config); });
    return result;
}

const ForwardCounters &Harness::counters(const std::string &name) {
    on_thread([&](Proxy &proxy) {
        for (const auto &forward : proxy.forwards()) {
            if (forward->name() == name) {
                kept_.push_back(forward);
            }
        }
    });
    return kept_.back()->counters;
}

} // namespace test
