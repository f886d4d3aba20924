// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <memory>
#include <string>

#include "engine.hpp"
#include "health.hpp"
#include "udp_forward.hpp"

namespace k2s::l4proxy {

/// One forward: its settings and all that outlives a connection.
class Forward : public std::enable_shared_from_this<Forward> {
  public:
    static std::shared_ptr<Forward> make(std::shared_ptr<Engine> engine,
                                         std::shared_ptr<const ForwardSettings> settings);
    ~Forward();
    Forward(const Forward &) = delete;
    Forward &operator=(const Forward &) = delete;

    /// For connections from now on.
    void apply(std::shared_ptr<const ForwardSettings> given);
    /// No new ones.
    void retire();
    /// To be called about once a second.
    void tick();
    /// Likewise, for a forward of datagrams: closes what listens in a place that is gone, and opens
    /// it again when the place is back. `shared`: see open_udp_listen.
    void check_places(bool shared);
    /// Waits for its place.
    bool has_lost(const std::string &address) const { return lost_.contains(address); }
    /// Ends everything.
    void cut();
    /// Nothing is left of it.
    bool over() const noexcept;

    const std::string &name() const noexcept { return settings->config.name; }

    const std::shared_ptr<Engine> engine;
    std::shared_ptr<const ForwardSettings> settings;
    ForwardCounters counters;
    const std::shared_ptr<Balancer> balancer;
    const std::shared_ptr<Roster> roster; // its connections

    // Of a forward of datagrams; else null.
    const std::shared_ptr<UdpCounters> udp_counters;
    std::unique_ptr<UdpForward> udp;
    std::unique_ptr<HealthChecker> health;

  private:
    Forward(std::shared_ptr<Engine> of, std::shared_ptr<const ForwardSettings> given);

    void open_udp();
    std::optional<UdpTarget> locate(const Target &target) const;
    void note_end(const UdpSessionEnd &end) const;
    static Task<void> look_up_names(std::shared_ptr<Forward> self);

    std::map<std::string, Address> names_;    // of UDP targets: what they stand for now
    std::map<std::string, std::string> lost_; // UDP addresses whose place is gone: told last
    dataplane::CoarseClock clock_;
    bool looking_up_ = false;
};

} // namespace k2s::l4proxy
