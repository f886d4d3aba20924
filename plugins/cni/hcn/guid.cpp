// SPDX-License-Identifier: MIT
#include "hcn/guid.hpp"

#include <cstdint>

#include <fmt/format.h>
#include <stdlib.h> // rand_s

namespace k2s::cni::hcn {
namespace {

constexpr std::string_view k_shape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

int hex(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

} // namespace

std::optional<GUID> parse_guid(std::string_view text) {
    if (text.size() == k_shape.size() + 2 && text.front() == '{' && text.back() == '}') {
        text = text.substr(1, k_shape.size());
    }
    if (text.size() != k_shape.size()) {
        return std::nullopt;
    }
    uint8_t bytes[16]{};
    std::size_t digits = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const int digit = hex(text[i]);
        if (k_shape[i] == '-' ? text[i] != '-' : digit < 0) {
            return std::nullopt;
        }
        if (digit >= 0) {
            bytes[digits / 2] = static_cast<uint8_t>(bytes[digits / 2] << 4 | digit);
            ++digits;
        }
    }
    GUID guid{};
    guid.Data1 = static_cast<uint32_t>(bytes[0]) << 24 | static_cast<uint32_t>(bytes[1]) << 16 |
                 static_cast<uint32_t>(bytes[2]) << 8 | bytes[3];
    guid.Data2 = static_cast<uint16_t>(bytes[4] << 8 | bytes[5]);
    guid.Data3 = static_cast<uint16_t>(bytes[6] << 8 | bytes[7]);
    for (std::size_t i = 0; i < 8; ++i) {
        guid.Data4[i] = bytes[8 + i];
    }
    return guid;
}

std::string text_of(const GUID &guid) {
    std::string text = fmt::format("{:08x}-{:04x}-{:04x}-", guid.Data1, guid.Data2, guid.Data3);
    for (std::size_t i = 0; i < 8; ++i) {
        text += fmt::format("{}{:02x}", i == 2 ? "-" : "", guid.Data4[i]);
    }
    return text;
}

GUID new_guid() {
    // A random one of RFC 9562, version 4.
    uint32_t words[4]{};
    for (auto &word : words) {
        unsigned random = 0;
        rand_s(&random); // fails for a null pointer only
        word = random;
    }
    GUID guid{};
    guid.Data1 = words[0];
    guid.Data2 = static_cast<uint16_t>(words[1]);
    guid.Data3 = static_cast<uint16_t>((words[1] >> 16 & 0x0fff) | 0x4000);
    for (std::size_t i = 0; i < 8; ++i) {
        guid.Data4[i] = static_cast<uint8_t>(words[2 + i / 4] >> (i % 4 * 8));
    }
    guid.Data4[0] = static_cast<uint8_t>((guid.Data4[0] & 0x3f) | 0x80);
    return guid;
}

} // namespace k2s::cni::hcn
