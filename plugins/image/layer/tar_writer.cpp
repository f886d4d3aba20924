// SPDX-License-Identifier: MIT
#include "layer/tar_writer.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

namespace k2s::image {
namespace {

// POSIX.1-2001, ustar interchange format: offset and length of each field.
struct Place {
    size_t at;
    size_t length;
};
constexpr Place k_name{0, 100}, k_mode{100, 8}, k_uid{108, 8}, k_gid{116, 8}, k_size{124, 12},
    k_mtime{136, 12}, k_checksum{148, 8}, k_type{156, 1}, k_link{157, 100}, k_magic{257, 8};

using Block = std::array<char, 512>;

void put(Block &block, Place place, std::string_view text) {
    std::memcpy(block.data() + place.at, text.data(), std::min(text.size(), place.length));
}

/// Octal with a final NUL. What does not fit is in the pax header; then the field says 0.
void put_number(Block &block, Place place, uint64_t value) {
    const size_t digits = place.length - 1;
    if (value >= uint64_t{1} << (3 * digits)) {
        value = 0;
    }
    for (size_t i = digits; i-- > 0; value >>= 3U) {
        block[place.at + i] = static_cast<char>('0' + (value & 7U));
    }
}

std::string block_of(const TarEntry &entry, char type) {
    Block block{};
    put(block, k_name, entry.path);
    put_number(block, k_mode, entry.mode & 07777U);
    put_number(block, k_uid, entry.uid);
    put_number(block, k_gid, entry.gid);
    put_number(block, k_size, entry.size);
    put_number(block, k_mtime, static_cast<uint64_t>(entry.mtime));
    block[k_type.at] = type;
    put(block, k_link, entry.link);
    put(block, k_magic, std::string_view("ustar\00000", 8));
    std::fill_n(block.begin() + k_checksum.at, k_checksum.length, ' ');
    const unsigned sum = std::accumulate(block.begin(), block.end(), 0U, [](unsigned sum, char c) {
        return sum + static_cast<unsigned char>(c);
    });
    put_number(block, {k_checksum.at, 7}, sum);
    return {block.data(), block.size()};
}

/// "LENGTH KEY=VALUE\n", where LENGTH counts itself.
std::string pax_record(const std::string &key, const std::string &value) {
    const size_t rest = key.size() + value.size() + 3;
    size_t length = rest + 1;
    while (std::to_string(length).size() + rest != length) {
        length = std::to_string(length).size() + rest;
    }
    return std::to_string(length) + " " + key + "=" + value + "\n";
}

bool plain(std::string_view text) {
    return text.size() <= 100 &&
           std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

} // namespace

std::string tar_header(const TarEntry &given) {
    TarEntry entry = given;
    if (entry.type == EntryType::directory) {
        entry.path += '/';
    }
    auto records = entry.pax;
    if (!plain(entry.path)) {
        records["path"] = entry.path;
    }
    if (!plain(entry.link)) {
        records["linkpath"] = entry.link;
    }
    for (const auto &[key, value, limit] : {std::tuple{"size", entry.size, uint64_t{1} << 33U},
                                            {"uid", entry.uid, uint64_t{1} << 21U},
                                            {"gid", entry.gid, uint64_t{1} << 21U}}) {
        if (value >= limit) {
            records[key] = std::to_string(value);
        }
    }
    std::string bytes;
    if (!records.empty()) {
        std::string body;
        for (const auto &[key, value] : records) {
            body += pax_record(key, value);
        }
        TarEntry header;
        header.path = "PaxHeaders/" + entry.path.substr(0, 80);
        if (!plain(header.path)) {
            header.path = "PaxHeaders/entry";
        }
        header.size = body.size();
        header.mtime = entry.mtime;
        bytes = block_of(header, 'x') + body;
        bytes.append(tar_padding(body.size()), '\0');
    }
    return bytes + block_of(entry, static_cast<char>(entry.type));
}

} // namespace k2s::image
