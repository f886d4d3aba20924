// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ipam/directory.hpp"
#include "ipam/index.hpp"
#include "ipam/ranges.hpp"

namespace k2s::cni {

/// Whose an address is: the content of its file.
struct Owner {
    std::string container_id, ifname;
    std::string text() const { return container_id + "\r\n" + ifname; }
};

/// The reservations of one network in the reference's form: a file per address, named by it, that
/// holds its owner; `last_reserved_ip.N` for set N; `lock`. Locked while the object lives.
class Store {
  public:
    /// nullopt: nothing was ever reserved and `create` is false. `cache` is where the index may be.
    static Result<std::optional<Store>> open(const std::string &folder, const std::string &cache,
                                             bool create);
    Store(Store &&) = default;
    ~Store();

    std::vector<Address> addresses_of(const Owner &owner);

    /// A certain address. False: somebody has it.
    Result<bool> reserve(const Address &address, const Owner &owner, std::size_t set);
    /// The next free one of the set, going round from the last that was given; nullopt: none.
    Result<std::optional<Address>> reserve_next(const RangeSet &ranges, const Owner &owner,
                                                std::size_t set);
    /// Whether reserve_next would find one.
    bool has_free(const RangeSet &ranges, std::size_t set);

    Result<void> release(const Owner &owner);
    /// Of all whose owner is none of `valid`.
    Result<void> release_others(const std::vector<ValidAttachment> &valid);

  private:
    explicit Store(Directory folder) : folder_(std::move(folder)) {}
    void load(const std::string &cache);
    void scan();
    template <class Try>
    Result<std::optional<Address>> walk(const RangeSet &ranges, std::size_t set, Try &&attempt);
    bool taken(const Address &address) const;
    Result<void> forget(const Address &address, const std::string &owner);

    Directory folder_;
    std::unique_ptr<Index> index_;                      // or, when there is none:
    std::vector<std::pair<Address, uint64_t>> entries_; // sorted by address
    bool changed_ = false;
};

} // namespace k2s::cni
