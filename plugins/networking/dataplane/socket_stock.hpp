// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <compare>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include <k2s/sdk/error.hpp>

#include "native_socket.hpp"
#include "net.hpp"
#include "network_place.hpp"
#include "watchdog.hpp"

namespace k2s::dataplane {

/// AF_INET, AF_INET6 or AF_UNIX with SOCK_STREAM or SOCK_DGRAM.
struct SocketKind {
    int family = 0;
    int type = 0;
    auto operator<=>(const SocketKind &) const = default;
};

/// linux/, windows/socket_stock.cpp: an unconnected socket in the network of the calling thread,
/// not inherited by child processes, without delay for small writes; on Linux non-blocking too.
std::expected<NativeSocket, error_code> make_socket(SocketKind kind) noexcept;

/// Unconnected sockets in other network places. Moving a thread into a namespace for each
/// connection would cost more than the connection; so a helper thread makes some ahead, and the
/// event loop, which never leaves its own namespace, takes them from a shelf. Belongs to the
/// io_context's thread.
class SocketStock {
  public:
    static constexpr size_t k_least = 4;   // kept of a kind; more while they are taken quickly
    static constexpr size_t k_most = 256;  // never more
    static constexpr size_t k_burst = 512; // made at once when so many wait
    static constexpr auto k_trusted = std::chrono::milliseconds(1); // a look at the place's name
    static constexpr auto k_unused = std::chrono::seconds(60); // then the shelf is cleared away

    explicit SocketStock(net::io_context &io);
    /// Waits for the helper thread.
    ~SocketStock();
    SocketStock(const SocketStock &) = delete;
    SocketStock &operator=(const SocketStock &) = delete;

    /// A socket at once; none when it has to be waited for (see take). A namespace that is gone is
    /// an error, and sockets made in one that has been replaced since are closed.
    std::expected<std::optional<NativeSocket>, Error> take_now(const NetworkPlace &place,
                                                               SocketKind kind);

    /// The watchdog can end the wait (K2S_E_TIMEOUT). The arguments must outlive the task.
    Task<std::expected<NativeSocket, Error>> take(const NetworkPlace &place, SocketKind kind,
                                                  Watchdog &watchdog);

    /// To be called now and then: closes what nobody has taken from for long.
    void sweep();
    /// Out of descriptors: closes everything on the shelves.
    void clear();
    /// Sockets on the shelves.
    size_t size() const noexcept;

  private:
    struct Helper;
    struct Shelf;
    using Key = std::pair<NetworkPlace, SocketKind>;

    std::expected<std::shared_ptr<Shelf>, Error> shelf(const NetworkPlace &place, SocketKind kind);
    void order(const Key &key, const std::shared_ptr<Shelf> &shelf);

    net::io_context &io_;
    std::map<Key, std::shared_ptr<Shelf>> shelves_;
    std::unique_ptr<Helper> helper_;
};

} // namespace k2s::dataplane
