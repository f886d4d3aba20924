// SPDX-License-Identifier: MIT
// Sources: System V gABI, "Sections" and "Symbol Table"; Microsoft PE format, "The .edata Section".
#include "exports.hpp"

#include <cstring>

#include "trust/identity.hpp"
#include "util/read_file.hpp"

namespace k2s::validator {

using namespace core;

namespace {

struct Cut {};

/// A file in memory; what lies outside of it ends the reading.
class Bytes {
  public:
    explicit Bytes(const std::string &content) : content_(content) {}

    template <class T> T at(std::uint64_t offset) const {
        T value;
        if (offset > content_.size() || content_.size() - offset < sizeof value) {
            throw Cut();
        }
        std::memcpy(&value, content_.data() + offset, sizeof value);
        return value;
    }
    std::string text(std::uint64_t offset) const {
        const auto end = offset < content_.size() ? content_.find('\0', offset) : std::string::npos;
        if (end == std::string::npos) {
            throw Cut();
        }
        return content_.substr(offset, end - offset);
    }

  private:
    const std::string &content_;
};

constexpr std::uint32_t k_dynamic_symbols = 11; // SHT_DYNSYM
constexpr std::uint64_t k_symbol_size = 24;
constexpr std::uint64_t k_section_size = 64;

std::vector<std::string> elf_names(const Bytes &file) {
    std::vector<std::string> names;
    const auto sections = file.at<std::uint64_t>(40);
    const auto count = file.at<std::uint16_t>(60);
    for (unsigned n = 0; n < count; ++n) {
        const auto section = sections + n * k_section_size;
        if (file.at<std::uint32_t>(section + 4) != k_dynamic_symbols) {
            continue;
        }
        const auto symbols = file.at<std::uint64_t>(section + 24);
        const auto size = file.at<std::uint64_t>(section + 32);
        const auto text = file.at<std::uint64_t>(
            sections + file.at<std::uint32_t>(section + 40) * k_section_size + 24);
        for (std::uint64_t at = 0; at + k_symbol_size <= size; at += k_symbol_size) {
            const auto info = file.at<std::uint8_t>(symbols + at + 4);
            const auto visibility = file.at<std::uint8_t>(symbols + at + 5) & 3;
            const bool defined = file.at<std::uint16_t>(symbols + at + 6) != 0;
            const bool local = info >> 4 == 0;
            const bool hidden = visibility == 1 || visibility == 2;
            if (defined && !local && !hidden) {
                names.push_back(file.text(text + file.at<std::uint32_t>(symbols + at)));
            }
        }
    }
    return names;
}

std::vector<std::string> pe_names(const Bytes &file) {
    const auto header = file.at<std::uint32_t>(60);
    const auto sections = file.at<std::uint16_t>(header + 6);
    const auto optional = header + 24;
    const auto first_section = optional + file.at<std::uint16_t>(header + 20);
    const auto offset_of = [&](std::uint32_t address) -> std::uint64_t {
        for (unsigned n = 0; n < sections; ++n) {
            const auto section = first_section + n * 40;
            const auto begin = file.at<std::uint32_t>(section + 12);
            if (address >= begin && address - begin < file.at<std::uint32_t>(section + 16)) {
                return address - begin + file.at<std::uint32_t>(section + 20);
            }
        }
        throw Cut();
    };
    std::vector<std::string> names;
    const auto directory = file.at<std::uint32_t>(optional + 112);
    if (directory == 0) {
        return names;
    }
    const auto exports = offset_of(directory);
    const auto count = file.at<std::uint32_t>(exports + 24);
    const auto list = offset_of(file.at<std::uint32_t>(exports + 32));
    for (std::uint32_t n = 0; n < count; ++n) {
        names.push_back(file.text(offset_of(file.at<std::uint32_t>(list + std::uint64_t{n} * 4))));
    }
    return names;
}

} // namespace

Result<std::vector<std::string>> exported_names(const fs::path &library) {
    auto content = read_file(library, trust::k_file_max);
    if (!content) {
        return pass(content);
    }
    try {
        const Bytes file(*content);
        return content->starts_with("MZ") ? pe_names(file) : elf_names(file);
    } catch (const Cut &) {
        return fail(K2S_E_FAILED, "its table of symbols lies outside of the file");
    }
}

} // namespace k2s::validator
