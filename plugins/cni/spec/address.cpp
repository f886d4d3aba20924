// SPDX-License-Identifier: MIT
#include "spec/address.hpp"

#include <charconv>
#include <cstring>

#if defined(_WIN32)
#include <ws2tcpip.h>
#else
#include <arpa/inet.h>
#endif

#include <fmt/format.h>

namespace k2s::cni {
namespace {

constexpr std::array<uint8_t, 12> k_v4_mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/// The bits of byte `index` that belong to a prefix of `length` bits.
uint8_t mask_of(std::size_t index, unsigned length) {
    const auto first = static_cast<unsigned>(index) * 8;
    return length <= first       ? 0
           : length - first >= 8 ? 0xff
                                 : static_cast<uint8_t>(0xff << (8 - (length - first)));
}

} // namespace

std::optional<Address> Address::parse(std::string_view text) {
    std::array<char, 64> buffer{};
    if (text.empty() || text.size() >= buffer.size()) {
        return std::nullopt;
    }
    std::memcpy(buffer.data(), text.data(), text.size());
    std::array<uint8_t, 16> bytes{};
    if (inet_pton(AF_INET, buffer.data(), bytes.data()) == 1) {
        return from_bytes(bytes.data(), 4);
    }
    if (inet_pton(AF_INET6, buffer.data(), bytes.data()) == 1) {
        return from_bytes(bytes.data(), 16);
    }
    return std::nullopt;
}

Address Address::from_bytes(const void *bytes, std::size_t size) {
    Address result;
    const auto *begin = static_cast<const uint8_t *>(bytes);
    if (size == 16 && std::memcmp(begin, k_v4_mapped.data(), k_v4_mapped.size()) == 0) {
        begin += k_v4_mapped.size();
        size = 4;
    }
    result.size_ = size == 4 ? 4 : 16;
    std::memcpy(result.bytes_.data(), begin, result.size_);
    return result;
}

std::string Address::text() const {
    std::array<char, 64> buffer{};
    inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes_.data(), buffer.data(), buffer.size());
    return buffer.data();
}

Address Address::next() const {
    Address result = *this;
    for (std::size_t i = size_; i-- > 0 && ++result.bytes_[i] == 0;) {
    }
    return result;
}

Address Address::previous() const {
    Address result = *this;
    for (std::size_t i = size_; i-- > 0 && result.bytes_[i]-- == 0;) {
    }
    return result;
}

Address Address::masked(unsigned length) const {
    Address result = *this;
    for (std::size_t i = 0; i < size_; ++i) {
        result.bytes_[i] &= mask_of(i, length);
    }
    return result;
}

Address Address::filled(unsigned length) const {
    Address result = *this;
    for (std::size_t i = 0; i < size_; ++i) {
        result.bytes_[i] |= static_cast<uint8_t>(~mask_of(i, length));
    }
    return result;
}

std::optional<Prefix> Prefix::parse(std::string_view text) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) {
        return std::nullopt;
    }
    const auto address = Address::parse(text.substr(0, slash));
    const auto digits = text.substr(slash + 1);
    unsigned length = 0;
    const auto [stop, failed] =
        std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (!address || failed != std::errc() || stop != digits.data() + digits.size() ||
        length > address->size() * 8) {
        return std::nullopt;
    }
    return Prefix{*address, length};
}

std::string Prefix::text() const {
    return fmt::format("{}/{}", address.text(), length);
}

} // namespace k2s::cni
