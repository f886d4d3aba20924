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
#include "l4proxy/forward.hpp"
#include "l4proxy/proxy.hpp"

namespace test {

using Tcp = boost::asio::ip::tcp;
using k2s::l4proxy::Config;
using k2s::l4proxy::ForwardConfig;

/// A blocking connection with a time limit on every wait, for both ends of a test. A wait that
/// takes too long and an unexpected end throw.
class Peer {
  public:
    Peer(Tcp::socket socket, std::shared_ptr<boost::asio::io_context> io);
    Peer(Peer &&) = default;

    static Peer connect(uint16_t port, const std::string &address = "127.0.0.1");

    void write(const std::string &bytes);
    std::string read(size_t bytes);
    /// Everything up to the end of the stream; a reset counts as an end too.
    std::string read_all();
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
    std::string url() const;
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

/// Sends back what comes, until the end.
void echo(Peer &peer);
/// Sends `name` and closes.
std::function<void(Peer &)> named(const std::string &name);

/// A loopback port that nobody listens on.
uint16_t free_port();
std::string tcp_url(uint16_t port);

/// What the proxy reported, as text.
class Recorder final : public k2s::l4proxy::Observer {
  public:
    void on_log(k2s::l4proxy::LogLevel level, std::string_view message,
                std::initializer_list<k2s::l4proxy::LogField> fields) override;
    bool wants_access() const override { return true; }
    void on_access(const k2s::dataplane::AccessRecord &record) override;
    std::string text() const;
    /// Waits until the text contains `what`.
    bool saw(const std::string &what) const;

  private:
    mutable std::mutex mutex_;
    std::string text_;
};

/// One forward from a free loopback port, with short times.
Config forward_to(const std::vector<std::string> &targets);

/// A running proxy.
class Harness {
  public:
    explicit Harness(Config config);
    ~Harness();

    uint16_t port(size_t listener = 0) const;
    Peer client(size_t listener = 0) const { return Peer::connect(port(listener)); }
    /// Connects and takes all that comes.
    std::string whole_answer() const;
    /// Runs `work` on the proxy's thread and waits for it.
    void on_thread(const std::function<void(k2s::l4proxy::Proxy &)> &work);
    std::expected<void, k2s::Error> reload(const Config &config);
    /// Of the forward of this name.
    const k2s::l4proxy::ForwardCounters &counters(const std::string &name = "main");
    Recorder &recorder() { return *recorder_; }

  private:
    boost::asio::io_context io_{1};
    std::shared_ptr<Recorder> recorder_ = std::make_shared<Recorder>();
    std::unique_ptr<k2s::l4proxy::Proxy> proxy_;
    std::vector<std::shared_ptr<const k2s::l4proxy::Forward>> kept_; // whose counters are used
    std::thread thread_;
};

bool contains(const std::string &text, const std::string &part);

using k2s::dataplane::test::eventually;

} // namespace test
