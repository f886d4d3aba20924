// SPDX-License-Identifier: MIT
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "net.hpp"

namespace k2s::dataplane {

/// A Unix socket's name: `/path`, or `@name` for Linux' abstract names, which belong to a network
/// namespace. `?mode=0660` sets the permissions of a socket file that is listened on.
struct UnixAddress {
    static constexpr size_t k_longest = 107; // what a sockaddr_un takes

    std::string path;
    unsigned mode = 0600;

    /// The error is the reason alone: the caller knows the whole text.
    static std::expected<UnixAddress, std::string> parse(std::string_view text);

    bool abstract() const noexcept { return path.starts_with('@'); }
    SocketAddress endpoint() const;

    bool operator==(const UnixAddress &) const = default;
};

/// linux/, windows/unix_address.cpp: binds `acceptor`, which is open, and owns the file from then
/// on: the result's end removes it unless somebody has replaced it. A file that a dead process has
/// left is replaced; one that somebody answers on is not (address_in_use), nor is anything that is
/// no socket (file_exists).
std::expected<std::shared_ptr<void>, error_code> bind_unix(Acceptor &acceptor,
                                                           const UnixAddress &address);

} // namespace k2s::dataplane
