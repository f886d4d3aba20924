// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

// Blocking sockets for tests of whole proxies, on threads of their own.
namespace k2s::dataplane::test {

using Tcp = boost::asio::ip::tcp;

/// A blocking connection with a time limit on every wait, for both ends of a test. A wait that
/// takes too long and an unexpected end throw.
class Peer {
  public:
    Peer(Tcp::socket socket, std::shared_ptr<boost::asio::io_context> io);
    Peer(Peer &&) = default;

    static Peer connect(const Tcp::endpoint &to);
    static Peer connect(uint16_t port, const std::string &address = "127.0.0.1");

    void write(const std::string &bytes);
    std::string read(size_t bytes);
    /// Everything up to the end of the stream; a reset counts as an end too.
    std::string read_all();
    /// Of HTTP: start line and fields, through the empty line.
    std::string read_head();
    /// A head and as much body as its Content-Length says.
    std::string read_message();
    bool at_end();
    void shutdown_send();
    /// Ends the connection with a reset.
    void reset();
    void close();
    Tcp::socket &socket() { return *socket_; }

  private:
    size_t fill(); // 0 at the end
    void wait(const bool &done);

    std::shared_ptr<boost::asio::io_context> io_;
    std::unique_ptr<Tcp::socket> socket_;
    std::string buffer_;
};

/// A server on a loopback port that runs `serve` on a thread for each connection.
class Origin {
  public:
    explicit Origin(std::function<void(Peer &)> serve, const std::string &address = "127.0.0.1");
    ~Origin();

    uint16_t port() const { return port_; }
    /// address:port, IPv6 in brackets.
    std::string authority() const;
    int connections() const { return connections_; }
    int finished() const { return finished_; }

  private:
    void run();

    std::function<void(Peer &)> serve_;
    std::string address_;
    std::shared_ptr<boost::asio::io_context> io_;
    Tcp::acceptor acceptor_;
    uint16_t port_;
    std::atomic<int> connections_{0};
    std::atomic<int> finished_{0};
    std::atomic<bool> stopping_{false};
    std::thread thread_;
    std::vector<std::thread> workers_;
};

/// A loopback port that nobody listens on.
uint16_t free_port();

} // namespace k2s::dataplane::test
