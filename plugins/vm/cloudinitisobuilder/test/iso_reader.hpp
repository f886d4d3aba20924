// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// A strict reader of the images under test, written from the specifications and sharing nothing
/// with the writer. Throws on whatever a specification forbids.
class IsoReader {
  public:
    struct Entry {
        std::string identifier; ///< as stored
        std::string name;       ///< of Rock Ridge
        uint32_t block = 0;
        uint32_t size = 0;
        uint32_t mode = 0, uid = 0, gid = 0;
        std::string time; ///< seven bytes
        std::vector<std::string> rock_ridge_times;
        bool directory = false;
    };
    struct Volume {
        std::string system, label, application, creation;
        uint32_t blocks = 0;
        std::vector<Entry> entries; ///< "." and ".." first
    };

    explicit IsoReader(std::string image) : image_(std::move(image)) {
        require(image_.size() % 2048 == 0, "whole blocks");
        for (size_t i = 0; i < 16 * 2048; ++i) {
            require(image_[i] == 0, "an empty system area");
        }
        primary = volume(16, 1, false);
        joliet = volume(17, 2, true);
        require(at(18 * 2048, 7) == std::string("\xff"
                                                "CD001\x01",
                                                7),
                "a terminator");
        require(primary.blocks == image_.size() / 2048, "the volume's size");
        require(joliet.blocks == primary.blocks, "one size");
    }

    std::string content(const Entry &entry) const {
        const std::string data = at(size_t{entry.block} * 2048, entry.size);
        for (size_t i = size_t{entry.block} * 2048 + entry.size; i % 2048 != 0; ++i) {
            require(image_.at(i) == 0, "zeros behind a file");
        }
        return data;
    }

    Volume primary, joliet;

  private:
    static void require(bool ok, const std::string &what) {
        if (!ok) {
            throw std::runtime_error("the image lacks: " + what);
        }
    }
    std::string at(size_t offset, size_t size) const {
        require(offset + size <= image_.size(), "bytes up to " + std::to_string(offset + size));
        return image_.substr(offset, size);
    }
    uint32_t number(size_t offset, size_t bytes, bool big) const {
        const std::string raw = at(offset, bytes);
        uint32_t value = 0;
        for (size_t i = 0; i < bytes; ++i) {
            value = value << 8 | static_cast<uint8_t>(raw[big ? i : bytes - 1 - i]);
        }
        return value;
    }
    uint32_t both(size_t offset, size_t bytes) const {
        const uint32_t value = number(offset, bytes, false);
        require(value == number(offset + bytes, bytes, true), "equal byte orders");
        return value;
    }
    static std::string trimmed(std::string text) {
        text.erase(text.find_last_not_of(' ') + 1);
        return text;
    }
    static std::string ascii(const std::string &ucs2) {
        std::string out;
        for (size_t i = 0; i + 1 < ucs2.size(); i += 2) {
            require(ucs2[i] == 0, "an ASCII character");
            out += ucs2[i + 1];
        }
        return out;
    }

    Volume volume(size_t block, int type, bool is_joliet) const {
        const size_t d = block * 2048;
        require(at(d, 1)[0] == type && at(d + 1, 6) == "CD001\x01", "a volume descriptor");
        const auto text = [&](size_t offset, size_t size) {
            const std::string raw = at(d + offset, size);
            return trimmed(is_joliet ? ascii(raw) : raw);
        };
        Volume v;
        v.system = text(8, 32);
        v.label = text(40, 32);
        v.application = text(574, 128);
        v.creation = at(d + 813, 17);
        require(at(d + 830, 17) == v.creation, "creation as modification time");
        v.blocks = both(d + 80, 4);
        require(at(d + 88, 3) == (is_joliet ? "%/E" : std::string(3, '\0')), "escape sequences");
        require(both(d + 120, 2) == 1 && both(d + 124, 2) == 1, "a set of one volume");
        require(both(d + 128, 2) == 2048, "blocks of 2048 bytes");
        require(at(d + 881, 1) == "\x01", "the file structure version");
        const uint32_t root = both(d + 156 + 2, 4);
        const uint32_t size = both(d + 156 + 10, 4);
        require(both(d + 132, 4) == 10, "the path table's size");
        const uint32_t little = number(d + 140, 4, false);
        const uint32_t big = number(d + 148, 4, true);
        require(number(size_t{little} * 2048 + 2, 4, false) == root, "the root in path table L");
        require(number(size_t{big} * 2048 + 2, 4, true) == root, "the root in path table M");
        require(at(size_t{little} * 2048, 1) == "\x01" &&
                    number(size_t{little} * 2048 + 6, 2, false) == 1,
                "a path table record");
        v.entries = directory(root, size, !is_joliet);
        return v;
    }

    std::vector<Entry> directory(uint32_t block, uint32_t size, bool rock_ridge) const {
        require(size > 0 && size % 2048 == 0, "a directory of whole blocks");
        std::vector<Entry> entries;
        const size_t begin = size_t{block} * 2048;
        for (size_t offset = 0; offset < size;) {
            const size_t length = number(begin + offset, 1, false);
            if (length == 0) {
                const size_t next = (offset / 2048 + 1) * 2048;
                require(at(begin + offset, next - offset) == std::string(next - offset, '\0'),
                        "zeros at a directory block's end");
                offset = next;
                continue;
            }
            require(length % 2 == 0 && offset / 2048 == (offset + length - 1) / 2048,
                    "an even record inside of one block");
            const size_t r = begin + offset;
            Entry entry;
            entry.block = both(r + 2, 4);
            entry.size = both(r + 10, 4);
            entry.time = at(r + 18, 7);
            entry.directory = (number(r + 25, 1, false) & 2) != 0;
            require(both(r + 28, 2) == 1, "the volume's number");
            const size_t name = number(r + 32, 1, false);
            entry.identifier = at(r + 33, name);
            const size_t use = 33 + name + (name % 2 == 0 ? 1 : 0);
            require(use <= length, "room for the name");
            if (rock_ridge) {
                system_use(r + use, r + length, entry, entries.empty());
            } else {
                require(length == use, "no system use in Joliet");
            }
            entries.push_back(std::move(entry));
            offset += length;
        }
        require(entries.size() >= 2 && entries[0].identifier == std::string(1, '\0') &&
                    entries[1].identifier == "\x01",
                "the directory and its parent");
        require(entries[0].block == block && entries[0].size == size, "itself");
        return entries;
    }

    void system_use(size_t offset, size_t end, Entry &entry, bool first) const {
        bool more = false, named = false, declared = false;
        while (offset + 4 <= end) {
            const std::string signature = at(offset, 2);
            const size_t length = number(offset + 2, 1, false);
            if (signature[0] == 0) {
                break; // padding
            }
            require(length >= 4 && offset + length <= end, "an entry inside of its area");
            require(number(offset + 3, 1, false) == 1, "entry version 1");
            size_t next = offset + length;
            if (signature == "SP") {
                require(first && at(offset + 4, 2) == "\xbe\xef", "SP in the first record");
            } else if (signature == "PX") {
                entry.mode = both(offset + 4, 4);
                entry.uid = both(offset + 20, 4);
                entry.gid = both(offset + 28, 4);
            } else if (signature == "NM") {
                require(!named || more, "one name");
                named = true;
                more = (number(offset + 4, 1, false) & 1) != 0;
                entry.name += at(offset + 5, length - 5);
            } else if (signature == "TF") {
                for (size_t t = offset + 5; t + 7 <= next; t += 7) {
                    entry.rock_ridge_times.push_back(at(t, 7));
                }
            } else if (signature == "CE") {
                const size_t start = both(offset + 12, 4);
                const size_t size = both(offset + 20, 4);
                require(start + size <= 2048, "a continuation inside of one block");
                next = size_t{both(offset + 4, 4)} * 2048 + start;
                end = next + size;
            } else if (signature == "ER") {
                declared = at(offset + 8, number(offset + 4, 1, false)) == "RRIP_1991A";
            } else {
                require(false, "a known entry, not " + signature);
            }
            offset = next;
        }
        require(!more, "the rest of the name");
        require(declared == first, "the extension's declaration in the first record");
    }

    std::string image_;
};
