// SPDX-License-Identifier: MIT
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "balancer.hpp"
#include "dataplane/net.hpp"
#include "dataplane/stream.hpp"
#include "dataplane/watchdog.hpp"

namespace k2s::l4proxy {

/// How a target is asked whether it works.
struct HealthCheck {
    enum class Kind : uint8_t {
        connect,  // a TCP connection comes about
        exchange, // `send` is sent (if any), `expect` comes back
        http,     // GET, and a status in the range
    };
    Kind kind = Kind::connect;
    std::string send;
    std::string expect; // anywhere in the first k_health_reply bytes
    std::string path = "/";
    std::string host; // of the Host field
    unsigned status_from = 200;
    unsigned status_to = 399;

    Clock::duration interval = std::chrono::seconds(5); // from the end of one to the next, ±10 %
    Clock::duration timeout = std::chrono::seconds(2);  // of one, connecting included
    unsigned rise = 2;                                  // successes in a row that bring a target up
    unsigned fall = 3; // failures in a row that take it down; the first check alone decides

    bool operator==(const HealthCheck &) const = default;
};

/// Longest answer that is looked at.
inline constexpr size_t k_health_reply = 16 * 1024;

/// Counts checks of one target. A change is told once.
class HealthCount {
  public:
    /// The new state when the result changes it, and for the first result.
    std::optional<bool> add(bool success, const HealthCheck &check) noexcept;

  private:
    bool known_ = false;
    bool up_ = true;
    unsigned run_ = 0; // results in a row that speak against up_
};

/// Whether an HTTP answer's beginning is acceptable: true, false with a reason, or not known before
/// more has come.
std::optional<std::expected<void, std::string>> judge_http_answer(std::string_view answer,
                                                                  const HealthCheck &check);

/// Checks the targets of a balancer at intervals and tells it the outcome. Belongs to the
/// io_context's thread.
class HealthChecker {
  public:
    /// Connects to a target, wherever it is; the text says why not. The watchdog ends it. The
    /// arguments outlive the task.
    using Dial = std::function<dataplane::Task<std::expected<dataplane::Socket, std::string>>(
        const Target &target, dataplane::Watchdog &watchdog)>;

    HealthChecker(dataplane::net::io_context &io, std::shared_ptr<Balancer> balancer, Dial dial);
    ~HealthChecker();
    HealthChecker(const HealthChecker &) = delete;
    HealthChecker &operator=(const HealthChecker &) = delete;

    /// Checks the balancer's targets from now on, to be called after each Balancer::set. Targets
    /// that stay keep their counts unless the check is another one. Without a check all that were
    /// down because of checks are up again.
    void set(std::optional<HealthCheck> check);
    void stop();

    /// Checks that have ended, for metrics.
    const dataplane::Counter &checks() const noexcept;
    const dataplane::Counter &failures() const noexcept;

  private:
    struct Shared;
    struct Probe;
    std::shared_ptr<Shared> shared_;
    std::vector<std::shared_ptr<Probe>> probes_;
    std::optional<HealthCheck> check_;
};

} // namespace k2s::l4proxy
