// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstring>
#include <string>

#include <libmnl/libmnl.h>

namespace k2s::cni::netlink {

/// Calls call(type, attribute) for each attribute behind a message's header of `offset` bytes, or
/// inside another attribute. (libmnl's own loops are macros that only C accepts.)
template <class Call> void each(const nlmsghdr *message, std::size_t offset, Call &&call) {
    const auto *at = static_cast<const nlattr *>(mnl_nlmsg_get_payload_offset(message, offset));
    const auto *end = static_cast<const char *>(mnl_nlmsg_get_payload_tail(message));
    for (; mnl_attr_ok(at, static_cast<int>(end - reinterpret_cast<const char *>(at)));
         at = mnl_attr_next(at)) {
        call(mnl_attr_get_type(at), at);
    }
}

template <class Call> void each(const nlattr *nest, Call &&call) {
    const auto *at = static_cast<const nlattr *>(mnl_attr_get_payload(nest));
    const char *end = reinterpret_cast<const char *>(at) + mnl_attr_get_payload_len(nest);
    for (; mnl_attr_ok(at, static_cast<int>(end - reinterpret_cast<const char *>(at)));
         at = mnl_attr_next(at)) {
        call(mnl_attr_get_type(at), at);
    }
}

/// A number or struct; zeroes when the attribute is too short for it.
template <class T> T value_of(const nlattr *attribute) {
    T value{};
    if (mnl_attr_get_payload_len(attribute) >= sizeof(T)) {
        std::memcpy(&value, mnl_attr_get_payload(attribute), sizeof(T));
    }
    return value;
}

/// The family's header of a message, likewise.
template <class Header> Header header_of(const nlmsghdr *message) {
    Header header{};
    if (mnl_nlmsg_get_payload_len(message) >= sizeof(Header)) {
        std::memcpy(&header, mnl_nlmsg_get_payload(message), sizeof(Header));
    }
    return header;
}

/// A text that need not end with a NUL.
inline std::string text_of(const nlattr *attribute) {
    std::string text(static_cast<const char *>(mnl_attr_get_payload(attribute)),
                     mnl_attr_get_payload_len(attribute));
    return text.substr(0, text.find('\0'));
}

} // namespace k2s::cni::netlink
