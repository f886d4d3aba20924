// SPDX-License-Identifier: MIT
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/address.hpp"
#include "net.hpp"
#include "watchdog.hpp"

namespace k2s::dataplane {

struct Resolution {
    error_code ec;
    std::vector<Address> addresses;
};

/// Fixed answers, as /etc/hosts has them; lower-case names.
using HostTable = std::map<std::string, std::vector<Address>>;

/// From the addresses' texts. Errors: K2S_E_CONFIG.
std::expected<HostTable, Error>
read_hosts(const std::map<std::string, std::vector<std::string>> &texts);

/// Host names to addresses with getaddrinfo on threads of its own (Asio's resolver has one thread,
/// so a single dead name server would hold up every other look-up), and a bounded cache. A name
/// that is being looked up is not looked up twice: however many ask for a dead one, it takes one
/// thread. getaddrinfo does not tell a TTL: answers are kept for `k_keep`, failures for
/// `k_keep_failure`.
class Resolver {
  public:
    static constexpr auto k_keep = std::chrono::seconds(30);
    static constexpr auto k_keep_failure = std::chrono::seconds(3);
    static constexpr size_t k_max_cached = 1024;
    static constexpr size_t k_max_pending = 256; // names
    /// Started when they are needed. A dead name keeps one for as long as the system tries.
    static constexpr size_t k_max_threads = 16;

    /// Finds the addresses of a name, in the order of preference; may block. [any-thread]
    using Source = std::function<Resolution(const std::string &host)>;
    struct Keep {
        Clock::duration answer = k_keep;
        Clock::duration failure = k_keep_failure;
    };

    /// Asks the system.
    explicit Resolver(net::io_context &io);
    Resolver(net::io_context &io, Source source, Keep keep);
    /// Drops look-ups that have not begun, and waits a moment for the others. getaddrinfo cannot be
    /// stopped: a thread that is still in it then is left behind with all that it uses, the source
    /// among it.
    ~Resolver();
    Resolver(const Resolver &) = delete;
    Resolver &operator=(const Resolver &) = delete;

    /// Literal addresses and `hosts` entries are answered without a look-up. The watchdog can end
    /// the wait (operation_aborted); a look-up that nobody waits for any more does not begin.
    /// Addresses alternate between the families, IPv6 first (RFC 8305 4).
    Task<Resolution> resolve(const std::string &host, Watchdog &watchdog);

    /// Drops what is kept of the name: none of its addresses answered.
    void forget(const std::string &host);

    void set_hosts(HostTable hosts) { hosts_ = std::move(hosts); }

  private:
    struct Lookup;
    struct Waiter;
    struct Threads;
    struct Cached {
        Resolution answer;
        Clock::time_point until;
    };

    std::shared_ptr<Lookup> look_up(const std::string &host);
    void finish(const std::string &host, const Resolution &found);
    void remember(const std::string &host, const Resolution &answer);

    net::io_context &io_;
    const Keep keep_;
    const std::shared_ptr<Threads> threads_;
    std::unordered_map<std::string, std::shared_ptr<Lookup>> lookups_; // without an answer yet
    std::unordered_map<std::string, Cached> cache_;
    HostTable hosts_;
};

} // namespace k2s::dataplane
