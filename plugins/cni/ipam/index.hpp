// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string>
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

    ~Index();
    Index(const Index &) = delete;
    Index &operator=(const Index &) = delete;

    /// True when it tells the truth about a folder in this state.
    bool valid_for(const Directory::State &folder) const;
    /// Starts anew with these entries. False: no room for them.
    bool fill(const std::vector<std::pair<Address, uint64_t>> &entries);

    bool has(const Address &address) const;
    std::vector<Address> of_owner(uint64_t owner) const;

    /// Changes come between `begin` and `finish(stamp)`; a process that dies between them leaves a
    /// file that says of itself that it is stale.
    void begin();
    bool add(const Address &address, uint64_t owner);
    void remove(const Address &address, uint64_t owner);
    void finish(uint64_t stamp);

    /// What an owner's text is filed under.
    static uint64_t owner_key(std::string_view text);

  private:
    struct Header;
    struct Entry;
    enum class Table { by_address, by_owner };

    Index() = default;
    Header &header() const;
    Entry *table(Table which) const;
    uint64_t home(Table which, const Entry &entry) const;
    void insert(Table which, const Entry &entry);
    void erase(Table which, const Entry &entry);
    bool map(std::size_t slots);

    int file_ = -1;
    void *memory_ = nullptr;
    std::size_t size_ = 0;
    Directory::State folder_;
};

} // namespace k2s::cni
