// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "dataplane/test/eventually.hpp"
#include "proxy.hpp"

namespace test {

using Tcp = boost::asio::ip::tcp;
using k2s::httpproxy::Config;

/// A blocking connection with a time limit on every wait, for both ends of a test. A wait that
/// takes too long and an unexpected end throw.
class Peer {
  public:
    Peer(Tcp::socket socket, std::shared_ptr<boost::asio::io_context> io);
    Peer(Peer &&) = default;

    static Peer connect(const Tcp::endpoint &to);

    void write(const std::string &bytes);
    /// Start line and fields, through the empty line.
    std::string read_head();
    std::string read(size_t bytes);
    /// Everything up to the end of the stream; a reset counts as an end too.
    std::string read_all();
    /// A head and as much body as its Content-Length says.
    std::string read_message();
    bool at_end();
    void shutdown_send();
    void close();
    Tcp::socket &socket() { return *socket_; }

  private:
    size_t fill(); // 0 at the end

    std::shared_ptr<boost::asio::io_context> io_;
    std::unique_ptr<Tcp::socket> socket_;
    std::string buffer_;
};

/// A server on a loopback port that runs `serve` on a thread for each connection.
class Origin {
  public:
    explicit Origin(std::function<void(Peer &)> serve);
    ~Origin();

    uint16_t port() const { return port_; }
    std::string authority() const { return "127.0.0.1:" + std::to_string(port_); }
    std::string url(const std::string &path) const { return "http://" + authority() + path; }
    int connections() const { return connections_; }

  private:
    void run();

    std::function<void(Peer &)> serve_;
    std::shared_ptr<boost::asio::io_context> io_;
    Tcp::acceptor acceptor_;
    uint16_t port_;
    std::atomic<int> connections_{0};
    std::atomic<bool> stopping_{false};
    std::thread thread_;
    std::vector<std::thread> workers_;
};

/// Answers every request with 200 and a body that repeats the request's head; keeps connections.
void echo_heads(Peer &peer);

/// A Content-Length response.
std::string ok(const std::string &body, const std::string &fields = "");

/// GET in absolute form.
std::string get(const std::string &url, const std::string &fields = "");

/// What the proxy reported.
class Recorder final : public k2s::httpproxy::Observer {
  public:
    void on_log(k2s::httpproxy::LogLevel level, std::string_view message,
                std::initializer_list<k2s::httpproxy::LogField> fields) override;
    void on_access(const k2s::httpproxy::AccessEntry &entry) override;
    /// Everything so far as text, one line each.
    std::string text() const;
    /// Waits until the text contains `what`.
    bool saw(const std::string &what) const;

  private:
    mutable std::mutex mutex_;
    std::string text_;
};

/// A config for tests: one loopback port, short times.
Config quick();

/// A running proxy.
class Harness {
  public:
    explicit Harness(Config config = quick());
    ~Harness();

    uint16_t port() const { return port_; }
    Peer client() const;
    /// One request on a connection of its own; everything up to the end of the stream.
    std::string once(const std::string &request) const;
    /// Runs `work` on the proxy's thread and waits for it.
    void on_thread(const std::function<void(k2s::httpproxy::Proxy &)> &work);
    const k2s::httpproxy::Counters &stats() const { return *stats_; }
    Recorder &recorder() { return *recorder_; }

  private:
    boost::asio::io_context io_{1};
    std::shared_ptr<Recorder> recorder_ = std::make_shared<Recorder>();
    std::unique_ptr<k2s::httpproxy::Proxy> proxy_;
    std::shared_ptr<const k2s::httpproxy::Counters> stats_;
    uint16_t port_ = 0;
    std::thread thread_;
};

/// An address of this host beyond loopback, as text; empty when it has none.
std::string outside_address();

bool contains(const std::string &text, const std::string &part);

using k2s::dataplane::test::eventually;

} // namespace test
