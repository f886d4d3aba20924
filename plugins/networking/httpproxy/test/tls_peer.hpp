// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include "harness.hpp"

namespace test {

/// The blocking server side of TLS for one connection.
struct TlsPeer {
    TlsPeer(Peer &peer, boost::asio::ssl::context &context) : stream(peer.socket(), context) {
        stream.handshake(boost::asio::ssl::stream_base::server);
    }
    std::string read_head() {
        std::string head;
        char byte = 0;
        while (!head.ends_with("\r\n\r\n")) {
            if (stream.read_some(boost::asio::buffer(&byte, 1)) == 1) {
                head += byte;
            }
        }
        return head;
    }
    void write(const std::string &bytes) { boost::asio::write(stream, boost::asio::buffer(bytes)); }
    boost::asio::ssl::stream<Tcp::socket &> stream;
};

} // namespace test
