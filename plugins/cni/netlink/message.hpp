// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include <arpa/inet.h>

#include "netlink/attributes.hpp"

namespace k2s::cni::netlink {

/// One request that is being built. What does not fit makes it void, and sending it fails.
class Message {
  public:
    Message(uint16_t type, uint16_t flags) {
        *header() = {sizeof(nlmsghdr), type, static_cast<uint16_t>(flags | NLM_F_REQUEST), 0, 0};
    }
    Message(const Message &) = delete;

    nlmsghdr *header() { return reinterpret_cast<nlmsghdr *>(buffer_.data()); }
    bool fits() const { return fits_; }

    /// The family's own header (ifinfomsg, nfgenmsg, …), zeroed.
    template <class Header> Header &extra() {
        return *static_cast<Header *>(std::memset(grow(sizeof(Header)), 0, sizeof(Header)));
    }

    Message &put(uint16_t type, const void *data, std::size_t size) {
        const std::size_t length = sizeof(nlattr) + size;
        fits_ = fits_ && length <= buffer_.size() && aligned(length) <= room();
        if (fits_) {
            auto *attribute = static_cast<nlattr *>(grow(length));
            *attribute = {static_cast<uint16_t>(length), type};
            if (size != 0) {
                std::memcpy(attribute + 1, data, size);
            }
        }
        return *this;
    }
    Message &put_u8(uint16_t type, uint8_t value) { return put(type, &value, sizeof(value)); }
    Message &put_u16(uint16_t type, uint16_t value) { return put(type, &value, sizeof(value)); }
    Message &put_u32(uint16_t type, uint32_t value) { return put(type, &value, sizeof(value)); }
    /// Network byte order, as nf_tables has its numbers.
    Message &put_be32(uint16_t type, uint32_t value) { return put_u32(type, htonl(value)); }
    Message &put_be64(uint16_t type, uint64_t value) {
        const std::array<uint32_t, 2> halves{htonl(static_cast<uint32_t>(value >> 32)),
                                             htonl(static_cast<uint32_t>(value))};
        return put(type, halves.data(), sizeof(halves));
    }
    /// With its NUL.
    Message &put_text(uint16_t type, std::string_view text) {
        return put(type, std::string(text).c_str(), text.size() + 1);
    }
    Message &put_flag(uint16_t type) { return put(type, nullptr, 0); }

    /// What followed the header of another message: the family's header and attributes.
    Message &append(std::string_view bytes) {
        fits_ = fits_ && bytes.size() <= buffer_.size() && aligned(bytes.size()) <= room();
        if (fits_) {
            std::memcpy(grow(bytes.size()), bytes.data(), bytes.size());
        }
        return *this;
    }

    /// body() adds what is nested.
    template <class Body> Message &nest(uint16_t type, Body &&body) {
        const std::size_t start = header()->nlmsg_len;
        put(type | NLA_F_NESTED, nullptr, 0);
        if (fits_) {
            body();
            auto *attribute = reinterpret_cast<nlattr *>(buffer_.data() + start);
            attribute->nla_len = static_cast<uint16_t>(header()->nlmsg_len - start);
        }
        return *this;
    }

  private:
    std::size_t room() { return buffer_.size() - header()->nlmsg_len; }

    /// Behind what is there; the bytes up to the next multiple of four are zeroes.
    void *grow(std::size_t size) {
        char *place = buffer_.data() + header()->nlmsg_len;
        std::memset(place + size, 0, aligned(size) - size);
        header()->nlmsg_len += static_cast<uint32_t>(aligned(size));
        return place;
    }

    alignas(nlmsghdr) std::array<char, 8192> buffer_; // cleared as far as it is used
    bool fits_ = true;
};

} // namespace k2s::cni::netlink
