// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ipam/directory.hpp"
#include "spec/address.hpp"

namespace k2s::cni {

/// Who has which address of one folder, in a file that is mapped: looking at 65 000 files instead
/// takes a third of a second. It is only a copy. It counts while the folder's time of change is the
/// one that it was made for; whoever else changes the folder makes it stale without knowing of it.
class Index {
  public:
    /// The file for this folder in `cache`; nullptr when there can be none, which only costs time.
    static std::unique_ptr<Index> open(const std::string &cache, const Directory::State &folder);

    Index() = default;
    virtual ~Index() = default;
    Index(const Index &) = delete;
    Index &operator=(const Index &) = delete;

    /// True when it tells the truth about a folder in this state.
    virtual bool valid_for(const Directory::State &folder) const = 0;
    /// Starts anew with these entries. False: no room for them.
    virtual bool fill(const std::vector<std::pair<Address, uint64_t>> &entries) = 0;

    virtual bool has(const Address &address) const = 0;
    virtual std::vector<Address> of_owner(uint64_t owner) const = 0;

    /// Changes come between `begin` and `finish(stamp)`; a process that dies between them leaves a
    /// file that says of itself that it is stale.
    virtual void begin() = 0;
    virtual bool add(const Address &address, uint64_t owner) = 0;
    virtual void remove(const Address &address, uint64_t owner) = 0;
    virtual void finish(uint64_t stamp) = 0;

    /// What an owner's text is filed under.
    static uint64_t owner_key(std::string_view text) {
        uint64_t key =
            0xcbf29ce484222325ULL; // FNV-1a; the file itself is read before it is believed
        for (const char c : text) {
            key = (key ^ static_cast<uint8_t>(c)) * 0x100000001b3ULL;
        }
        return key;
    }
};

} // namespace k2s::cni
