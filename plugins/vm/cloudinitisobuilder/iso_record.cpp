// SPDX-License-Identifier: MIT
#include "iso_record.hpp"

#include <chrono>

#include "iso_image.hpp"

namespace k2s::cloudinitisobuilder {
namespace {

constexpr size_t k_continuation_size = 28; // of a CE entry
constexpr size_t k_name_overhead = 5;      // of an NM entry
constexpr uint32_t k_regular_file = 0100644;
constexpr uint32_t k_directory = 0040555;

std::string entry(std::string_view signature, const std::string &body) {
    std::string out(signature);
    out += static_cast<char>(4 + body.size());
    out += '\x01';
    return out + body;
}

std::string attributes(uint32_t mode, uint32_t links, int64_t epoch) {
    const std::string time = short_time(epoch);
    constexpr char modified_accessed_changed = 0x02 | 0x04 | 0x08;
    return entry("PX", both32(mode) + both32(links) + both32(0) + both32(0)) +
           entry("TF", modified_accessed_changed + time + time + time);
}

std::string continued(std::string_view entries, uint32_t area_block, ContinuationArea &area) {
    const ContinuationArea::Place place = area.add(entries);
    return entry("CE", both32(area_block + place.block) + both32(place.offset) +
                           both32(static_cast<uint32_t>(entries.size())));
}

std::string name_entry(std::string_view part, bool more) {
    return entry("NM", std::string(1, more ? '\x01' : '\0') + std::string(part));
}

/// Names the extension that the entries belong to (SUSP 5.5, RRIP 4.3).
std::string extension_reference() {
    constexpr std::string_view id = "RRIP_1991A";
    constexpr std::string_view description = "THE ROCK RIDGE INTERCHANGE PROTOCOL PROVIDES SUPPORT "
                                             "FOR POSIX FILE SYSTEM SEMANTICS";
    constexpr std::string_view source =
        "PLEASE CONTACT DISC PUBLISHER FOR SPECIFICATION SOURCE.  SEE PUBLISHER IDENTIFIER IN "
        "PRIMARY VOLUME DESCRIPTOR FOR CONTACT INFORMATION.";
    std::string body;
    for (const std::string_view text : {id, description, source}) {
        body += static_cast<char>(text.size());
    }
    body += '\x01';
    return entry("ER", (body + std::string(id)).append(description).append(source));
}

} // namespace

std::string le32(uint32_t value) {
    std::string out;
    for (int shift = 0; shift < 32; shift += 8) {
        out += static_cast<char>(value >> shift & 0xff);
    }
    return out;
}

std::string be32(uint32_t value) {
    const std::string little = le32(value);
    return {little.rbegin(), little.rend()};
}

std::string both16(uint16_t value) {
    const char low = static_cast<char>(value & 0xff);
    const char high = static_cast<char>(value >> 8);
    return {low, high, high, low};
}

std::string both32(uint32_t value) {
    return le32(value) + be32(value);
}

CivilTime civil_time(int64_t epoch) {
    using namespace std::chrono;
    const sys_seconds when{seconds(epoch)};
    const sys_days day = floor<days>(when);
    const year_month_day date{day};
    const auto rest = static_cast<int>((when - day).count());
    return {static_cast<int>(date.year()),
            static_cast<int>(static_cast<unsigned>(date.month())),
            static_cast<int>(static_cast<unsigned>(date.day())),
            rest / 3600,
            rest / 60 % 60,
            rest % 60};
}

std::string short_time(int64_t epoch) {
    const CivilTime t = civil_time(epoch);
    std::string out;
    for (const int value : {t.year - 1900, t.month, t.day, t.hour, t.minute, t.second, 0}) {
        out += static_cast<char>(value);
    }
    return out;
}

std::string Record::bytes() const {
    std::string out;
    const size_t length = name_end() + system_use.size();
    out += static_cast<char>(length + length % 2);
    out += '\0'; // no extended attributes
    out += both32(block) + both32(size) + short_time(epoch);
    out += directory ? '\x02' : '\0';
    out += std::string(2, '\0'); // not interleaved
    out += both16(1);
    out += static_cast<char>(identifier.size());
    out += identifier;
    out.resize(name_end(), '\0');
    out += system_use;
    out.resize(length + length % 2, '\0');
    return out;
}

ContinuationArea::Place ContinuationArea::add(std::string_view entries) {
    if (bytes_.size() % k_block + entries.size() > k_block) {
        bytes_.resize(blocks_of(bytes_.size()) * k_block, '\0');
    }
    const Place place{static_cast<uint32_t>(bytes_.size() / k_block),
                      static_cast<uint32_t>(bytes_.size() % k_block)};
    bytes_ += entries;
    return place;
}

std::string directory_entries(bool self, int64_t epoch, uint32_t area_block,
                              ContinuationArea &area) {
    const std::string common = attributes(k_directory, 2, epoch);
    return self ? entry("SP", std::string("\xbe\xef\0", 3)) + common +
                      continued(extension_reference(), area_block, area)
                : common;
}

std::string file_entries(std::string_view name, size_t room, int64_t epoch, uint32_t area_block,
                         ContinuationArea &area) {
    const std::string common = attributes(k_regular_file, 1, epoch);
    const size_t left = room - common.size();
    if (k_name_overhead + name.size() <= left) {
        return common + name_entry(name, false);
    }
    const size_t here = left - k_continuation_size - k_name_overhead;
    return common + name_entry(name.substr(0, here), true) +
           continued(name_entry(name.substr(here), false), area_block, area);
}

} // namespace k2s::cloudinitisobuilder
