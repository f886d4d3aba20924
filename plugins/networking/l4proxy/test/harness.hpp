// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/test/peer.hpp"
#include "dataplane/test/recorded_text.hpp"
#include "dataplane/test/running.hpp"
#include "l4proxy/forward.hpp"
#include "l4proxy/proxy.hpp"

namespace test {

using k2s::dataplane::test::contains;
using k2s::dataplane::test::eventually;
using k2s::dataplane::test::free_port;
using k2s::dataplane::test::Peer;
using k2s::dataplane::test::Tcp;
using k2s::l4proxy::Config;
using k2s::l4proxy::ForwardConfig;

class Origin : public k2s::dataplane::test::Origin {
  public:
    using k2s::dataplane::test::Origin::Origin;
    std::string url() const { return "tcp://" + authority(); }
};

/// Sends back what comes, until the end.
void echo(Peer &peer);
/// Sends `name` and closes.
std::function<void(Peer &)> named(const std::string &name);

std::string tcp_url(uint16_t port);

/// What the proxy reported.
class Recorder final : public k2s::l4proxy::Observer, public k2s::dataplane::test::RecordedText {
  public:
    void on_log(k2s::l4proxy::LogLevel, std::string_view message,
                std::initializer_list<k2s::l4proxy::LogField> fields) override {
        add(message, fields);
    }
    bool wants_access() const override { return true; }
    void on_access(const k2s::dataplane::AccessRecord &record) override;
};

/// One forward from a free loopback port, with short times.
Config forward_to(const std::vector<std::string> &targets);

/// A running proxy.
class Harness {
  public:
    explicit Harness(Config config) : running_(std::move(config), recorder_) {}
    ~Harness() {
        running_.stop();
        kept_.clear(); // a forward's sockets belong to the io_context
    }

    uint16_t port(size_t listener = 0) { return running_.port(listener); }
    Peer client(size_t listener = 0) { return Peer::connect(port(listener)); }
    /// Connects and takes all that comes.
    std::string whole_answer() { return client().read_all(); }
    /// Runs `work` on the proxy's thread and waits for it.
    void on_thread(const std::function<void(k2s::l4proxy::Proxy &)> &work) {
        running_.on_thread(work);
    }
    std::expected<void, k2s::Error> reload(const Config &config);
    /// Of the forward of this name.
    const k2s::l4proxy::ForwardCounters &counters(const std::string &name = "main");
    Recorder &recorder() { return *recorder_; }

  private:
    std::shared_ptr<Recorder> recorder_ = std::make_shared<Recorder>();
    std::vector<std::shared_ptr<const k2s::l4proxy::Forward>> kept_; // whose counters are used
    k2s::dataplane::test::Running<k2s::l4proxy::Proxy> running_;
};

} // namespace test
