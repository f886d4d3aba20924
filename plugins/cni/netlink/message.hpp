// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <libmnl/libmnl.h>

namespace k2s::cni::netlink {

/// One request that is being built. What does not fit makes it void, and sending it fails.
class Message {
  public:
    Message(uint16_t type, uint16_t flags) : Message() {
        header_ = mnl_nlmsg_put_header(buffer_.data());
        header_->nlmsg_type = type;
        header_->nlmsg_flags = static_cast<uint16_t>(flags | NLM_F_REQUEST);
    }
    Message(const Message &) = delete;

    nlmsghdr *header() { return header_; }
    bool fits() const { return fits_; }

    /// The family's own header (ifinfomsg, nfgenmsg, …), zeroed.
    template <class Header> Header &extra() {
        return *static_cast<Header *>(mnl_nlmsg_put_extra_header(header_, sizeof(Header)));
    }

    Message &put(uint16_t type, const void *data, std::size_t size) {
        fits_ = fits_ && mnl_attr_put_check(header_, buffer_.size(), type, size, data);
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

    /// body() adds what is nested.
    template <class Body> Message &nest(uint16_t type, Body &&body) {
        auto *start = mnl_attr_nest_start_check(header_, buffer_.size(), type);
        fits_ = fits_ && start != nullptr;
        if (fits_) {
            body();
            mnl_attr_nest_end(header_, start);
        }
        return *this;
    }

  private:
    Message() = default;

    alignas(nlmsghdr) std::array<char, 8192> buffer_; // mnl clears what it hands out
    nlmsghdr *header_ = nullptr;
    bool fits_ = true;
};

} // namespace k2s::cni::netlink
