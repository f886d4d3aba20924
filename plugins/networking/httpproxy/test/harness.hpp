// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "dataplane/test/peer.hpp"
#include "dataplane/test/recorded_text.hpp"
#include "dataplane/test/running.hpp"
#include "proxy.hpp"

namespace test {

using k2s::dataplane::test::contains;
using k2s::dataplane::test::eventually;
using k2s::dataplane::test::Peer;
using k2s::dataplane::test::Tcp;
using k2s::httpproxy::Config;

class Origin : public k2s::dataplane::test::Origin {
  public:
    using k2s::dataplane::test::Origin::Origin;
    std::string url(const std::string &path) const { return "http://" + authority() + path; }
};

/// Answers every request with 200 and a body that repeats the request's head; keeps connections.
void echo_heads(Peer &peer);

/// A Content-Length response.
std::string ok(const std::string &body, const std::string &fields = "");

/// GET in absolute form.
std::string get(const std::string &url, const std::string &fields = "");

/// What the proxy reported.
class Recorder final : public k2s::httpproxy::Observer, public k2s::dataplane::test::RecordedText {
  public:
    void on_log(k2s::httpproxy::LogLevel, std::string_view message,
                std::initializer_list<k2s::httpproxy::LogField> fields) override {
        add(message, fields);
    }
    void on_access(const k2s::httpproxy::AccessEntry &entry) override;
};

/// A config for tests: one loopback port, short times.
Config quick();

/// A running proxy.
class Harness {
  public:
    explicit Harness(Config config = quick());

    uint16_t port() const { return port_; }
    Peer client() const { return Peer::connect(port_); }
    /// One request on a connection of its own; everything up to the end of the stream.
    std::string once(const std::string &request) const;
    /// Runs `work` on the proxy's thread and waits for it.
    void on_thread(const std::function<void(k2s::httpproxy::Proxy &)> &work) {
        running_.on_thread(work);
    }
    const k2s::httpproxy::Counters &stats() const { return *stats_; }
    Recorder &recorder() { return *recorder_; }

  private:
    std::shared_ptr<Recorder> recorder_ = std::make_shared<Recorder>();
    k2s::dataplane::test::Running<k2s::httpproxy::Proxy> running_;
    std::shared_ptr<const k2s::httpproxy::Counters> stats_;
    uint16_t port_ = 0;
};

/// An address of this host beyond loopback, as text; empty when it has none.
std::string outside_address();

} // namespace test
