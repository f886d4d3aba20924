// SPDX-License-Identifier: MIT
#include "iso_image.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <numeric>

#include "iso_names.hpp"
#include "iso_record.hpp"

namespace k2s::cloudinitisobuilder {
namespace {

constexpr uint32_t k_primary_block = 16;
constexpr uint32_t k_path_tables_block = 19;
constexpr uint32_t k_first_directory_block = 23;
constexpr uint32_t k_path_table_size =
    10; // the root alone: eight bytes, its one-byte name, padding

std::string path_table(uint32_t root_block, bool big_endian) {
    std::string table("\x01\0", 2); // length of the name, of the extended attributes
    table += big_endian ? be32(root_block) : le32(root_block);
    table += big_endian ? std::string("\0\x01", 2) : std::string("\x01\0", 2); // parent: itself
    table += std::string(2, '\0');                                             // name and padding
    return table;
}

/// The root directory of one tree: its records, none across a block's border, padded to whole
/// blocks.
std::string directory(std::vector<Record> records) {
    std::string out;
    for (const Record &record : records) {
        const std::string bytes = record.bytes();
        if (out.size() % k_block + bytes.size() > k_block) {
            out.resize(blocks_of(out.size()) * k_block, '\0');
        }
        out += bytes;
    }
    out.resize(blocks_of(out.size()) * k_block, '\0');
    return out;
}

struct Descriptor {
    bool joliet = false;
    std::string label;
    uint32_t image_blocks = 0;
    uint32_t tables_block = 0;
    uint32_t root_block = 0;
    uint32_t root_size = 0;
    int64_t epoch = 0;
};

std::string long_time(int64_t epoch) {
    const CivilTime t = civil_time(epoch);
    char digits[32];
    std::snprintf(digits, sizeof digits, "%04d%02d%02d%02d%02d%02d00", t.year, t.month, t.day,
                  t.hour, t.minute, t.second);
    return std::string(digits, 16) + '\0'; // offset from UTC
}

std::string volume_descriptor(const Descriptor &d) {
    const auto field = [&](std::string_view text, size_t bytes) {
        std::string out;
        if (d.joliet) {
            for (const char c : text) {
                out += '\0';
                out += c;
            }
            while (out.size() + 1 < bytes) {
                out += std::string_view("\0 ", 2);
            }
            out.resize(bytes, '\0'); // an odd field ends in one zero
        } else {
            out = text;
            out.resize(bytes, ' ');
        }
        return out;
    };
    std::string out;
    out += d.joliet ? '\x02' : '\x01';
    out += "CD001\x01";
    out += '\0';
    out += field("", 32); // system identifier: nothing in the system area
    out += field(d.label, 32);
    out += std::string(8, '\0');
    out += both32(d.image_blocks);
    out += d.joliet ? "%/E" + std::string(29, '\0') : std::string(32, '\0'); // UCS-2 level 3
    out += both16(1) + both16(1) + both16(k_block);
    out += both32(k_path_table_size);
    out += le32(d.tables_block) + le32(0) + be32(d.tables_block + 1) + be32(0);
    Record root;
    root.identifier = std::string(1, '\0');
    root.block = d.root_block;
    root.size = d.root_size;
    root.directory = true;
    root.epoch = d.epoch;
    out += root.bytes();
    out += field("", 128) + field("", 128) + field("", 128); // volume set, publisher, preparer
    out += field("K2S CLOUDINITISOBUILDER", 128);
    out += field("", 37) + field("", 37) + field("", 37); // copyright, abstract, bibliography
    const std::string unset = std::string(16, '0') + '\0';
    out += long_time(d.epoch) + long_time(d.epoch) + unset + unset;
    out += '\x01'; // file structure version
    out.resize(k_block, '\0');
    return out;
}

void append_blocks(std::string &image, const std::string &part) {
    image += part;
    image.resize(blocks_of(image.size()) * k_block, '\0');
}

} // namespace

std::expected<IsoLayout, Error> lay_out(std::string_view label, int64_t epoch,
                                        const std::vector<IsoFile> &files) {
    std::vector<std::string> names;
    for (const IsoFile &file : files) {
        names.push_back(file.name);
    }
    const std::vector<IsoName> iso_names = make_names(names);
    std::vector<size_t> by_primary(files.size());
    std::iota(by_primary.begin(), by_primary.end(), size_t{0});
    std::vector<size_t> by_joliet = by_primary;
    std::sort(by_primary.begin(), by_primary.end(), [&](size_t a, size_t b) {
        return primary_less(iso_names[a].primary, iso_names[b].primary);
    });
    std::sort(by_joliet.begin(), by_joliet.end(), [&](size_t a, size_t b) {
        return joliet_less(iso_names[a].joliet, iso_names[b].joliet);
    });

    // Sizes first (they do not depend on positions), then the same again with the positions known.
    const auto primary_tree = [&](uint32_t root, uint32_t size, uint32_t rest,
                                  const std::vector<uint32_t> &at, ContinuationArea &area) {
        std::vector<Record> records;
        for (const char self : {'\0', '\x01'}) { // "." and ".."
            Record record{std::string(1, self), root, size, true, epoch, {}};
            record.system_use = directory_entries(self == '\0', epoch, rest, area);
            records.push_back(std::move(record));
        }
        for (const size_t i : by_primary) {
            Record record{iso_names[i].primary, at[i], files[i].size, false, epoch, {}};
            record.system_use = file_entries(files[i].name, record.room(), epoch, rest, area);
            records.push_back(std::move(record));
        }
        return directory(std::move(records));
    };
    const auto joliet_tree = [&](uint32_t root, uint32_t size, const std::vector<uint32_t> &at) {
        std::vector<Record> records;
        for (const char self : {'\0', '\x01'}) {
            records.push_back({std::string(1, self), root, size, true, epoch, {}});
        }
        for (const size_t i : by_joliet) {
            std::string identifier;
            for (const char16_t unit : iso_names[i].joliet) {
                identifier += static_cast<char>(unit >> 8);
                identifier += static_cast<char>(unit & 0xff);
            }
            records.push_back({std::move(identifier), at[i], files[i].size, false, epoch, {}});
        }
        return directory(std::move(records));
    };

    std::vector<uint32_t> at(files.size(), 0);
    ContinuationArea measured;
    const auto primary_size = static_cast<uint32_t>(primary_tree(0, 0, 0, at, measured).size());
    const auto joliet_size = static_cast<uint32_t>(joliet_tree(0, 0, at).size());
    const uint32_t joliet_root = k_first_directory_block + primary_size / k_block;
    const uint32_t continuation = joliet_root + joliet_size / k_block;
    const uint64_t first = continuation + blocks_of(measured.bytes().size());
    uint64_t next = first;
    for (size_t i = 0; i < files.size(); ++i) {
        at[i] = static_cast<uint32_t>(next);
        next += blocks_of(files[i].size);
    }
    const uint64_t image_blocks = next + k_trailing_blocks;
    if (image_blocks > UINT32_MAX) {
        return fail(K2S_E_NO_MEMORY, "the files do not fit into an ISO 9660 image (8 TiB)");
    }

    ContinuationArea area;
    const std::string primary =
        primary_tree(k_first_directory_block, primary_size, continuation, at, area);
    const std::string joliet = joliet_tree(joliet_root, joliet_size, at);
    Descriptor d{false,
                 std::string(label),
                 static_cast<uint32_t>(image_blocks),
                 k_path_tables_block,
                 k_first_directory_block,
                 primary_size,
                 epoch};
    IsoLayout layout;
    std::string &image = layout.header;
    image.assign(size_t{k_primary_block} * k_block, '\0');
    image += volume_descriptor(d);
    d.joliet = true;
    d.tables_block += 2;
    d.root_block = joliet_root;
    d.root_size = joliet_size;
    image += volume_descriptor(d);
    append_blocks(image, "\xff"
                         "CD001\x01");
    for (const uint32_t root : {k_first_directory_block, joliet_root}) {
        append_blocks(image, path_table(root, false));
        append_blocks(image, path_table(root, true));
    }
    image += primary;
    image += joliet;
    append_blocks(image, area.bytes());
    layout.content_bytes = (next - first) * k_block;
    layout.image_bytes = image_blocks * k_block;
    return layout;
}

} // namespace k2s::cloudinitisobuilder
