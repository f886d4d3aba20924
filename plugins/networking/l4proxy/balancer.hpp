// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/address.hpp"
#include "dataplane/net.hpp"
#include "dataplane/observer.hpp"

namespace k2s::l4proxy {

using dataplane::Clock;

/// How a target is chosen. All three respect weights.
enum class Balance : uint8_t {
    round_robin,       // smooth: a target with weight 3 of 4 is never chosen three times in a row
    least_connections, // fewest open connections per weight; equals in turn
    source_hash,       // a client keeps its target; a change of the list moves only whom it must
};

/// After `failures` failed attempts in a row a target is left alone for `down_for`; then one
/// attempt decides. 0 switches this off.
struct PassiveCheck {
    unsigned failures = 3;
    Clock::duration down_for = std::chrono::seconds(10);
};

struct TargetSpec {
    std::string name; // unique in the list: what it is known by across reloads, in hashes and logs
    unsigned weight = 1;
    bool backup = false;              // used when no other target can be
    bool drain = false;               // gets no new connections
    std::shared_ptr<const void> data; // the owner's, see Target::data()
};

enum class Health : uint8_t { up, down, draining };
std::string_view text_of(Health health) noexcept;

class Balancer;

/// One target's state. Lives as long as the balancer lists it or a lease refers to it.
class Target : public std::enable_shared_from_this<Target> {
  public:
    explicit Target(TargetSpec spec) : spec_(std::move(spec)) {}

    const std::string &name() const noexcept { return spec_.name; }
    const TargetSpec &spec() const noexcept { return spec_; }
    /// TargetSpec::data as what it was made from. A reload may bring another; what it was when a
    /// lease was taken stays as long as the lease.
    template <typename T> const T &data() const noexcept {
        return *static_cast<const T *>(spec_.data.get());
    }
    Health health() const noexcept;

    uint64_t active() const noexcept { return active_count_.get(); }
    const dataplane::Counter &active_counter() const noexcept { return active_count_; }
    const dataplane::Counter &chosen_counter() const noexcept { return chosen_; }
    const dataplane::Counter &failed_counter() const noexcept { return failed_; }

  private:
    friend class Balancer;
    friend class Lease;

    enum class Passive : uint8_t { up, down, trial };

    TargetSpec spec_;
    uint64_t name_hash_ = 0;
    int64_t current_ = 0; // smooth round robin
    bool active_check_up_ = true;
    bool removed_ = false;
    Passive passive_ = Passive::up;
    unsigned failures_ = 0; // in a row
    Clock::time_point down_until_{};
    dataplane::Counter active_count_;
    dataplane::Counter chosen_;
    dataplane::Counter failed_;
};

/// One connection's (or UDP session's) claim on a target: counts as active until it is destroyed.
class Lease {
  public:
    Lease() = default;
    Lease(Lease &&other) noexcept
        : balancer_(std::move(other.balancer_)), target_(std::move(other.target_)),
          data_(std::move(other.data_)), trial_(std::exchange(other.trial_, false)) {}
    Lease &operator=(Lease &&other) noexcept;
    ~Lease() { release(); }

    explicit operator bool() const noexcept { return target_ != nullptr; }
    const Target &operator*() const noexcept { return *target_; }
    const Target *operator->() const noexcept { return target_.get(); }

    /// The target has answered: for TCP, the connection stands.
    void succeeded();
    /// The target could not be reached. `reason` is for the log.
    void failed(std::string_view reason, Clock::time_point now = Clock::now());
    void release() noexcept;

  private:
    friend class Balancer;
    Lease(std::shared_ptr<Balancer> balancer, std::shared_ptr<Target> target, bool trial);

    std::shared_ptr<Balancer> balancer_;
    std::shared_ptr<Target> target_;
    std::shared_ptr<const void> data_; // kept for references that the holder has to it
    bool trial_ = false;
};

/// The targets of one forward; made by make_shared. Belongs to the io_context's thread; the
/// counters may be read by any.
class Balancer : public std::enable_shared_from_this<Balancer> {
  public:
    struct Options {
        Balance balance = Balance::round_robin;
        PassiveCheck passive;
    };

    /// `forward` is the name that log lines carry.
    Balancer(std::string forward, std::shared_ptr<dataplane::Observer> observer);
    Balancer(const Balancer &) = delete;
    Balancer &operator=(const Balancer &) = delete;

    /// Takes over a list. Targets whose names stay keep their health, counts and turn.
    void set(const Options &options, std::vector<TargetSpec> targets);

    /// A target for a client, or an empty lease when none can be used. `tried` are those that this
    /// client's connection was refused by already. Without an address (Unix sockets) source_hash
    /// takes targets in turn.
    Lease pick(const Address &client, std::span<const Target *const> tried = {},
               Clock::time_point now = Clock::now());

    /// What an active check says. Targets that are gone are ignored.
    void set_active_health(std::string_view name, bool up, std::string_view reason);

    const std::vector<std::shared_ptr<Target>> &targets() const noexcept { return targets_; }

  private:
    friend class Lease;

    enum class Tier : uint8_t { usable, marked };
    void collect(bool backup, Tier tier, std::span<const Target *const> tried,
                 Clock::time_point now);
    Target *choose(const Address &client);
    Target *in_turn();
    void keep_least_loaded();
    Target *by_source(const Address &client) const;
    void note_failure(Target &target, std::string_view reason, Clock::time_point now);
    void note_success(Target &target);
    void log_change(const Target &target, std::string_view reason) const;

    const std::string forward_;
    const std::shared_ptr<dataplane::Observer> observer_;
    Options options_;
    std::vector<std::shared_ptr<Target>> targets_;
    std::vector<Target *> candidates_; // of one pick; kept for its memory
};

} // namespace k2s::l4proxy
