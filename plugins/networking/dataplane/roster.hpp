// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "common/address.hpp"
#include "net.hpp"
#include "watchdog.hpp"

namespace k2s::dataplane {

class Member;

/// Every open client connection of an engine: limits, deadlines, drain. Belongs to the one thread
/// that runs the io_context.
class Roster : public std::enable_shared_from_this<Roster> {
  public:
    struct Limits {
        size_t total = 4096;
        size_t per_client = 1024;
    };
    enum class Admission : uint8_t { admitted, full, client_full };

    explicit Roster(net::io_context &io) : io_(io), ticker_(io) {}
    Roster(const Roster &) = delete;
    Roster &operator=(const Roster &) = delete;

    void set_limits(Limits limits) noexcept { limits_ = limits; }
    Admission admits(const Address &client) const;

    size_t size() const noexcept { return members_.size(); }
    bool draining() const noexcept { return draining_; }
    const CoarseClock &clock() const noexcept { return clock_; }

    /// Deadlines are looked at this often: an eighth of the shortest of them is enough.
    void set_tick(Clock::duration tick) noexcept;

    /// Begins to tick: each time the deadlines of all members are checked, then `also` is called.
    void start(std::function<void()> also);

    /// Closes idle members at once and the others when they become idle; cuts what is left after
    /// `patience` and calls `done` with their number.
    void drain(Milliseconds patience, std::function<void(size_t cut)> done);

    /// Ends every member now; the ticking too.
    void cut_all();

  private:
    friend class Member;
    Task<void> tick_loop(std::function<void()> also);
    Task<void> drain_loop(Milliseconds patience, std::function<void(size_t)> done);

    net::io_context &io_;
    Timer ticker_;
    CoarseClock clock_;
    Limits limits_;
    std::vector<Member *> members_; // each knows its index
    std::unordered_map<Address, size_t> per_client_;
    bool draining_ = false;
    bool stopped_ = false;
};

/// One client connection: on the roster while it lives.
class Member {
  public:
    Member(std::shared_ptr<Roster> roster, const Address &client);
    virtual ~Member();
    Member(const Member &) = delete;
    Member &operator=(const Member &) = delete;

    Watchdog &watchdog() noexcept { return watchdog_; }
    /// Nothing is under way that a drain should wait for.
    bool idle() const noexcept { return idle_; }
    /// Called with each tick of the roster.
    virtual void tick() {}

  protected:
    const Address &client_address() const noexcept { return client_address_; }

    Watchdog watchdog_;
    bool idle_ = true;

  private:
    friend class Roster;
    std::shared_ptr<Roster> roster_;
    const Address client_address_; // not IPv4-mapped
    size_t index_;
};

} // namespace k2s::dataplane
