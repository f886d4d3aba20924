// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <unordered_map>

#include <boost/intrusive/list.hpp>

#include "udp_socket.hpp"

namespace k2s::l4proxy {

/// What makes datagrams one session: the client, and the address and listener that it speaks to.
struct UdpKey {
    std::array<unsigned char, 16> client{}; // IPv4 as mapped IPv6
    std::array<unsigned char, 16> local{};
    uint32_t client_scope = 0;
    uint32_t local_interface = 0;
    uint16_t client_port = 0;
    uint16_t listener = 0;

    static UdpKey of(const Received &received, uint16_t listener) noexcept {
        UdpKey key;
        const auto address = received.from.address();
        if (address.is_v4()) {
            const auto bytes = address.to_v4().to_bytes();
            key.client[10] = key.client[11] = 0xff;
            std::memcpy(key.client.data() + 12, bytes.data(), bytes.size());
        } else {
            key.client = address.to_v6().to_bytes();
            key.client_scope = static_cast<uint32_t>(address.to_v6().scope_id());
        }
        if (received.local.known) {
            key.local = received.local.address;
            key.local_interface = received.local.interface;
        }
        key.client_port = received.from.port();
        key.listener = listener;
        return key;
    }
    bool operator==(const UdpKey &other) const noexcept {
        return std::memcmp(this, &other, sizeof *this) == 0;
    }
};
static_assert(sizeof(UdpKey) == 44); // no padding: compared and hashed as bytes

/// Seeded, so that nobody can choose addresses and ports that all meet in one bucket.
class UdpHash {
  public:
    UdpHash() {
        std::random_device random;
        seed_ = static_cast<uint64_t>(random()) << 32 | random();
    }
    size_t operator()(const UdpKey &key) const noexcept { return bytes(&key, sizeof key); }
    size_t operator()(const std::array<unsigned char, 16> &address) const noexcept {
        return bytes(address.data(), address.size());
    }

  private:
    __extension__ using Wide = unsigned __int128;
    static uint64_t fold(uint64_t a, uint64_t b) noexcept {
        const auto product = static_cast<Wide>(a) * b;
        return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
    }
    size_t bytes(const void *data, size_t size) const noexcept {
        const auto *p = static_cast<const unsigned char *>(data);
        uint64_t h = seed_;
        for (; size != 0;) {
            uint64_t word = 0;
            const size_t step = size < 8 ? size : 8;
            std::memcpy(&word, p, step);
            h = fold(h ^ word, 0x9e3779b97f4a7c15ULL ^ (seed_ << 1 | 1));
            p += step;
            size -= step;
        }
        return static_cast<size_t>(fold(h, 0xd6e8feb86659fd93ULL));
    }

    uint64_t seed_;
};

struct ByAgeTag;
struct ByClientTag;
using ByAgeHook = boost::intrusive::list_base_hook<boost::intrusive::tag<ByAgeTag>>;
using ByClientHook = boost::intrusive::list_base_hook<boost::intrusive::tag<ByClientTag>>;

/// What an entry of UdpTable has.
struct UdpTableEntry : ByAgeHook, ByClientHook {
    UdpKey key;
    dataplane::Clock::time_point last_used{};
    bool answered = false; // by the target: no forged source address can bring that about
};

/// Sessions by key, by age, and by client and age. Nothing is allocated but for a new session.
template <typename Entry> class UdpTable {
  public:
    Entry *find(const UdpKey &key) const {
        const auto found = entries_.find(key);
        return found == entries_.end() ? nullptr : found->second.get();
    }
    size_t size() const noexcept { return entries_.size(); }
    size_t of_client(const UdpKey &key) const {
        const auto found = clients_.find(key.client);
        return found == clients_.end() ? 0 : found->second.count;
    }

    Entry &insert(std::unique_ptr<Entry> entry, dataplane::Clock::time_point now) {
        Entry &added = *entry;
        added.last_used = now;
        entries_.emplace(added.key, std::move(entry));
        list_of(added).push_back(added);
        Client &client = clients_[added.key.client];
        ++client.count;
        client.by_age.push_back(added);
        return added;
    }

    void touch(Entry &entry, dataplane::Clock::time_point now) {
        entry.last_used = now;
        ByAge &list = list_of(entry);
        list.splice(list.end(), list, list.iterator_to(entry));
        auto &mine = clients_.find(entry.key.client)->second.by_age;
        mine.splice(mine.end(), mine, mine.iterator_to(entry));
    }

    void set_answered(Entry &entry) {
        if (!entry.answered) {
            unanswered_.erase(unanswered_.iterator_to(entry));
            entry.answered = true;
            answered_.push_back(entry);
        }
    }

    /// Out of the table and the caller's.
    std::unique_ptr<Entry> take(Entry &entry) {
        list_of(entry).erase(list_of(entry).iterator_to(entry));
        const auto client = clients_.find(entry.key.client);
        client->second.by_age.erase(client->second.by_age.iterator_to(entry));
        if (--client->second.count == 0) {
            clients_.erase(client);
        }
        const auto found = entries_.find(entry.key);
        std::unique_ptr<Entry> taken = std::move(found->second);
        entries_.erase(found);
        return taken;
    }

    /// Who goes when room is needed: the longest unused one without an answer, so that a flood of
    /// forged addresses pushes out its own; then the longest unused one. Null when empty.
    Entry *first_to_go() { return unanswered_.empty() ? oldest(answered_) : oldest(unanswered_); }
    Entry *oldest_of_client(const UdpKey &key) {
        const auto found = clients_.find(key.client);
        return found == clients_.end() ? nullptr : &found->second.by_age.front();
    }
    Entry *oldest_answered() { return oldest(answered_); }
    Entry *oldest_unanswered() { return oldest(unanswered_); }

    template <typename Each> void for_each(Each each) {
        for (auto &[key, entry] : entries_) {
            each(*entry);
        }
    }

  private:
    template <typename Hook>
    using List = boost::intrusive::list<Entry, boost::intrusive::base_hook<Hook>,
                                        boost::intrusive::constant_time_size<false>>;
    using ByAge = List<ByAgeHook>;
    struct Client {
        size_t count = 0;
        List<ByClientHook> by_age;
    };

    static Entry *oldest(ByAge &list) { return list.empty() ? nullptr : &list.front(); }
    ByAge &list_of(const Entry &entry) { return entry.answered ? answered_ : unanswered_; }

    // The lists are declared after, so destroyed before, what they link.
    UdpHash hash_;
    std::unordered_map<UdpKey, std::unique_ptr<Entry>, UdpHash> entries_{16, hash_};
    std::unordered_map<std::array<unsigned char, 16>, Client, UdpHash> clients_{16, hash_};
    ByAge unanswered_;
    ByAge answered_;
};

} // namespace k2s::l4proxy
