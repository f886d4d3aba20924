// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include <linux/netlink.h>

// How to read what the kernel sends: messages of attributes, which may hold attributes. Nothing is
// read beyond the bytes given, whatever the lengths in them say. (Why not libmnl: ADR 31.)
namespace k2s::cni::netlink {

/// Headers, bodies and attributes begin at multiples of four.
constexpr std::size_t aligned(std::size_t size) {
    return (size + 3) & ~std::size_t{3};
}

/// Takes the next message off `bytes`; nullptr when there is no whole one.
inline const nlmsghdr *take_message(std::string_view &bytes) {
    const auto *message = reinterpret_cast<const nlmsghdr *>(bytes.data());
    if (bytes.size() < sizeof(nlmsghdr) || message->nlmsg_len < sizeof(nlmsghdr) ||
        message->nlmsg_len > bytes.size()) {
        return nullptr;
    }
    bytes.remove_prefix(std::min(aligned(message->nlmsg_len), bytes.size()));
    return message;
}

/// What follows the header.
inline std::string_view bytes_of(const nlmsghdr *message) {
    return {reinterpret_cast<const char *>(message + 1),
            std::max<std::size_t>(message->nlmsg_len, sizeof(nlmsghdr)) - sizeof(nlmsghdr)};
}

inline std::string_view bytes_of(const nlattr *attribute) {
    return {reinterpret_cast<const char *>(attribute + 1), attribute->nla_len - sizeof(nlattr)};
}

/// Calls call(type, attribute) for each attribute.
template <class Call> void each(std::string_view bytes, Call &&call) {
    while (bytes.size() >= sizeof(nlattr)) {
        const auto *attribute = reinterpret_cast<const nlattr *>(bytes.data());
        if (attribute->nla_len < sizeof(nlattr) || attribute->nla_len > bytes.size()) {
            return;
        }
        call(static_cast<uint16_t>(attribute->nla_type & NLA_TYPE_MASK), attribute);
        bytes.remove_prefix(std::min(aligned(attribute->nla_len), bytes.size()));
    }
}

/// Of a message with a family's header of `offset` bytes.
template <class Call> void each(const nlmsghdr *message, std::size_t offset, Call &&call) {
    const auto bytes = bytes_of(message);
    each(bytes.substr(std::min(aligned(offset), bytes.size())), call);
}

/// Inside another attribute.
template <class Call> void each(const nlattr *nest, Call &&call) {
    each(bytes_of(nest), call);
}

/// A number or struct; zeroes when there are too few bytes for it.
template <class T> T value_in(std::string_view bytes) {
    T value{};
    if (bytes.size() >= sizeof(T)) {
        std::memcpy(&value, bytes.data(), sizeof(T));
    }
    return value;
}

template <class T> T value_of(const nlattr *attribute) {
    return value_in<T>(bytes_of(attribute));
}

/// The family's header of a message.
template <class Header> Header header_of(const nlmsghdr *message) {
    return value_in<Header>(bytes_of(message));
}

/// A text that need not end with a NUL.
inline std::string text_of(const nlattr *attribute) {
    const auto bytes = bytes_of(attribute);
    return std::string(bytes.substr(0, bytes.find('\0')));
}

} // namespace k2s::cni::netlink
