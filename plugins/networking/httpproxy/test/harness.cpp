// SPDX-License-Identifier: MIT
#include "harness.hpp"

#include <boost/asio/ip/udp.hpp>

namespace test {

namespace net = boost::asio;
using boost::system::error_code;
using namespace k2s::httpproxy;

void echo_heads(Peer &peer) {
    for (;;) {
        const std::string head = peer.read_head();
        peer.write(ok(head));
    }
}

std::string ok(const std::string &body, const std::string &fields) {
    return "HTTP/1.1 200 OK\r\n" + fields + "Content-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
}

std::string get(const std::string &url, const std::string &fields) {
    return "GET " + url + " HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n";
}

void Recorder::on_access(const AccessEntry &entry) {
    std::string line = "access ";
    line += entry.method;
    line += ' ';
    line += entry.target;
    line += ' ' + std::to_string(entry.status) + " in=" + std::to_string(entry.bytes_in) +
            " out=" + std::to_string(entry.bytes_out) + " route=";
    line += entry.route;
    line += entry.reused_upstream ? " reused " : " fresh ";
    line += entry.problem;
    add(line);
}

Config quick() {
    Config config;
    config.addr = {"127.0.0.1:0"};
    return config;
}

Harness::Harness(Config config) : running_(std::move(config), recorder_), port_(running_.port()) {
    on_thread([this](Proxy &proxy) { stats_ = proxy.stats(); });
}

std::string Harness::once(const std::string &request) const {
    Peer peer = client();
    peer.write(request);
    peer.shutdown_send();
    return peer.read_all();
}

// Connecting a datagram socket sends nothing, but makes the system choose a source address.
std::string outside_address() {
    net::io_context io;
    net::ip::udp::socket socket(io);
    error_code ec;
    socket.open(net::ip::udp::v4(), ec);
    socket.connect(net::ip::udp::endpoint(net::ip::make_address("192.0.2.1"), 9), ec);
    if (ec) {
        return "";
    }
    const auto address = socket.local_endpoint(ec).address();
    return ec || address.is_loopback() || address.is_unspecified() ? "" : address.to_string();
}

} // namespace test
