// SPDX-License-Identifier: MIT
#include "trust/binary_format.hpp"

#include <algorithm>
#include <cstring>

namespace k2s::core::trust {

namespace {

// Offsets as in the two specifications; both formats are little-endian here.
constexpr std::size_t k_elf_header = 64;
constexpr std::size_t k_elf_segment = 56;
constexpr std::uint16_t k_elf_shared_object = 3; // ET_DYN
constexpr std::uint32_t k_segment_load = 1;      // PT_LOAD
constexpr std::uint16_t k_most_segments = 256;
constexpr std::size_t k_pe_header = 24 + 2; // signature, file header, magic of the optional one
constexpr std::size_t k_pe_section = 40;
constexpr std::uint16_t k_pe_is_dll = 0x2000;
constexpr std::uint16_t k_pe32_plus = 0x20b;
constexpr std::uint16_t k_most_sections = 96; // the Windows loader's own limit

template <class T> T field(const unsigned char *bytes, std::size_t offset) {
    T value;
    std::memcpy(&value, bytes + offset, sizeof value);
    return value;
}

std::string_view machine_name(Format format, std::uint16_t machine) {
    const bool elf = format == Format::Elf;
    if (machine == (elf ? k_elf_x86_64 : k_pe_x86_64)) {
        return "x86-64";
    }
    if (machine == (elf ? k_elf_aarch64 : k_pe_arm64)) {
        return "64-bit ARM";
    }
    if (machine == (elf ? 3 : 0x14C)) {
        return "32-bit x86";
    }
    return "another processor";
}

std::string_view system_name(Format format) {
    return format == Format::Elf ? "Linux" : "Windows";
}

struct Check {
    const ReadAt &read;
    std::uint64_t size;
    Platform wanted;
    std::string_view name;

    std::unexpected<Error> cut_off() const {
        return fail(K2S_E_FAILED,
                    "plugin library '{}' is cut off: it has {} bytes, its headers speak of more; "
                    "install the plugin again",
                    name, size);
    }
    std::unexpected<Error> other_platform(Format format, std::string_view machine) const {
        return fail(
            K2S_E_UNSUPPORTED,
            "plugin library '{}' is a {} library for {}, this host is {} on {}; install the "
            "plugin's build for this platform",
            name, system_name(format), machine, system_name(wanted.format),
            machine_name(wanted.format, wanted.machine));
    }
    std::unexpected<Error> other_kind(std::string_view kind) const {
        return fail(K2S_E_UNSUPPORTED, "plugin library '{}' is {}, not a shared library", name,
                    kind);
    }
    bool inside(std::uint64_t offset, std::uint64_t length) const {
        return offset <= size && length <= size - offset;
    }

    Result<void> elf() const {
        unsigned char header[k_elf_header];
        if (read(0, header, sizeof header) != sizeof header) {
            return cut_off();
        }
        const bool is_64_bit = header[4] == 2;
        const bool little_endian = header[5] == 1;
        const auto machine = field<std::uint16_t>(header, 18);
        if (wanted.format != Format::Elf || !is_64_bit || !little_endian ||
            machine != wanted.machine) {
            return other_platform(Format::Elf, is_64_bit && little_endian
                                                   ? machine_name(Format::Elf, machine)
                                                   : "another processor");
        }
        if (field<std::uint16_t>(header, 16) != k_elf_shared_object) {
            return other_kind("an ELF file of another kind (a program or object file)");
        }
        const auto sections = field<std::uint64_t>(header, 40);
        const auto section_bytes =
            std::uint64_t{field<std::uint16_t>(header, 58)} * field<std::uint16_t>(header, 60);
        if (!inside(sections, section_bytes)) {
            return cut_off();
        }
        auto at = field<std::uint64_t>(header, 32);
        const auto count = field<std::uint16_t>(header, 56);
        if (count == 0 || count > k_most_segments) {
            return other_kind("an ELF file without loadable segments");
        }
        for (std::uint16_t n = 0; n < count; ++n, at += k_elf_segment) {
            unsigned char segment[k_elf_segment];
            if (!inside(at, sizeof segment) ||
                read(at, segment, sizeof segment) != sizeof segment) {
                return cut_off();
            }
            if (field<std::uint32_t>(segment, 0) == k_segment_load &&
                !inside(field<std::uint64_t>(segment, 8), field<std::uint64_t>(segment, 32))) {
                return cut_off();
            }
        }
        return {};
    }

    Result<void> pe() const {
        unsigned char dos[k_elf_header];
        if (read(0, dos, sizeof dos) != sizeof dos) {
            return cut_off();
        }
        const auto start = field<std::uint32_t>(dos, 60);
        unsigned char header[k_pe_header];
        if (!inside(start, sizeof header) || read(start, header, sizeof header) != sizeof header) {
            return cut_off();
        }
        if (std::memcmp(header, "PE\0\0", 4) != 0) {
            return other_kind("an MS-DOS program");
        }
        const auto machine = field<std::uint16_t>(header, 4);
        if (wanted.format != Format::Pe || machine != wanted.machine ||
            field<std::uint16_t>(header, 24) != k_pe32_plus) {
            return other_platform(Format::Pe, machine_name(Format::Pe, machine));
        }
        if ((field<std::uint16_t>(header, 22) & k_pe_is_dll) == 0) {
            return other_kind("a Windows program");
        }
        const auto count = std::min(field<std::uint16_t>(header, 6), k_most_sections);
        auto at = std::uint64_t{start} + 24 + field<std::uint16_t>(header, 20);
        for (std::uint16_t n = 0; n < count; ++n, at += k_pe_section) {
            unsigned char section[k_pe_section];
            if (!inside(at, sizeof section) ||
                read(at, section, sizeof section) != sizeof section ||
                !inside(field<std::uint32_t>(section, 20), field<std::uint32_t>(section, 16))) {
                return cut_off();
            }
        }
        return {};
    }
};

} // namespace

Result<void> check_binary(const ReadAt &read, std::uint64_t size, Platform wanted,
                          std::string_view name) {
    const Check check{read, size, wanted, name};
    unsigned char magic[4] = {};
    const auto got = read(0, magic, sizeof magic);
    if (got >= 4 && std::memcmp(magic, "\177ELF", 4) == 0) {
        return check.elf();
    }
    if (got >= 2 && magic[0] == 'M' && magic[1] == 'Z') {
        return check.pe();
    }
    if (got >= 2 && magic[0] == '#' && magic[1] == '!') {
        return check.other_kind("a script");
    }
    return check.other_kind("neither an ELF nor a PE file");
}

} // namespace k2s::core::trust
