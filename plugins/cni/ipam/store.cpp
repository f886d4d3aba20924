// SPDX-License-Identifier: MIT
#include "ipam/store.hpp"

#include <algorithm>
#include <string_view>

namespace k2s::cni {
namespace {

/// K2s reserves the address of the host's endpoint under this name; no runtime knows that
/// container.
constexpr std::string_view k_host_reservation = "host-bridge-reservation";

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view space = " \t\r\n\v\f";
    const auto first = text.find_first_not_of(space);
    return first == std::string_view::npos
               ? std::string_view()
               : text.substr(first, text.find_last_not_of(space) - first + 1);
}

/// Windows has no ':' in names.
std::string file_name(const Address &address) {
    std::string name = address.text();
#if defined(_WIN32)
    std::ranges::replace(name, ':', '_');
#endif
    return name;
}

std::optional<Address> address_of(std::string name) {
#if defined(_WIN32)
    std::ranges::replace(name, '_', ':');
#endif
    return Address::parse(name);
}

std::string last_name(std::size_t set) {
    return fmt::format("last_reserved_ip.{}", set);
}

} // namespace

Result<std::optional<Store>> Store::open(const std::string &folder, const std::string &cache,
                                         bool create) {
    auto opened = Directory::open(folder, create);
    if (!opened) {
        return pass(opened);
    }
    if (!*opened) {
        return std::nullopt;
    }
    Store store(std::move(**opened));
    store.load(cache);
    return store;
}

Store::~Store() {
    if (changed_ && index_ != nullptr) {
        index_->finish(folder_.mark());
    }
}

void Store::load(const std::string &cache) {
    index_ = Index::open(cache, folder_.state());
    if (index_ != nullptr && index_->valid_for(folder_.state())) {
        return;
    }
    scan();
    if (index_ != nullptr && index_->fill(entries_)) {
        changed_ = true;
        entries_.clear();
    } else {
        index_ = nullptr;
    }
}

void Store::scan() {
    entries_.clear();
    for (const auto &name : folder_.names()) {
        const auto address = address_of(name);
        if (!address) {
            continue;
        }
        const auto content = folder_.read(name);
        if (content && content->empty()) {
            // Nobody writes while we hold the lock: whoever made this file died before it had an
            // owner, and nobody could ever release it.
            (void)folder_.remove(name);
            continue;
        }
        entries_.emplace_back(*address, content ? Index::owner_key(trimmed(*content)) : 0);
    }
    std::ranges::sort(entries_);
}

bool Store::taken(const Address &address) const {
    return index_ != nullptr ? index_->has(address)
                             : std::ranges::binary_search(entries_, address, {},
                                                          &std::pair<Address, uint64_t>::first);
}

std::vector<Address> Store::addresses_of(const Owner &owner) {
    std::vector<Address> found;
    // The second form is what old versions of the reference wrote.
    for (const auto &text : {owner.text(), owner.container_id}) {
        const uint64_t key = Index::owner_key(text);
        std::vector<Address> candidates;
        if (index_ != nullptr) {
            candidates = index_->of_owner(key);
        } else {
            for (const auto &[address, filed] : entries_) {
                if (filed == key) {
                    candidates.push_back(address);
                }
            }
        }
        for (const auto &address : candidates) {
            const auto content = folder_.read(file_name(address));
            if (content && trimmed(*content) == text) {
                found.push_back(address);
            }
        }
    }
    return found;
}

Result<bool> Store::reserve(const Address &address, const Owner &owner, std::size_t set) {
    if (taken(address)) {
        return false;
    }
    if (index_ != nullptr) {
        index_->begin();
        changed_ = true;
    }
    const auto text = owner.text();
    auto created = folder_.create(file_name(address), text);
    if (!created || !*created) {
        return created;
    }
    if (auto noted = folder_.replace(last_name(set), address.text()); !noted) {
        (void)folder_.remove(file_name(address));
        return pass(noted);
    }
    const uint64_t key = Index::owner_key(text);
    if (index_ == nullptr) {
        entries_.insert(std::ranges::upper_bound(entries_, std::pair{address, key}),
                        {address, key});
    } else if (!index_->add(address, key)) {
        // Full: it stays marked as stale, and the next process makes a larger one.
        index_ = nullptr;
        scan();
    }
    return true;
}

/// Calls attempt(address) for each that is not known to be taken, in the reference's order: from
/// behind the last one round to it, through all ranges of the set.
template <class Try>
Result<std::optional<Address>> Store::walk(const RangeSet &ranges, std::size_t set, Try &&attempt) {
    const auto &list = ranges.ranges;
    std::size_t at = 0;
    Address address = list.front().first;
    if (const auto last = folder_.read(last_name(set))) {
        const auto parsed = Address::parse(trimmed(*last));
        const auto found = std::ranges::find_if(
            list, [&](const Range &range) { return parsed && range.contains(*parsed); });
        if (found != list.end()) {
            at = static_cast<std::size_t>(found - list.begin());
            address = *parsed;
            if (address == found->last) {
                at = (at + 1) % list.size();
                address = list[at].first;
            } else {
                address = address.next();
            }
        }
    }
    const std::size_t first_range = at;
    const Address first = address;
    do {
        const Range &range = list[at];
        if (address != range.gateway && !taken(address)) {
            auto done = attempt(address);
            if (!done) {
                return pass(done);
            }
            if (*done) {
                return address;
            }
        }
        if (address == range.last) {
            at = (at + 1) % list.size();
            address = list[at].first;
        } else {
            address = address.next();
        }
    } while (at != first_range || address != first);
    return std::nullopt;
}

Result<std::optional<Address>> Store::reserve_next(const RangeSet &ranges, const Owner &owner,
                                                   std::size_t set) {
    return walk(ranges, set, [&](const Address &address) { return reserve(address, owner, set); });
}

bool Store::has_free(const RangeSet &ranges, std::size_t set) {
    const auto found = walk(ranges, set, [](const Address &) { return Result<bool>(true); });
    return found && *found;
}

Result<void> Store::forget(const Address &address, const std::string &owner) {
    if (index_ != nullptr) {
        index_->begin();
        changed_ = true;
    }
    auto removed = folder_.remove(file_name(address));
    if (!removed) {
        return pass(removed);
    }
    const uint64_t key = Index::owner_key(owner);
    if (index_ != nullptr) {
        index_->remove(address, key);
    } else {
        std::erase(entries_, std::pair{address, key});
    }
    return {};
}

Result<void> Store::release(const Owner &owner) {
    // As the reference: what an old version wrote counts only when there is nothing newer.
    bool newer = false;
    for (const auto &address : addresses_of(owner)) {
        const auto content = folder_.read(file_name(address));
        if (!content) {
            continue;
        }
        const std::string text(trimmed(*content));
        const bool full = text == owner.text();
        if (!full && newer) {
            continue;
        }
        newer = newer || full;
        if (auto gone = forget(address, text); !gone) {
            return gone;
        }
    }
    return {};
}

Result<void> Store::release_others(const std::vector<ValidAttachment> &valid) {
    for (const auto &name : folder_.names()) {
        const auto address = address_of(name);
        const auto content = address ? folder_.read(name) : std::nullopt;
        if (!content) {
            continue;
        }
        const std::string text(trimmed(*content));
        const auto end = text.find("\r\n");
        const bool keep = text.empty() || text.substr(0, end) == k_host_reservation ||
                          std::ranges::any_of(valid, [&](const ValidAttachment &one) {
                              return text == one.container_id ||
                                     text == Owner{one.container_id, one.ifname}.text();
                          });
        if (keep) {
            continue;
        }
        if (auto gone = forget(*address, text); !gone) {
            return gone;
        }
    }
    return {};
}

} // namespace k2s::cni
