// SPDX-License-Identifier: MIT
#pragma once

#include <compare>
#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <string_view>

#include <k2s/sdk/error.hpp>

namespace k2s::dataplane {

/// Where a socket is made: in the network that the process was started in, in a network namespace
/// (Linux) or in a network compartment (Windows). A socket stays where it was made, whichever
/// thread uses it later.
class NetworkPlace {
  public:
    enum class Kind : uint8_t { here, netns_name, netns_path, pid, compartment };

    /// Here.
    NetworkPlace() = default;

    /// `netns:NAME`, `netns:/path`, `pid:N` (Linux) or `compartment:N` (Windows): what stands
    /// between the brackets. The other system's forms are K2S_E_UNSUPPORTED errors.
    static std::expected<NetworkPlace, Error> parse(std::string_view text);

    /// Takes a place in brackets off the front of `text`; here when there is none. Brackets with
    /// anything else, as of [::1], are left alone.
    static std::expected<NetworkPlace, Error> take_from(std::string_view &text);

    bool here() const noexcept { return kind_ == Kind::here; }
    Kind kind() const noexcept { return kind_; }
    const std::string &name() const noexcept { return name_; } // or the path
    uint32_t number() const noexcept { return number_; }       // process or compartment

    /// As configured, with the brackets; empty for here.
    std::string text() const;

    auto operator<=>(const NetworkPlace &) const = default;
    bool operator==(const NetworkPlace &) const = default;

  private:
    Kind kind_ = Kind::here;
    std::string name_;
    uint32_t number_ = 0;
};

/// Tells one namespace from another that has taken over its name.
struct PlaceIdentity {
    uint64_t device = 0;
    uint64_t inode = 0;
    bool operator==(const PlaceIdentity &) const = default;
};

/// What the place's name stands for now. K2S_E_NOT_FOUND when there is nothing of that name.
std::expected<PlaceIdentity, Error> identify(const NetworkPlace &place);

/// Moves the calling thread there for good: only for threads that do nothing else.
std::expected<PlaceIdentity, Error> enter(const NetworkPlace &place);

/// Runs `work` in the place, on a thread made for it, and waits for its end. Here: directly.
std::expected<PlaceIdentity, Error>
run_in_place(const NetworkPlace &place, const std::function<std::expected<void, Error>()> &work);

} // namespace k2s::dataplane
