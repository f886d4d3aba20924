// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/test/unit_test.hpp>

#include "dataplane/test/recorded_text.hpp"
#include "l4proxy/udp_forward.hpp"

namespace test {

using Udp = boost::asio::ip::udp;

/// A blocking UDP socket with a time limit on every wait.
class UdpPeer {
  public:
    explicit UdpPeer(const Udp::endpoint &bind_to = {boost::asio::ip::address_v4::loopback(), 0});
    void send(const std::string &datagram, const Udp::endpoint &to);
    /// The next datagram, and from where in `from`; nothing when none comes in time.
    std::optional<std::string>
    receive(std::chrono::milliseconds patience = std::chrono::seconds(5));
    Udp::endpoint endpoint() const { return socket_.local_endpoint(); }
    void close() { socket_.close(); }
    Udp::endpoint from;

  private:
    boost::asio::io_context io_;
    Udp::socket socket_{io_};
    std::string buffer_ = std::string(65536, '\0');
};

/// Answers each datagram with `answer` of it, on a thread.
class UdpServer {
  public:
    using Answer = std::function<std::vector<std::string>(const std::string &)>;
    explicit UdpServer(Answer answer,
                       const Udp::endpoint &bind_to = {boost::asio::ip::address_v4::loopback(), 0});
    ~UdpServer();
    Udp::endpoint endpoint() const { return peer_.endpoint(); }
    int received() const { return received_; }
    /// Of different clients so far, as the server sees them.
    size_t clients() const;

  private:
    void run();
    UdpPeer peer_;
    Answer answer_;
    std::atomic<bool> stopping_{false};
    std::atomic<int> received_{0};
    mutable std::mutex mutex_;
    std::vector<Udp::endpoint> clients_;
    std::thread thread_;
};

/// The datagram back.
std::vector<std::string> echo(const std::string &datagram);

class UdpLog final : public k2s::dataplane::Observer, public k2s::dataplane::test::RecordedText {
  public:
    void on_log(k2s::dataplane::LogLevel, std::string_view message,
                std::initializer_list<k2s::dataplane::LogField> fields) override {
        add(message, fields);
    }
};

/// A running forward to `targets`.
class UdpHarness {
  public:
    UdpHarness(std::vector<k2s::l4proxy::UdpTarget> targets, k2s::l4proxy::UdpOptions options = {},
               const std::string &listen = "udp://127.0.0.1:0");
    ~UdpHarness();

    Udp::endpoint endpoint() const { return endpoint_; }
    const k2s::l4proxy::UdpCounters &counters() const { return *counters_; }
    void on_thread(const std::function<void(k2s::l4proxy::UdpForward &)> &work);
    k2s::l4proxy::Balancer &balancer() { return *balancer_; }
    std::string log() const { return log_->text(); }
    std::vector<std::string> ended() const;
    void set_admit(std::function<bool(const k2s::Address &)> admit) { admit_ = std::move(admit); }

  private:
    boost::asio::io_context io_{1};
    std::shared_ptr<UdpLog> log_ = std::make_shared<UdpLog>();
    std::shared_ptr<k2s::l4proxy::UdpCounters> counters_ =
        std::make_shared<k2s::l4proxy::UdpCounters>();
    std::shared_ptr<k2s::l4proxy::Balancer> balancer_ =
        std::make_shared<k2s::l4proxy::Balancer>("dns", log_);
    std::vector<k2s::l4proxy::UdpTarget> targets_;
    std::function<bool(const k2s::Address &)> admit_;
    mutable std::mutex mutex_;
    std::vector<std::string> ended_;
    std::unique_ptr<k2s::l4proxy::UdpLoop> loop_ = std::make_unique<k2s::l4proxy::UdpLoop>(io_);
    std::unique_ptr<k2s::dataplane::SocketStock> stock_ =
        std::make_unique<k2s::dataplane::SocketStock>(io_);
    std::unique_ptr<k2s::l4proxy::UdpForward> forward_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
        io_.get_executor()};
    Udp::endpoint endpoint_;
    std::thread thread_;
};

/// Whether a socket that is bound to 127.0.0.2 sends from there (not under wine).
bool loopback_has_more_addresses();
/// Whether WSASendMsg heeds a source address (not under wine).
bool source_addresses_can_be_set();

/// For boost::unit_test::precondition.
boost::test_tools::assertion_result icmp_errors_are_told(boost::unit_test::test_unit_id);

using k2s::dataplane::test::eventually;

} // namespace test
