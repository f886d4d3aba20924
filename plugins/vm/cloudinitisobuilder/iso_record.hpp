// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace k2s::cloudinitisobuilder {

// Numbers as ISO 9660 stores them: one byte order, or both, little endian first.
std::string le32(uint32_t value);
std::string be32(uint32_t value);
std::string both16(uint16_t value);
std::string both32(uint32_t value);

struct CivilTime {
    int year, month, day, hour, minute, second;
};
CivilTime civil_time(int64_t epoch);

/// The seven bytes of a time in directory records and Rock Ridge (ECMA-119 9.1.5), in UTC.
std::string short_time(int64_t epoch);

/// A directory record (ECMA-119 9.1).
struct Record {
    std::string identifier; ///< as stored; "\0" and "\1" are the directory itself and its parent
    uint32_t block = 0;
    uint32_t size = 0;
    bool directory = false;
    int64_t epoch = 0;
    std::string system_use; ///< Rock Ridge

    /// What remains for `system_use`: a record's length is one byte, and even.
    size_t room() const { return 254 - name_end(); }
    std::string bytes() const;

  private:
    size_t name_end() const {
        return 33 + identifier.size() + (identifier.size() % 2 == 0 ? 1 : 0);
    }
};

/// Where system use entries go that do not fit into their record. An area never crosses a block.
class ContinuationArea {
  public:
    struct Place {
        uint32_t block; ///< relative to the area's begin
        uint32_t offset;
    };
    Place add(std::string_view entries);
    const std::string &bytes() const { return bytes_; }

  private:
    std::string bytes_;
};

/// Rock Ridge of "." (`self`, which also declares the extension) and "..". `area_block` is where
/// `area` will be in the image.
std::string directory_entries(bool self, int64_t epoch, uint32_t area_block,
                              ContinuationArea &area);

/// Rock Ridge of a file: mode 0644, owner 0:0, times, and the name, of which a part goes to `area`
/// when it is longer than what `room` has for it.
std::string file_entries(std::string_view name, size_t room, int64_t epoch, uint32_t area_block,
                         ContinuationArea &area);

} // namespace k2s::cloudinitisobuilder
