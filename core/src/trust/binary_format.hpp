// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "util/result.hpp"

/// Says early and in plain words why a file cannot be a plugin of this host. The system's loader
/// would notice too, but says "invalid ELF header" or "error 193".
namespace k2s::core::trust {

enum class Format { Elf, Pe };

struct Platform {
    Format format;
    std::uint16_t machine; // e_machine or IMAGE_FILE_HEADER.Machine
};

/// Sources: System V gABI, "Machine Architecture"; Microsoft PE format, "Machine Types".
constexpr std::uint16_t k_elf_x86_64 = 62;
constexpr std::uint16_t k_elf_aarch64 = 183;
constexpr std::uint16_t k_pe_x86_64 = 0x8664;
constexpr std::uint16_t k_pe_arm64 = 0xAA64;

constexpr Platform this_platform() {
#if defined(_WIN32) && defined(__aarch64__)
    return {Format::Pe, k_pe_arm64};
#elif defined(_WIN32)
    return {Format::Pe, k_pe_x86_64};
#elif defined(__aarch64__)
    return {Format::Elf, k_elf_aarch64};
#else
    return {Format::Elf, k_elf_x86_64};
#endif
}

/// Reads up to `size` bytes at `offset`; returns how many.
using ReadAt = std::function<std::size_t(std::uint64_t offset, void *buffer, std::size_t size)>;

/// That the file is a 64-bit shared library for `wanted` and as long as its headers say.
/// Errors: K2S_E_UNSUPPORTED (other platform, other kind of file), K2S_E_FAILED (cut off).
Result<void> check_binary(const ReadAt &read, std::uint64_t size, Platform wanted,
                          std::string_view name);

} // namespace k2s::core::trust
