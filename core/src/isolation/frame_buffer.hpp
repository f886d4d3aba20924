// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "isolation/wire.hpp"

namespace k2s::core::isolation {

/// Before each body, as it lies in memory: both sides are one machine.
struct FrameHeader {
    uint32_t size;
    uint16_t kind;
    uint16_t reserved;
    uint32_t id;
};
static_assert(sizeof(FrameHeader) == 12);

/// Cuts what arrives into frames. Many small frames come with one read.
class FrameBuffer {
  public:
    static constexpr std::size_t k_chunk = 64 * 1024;

    /// Takes the next whole frame. False: read more, or give up when broken().
    bool next(Frame &frame) {
        FrameHeader header{};
        if (broken_ || end_ - begin_ < sizeof header) {
            return false;
        }
        std::memcpy(&header, bytes_.data() + begin_, sizeof header);
        if (header.size > k_max_body || header.kind > static_cast<uint16_t>(Kind::bar_end) ||
            header.reserved != 0) {
            broken_ = true;
            return false;
        }
        wanted_ = sizeof header + header.size;
        if (end_ - begin_ < wanted_) {
            return false;
        }
        frame.kind = static_cast<Kind>(header.kind);
        frame.id = header.id;
        frame.body.assign(bytes_.data() + begin_ + sizeof header, header.size);
        begin_ += wanted_;
        wanted_ = 0;
        return true;
    }

    bool broken() const { return broken_; }

    /// Where the next read may write.
    struct Room {
        char *data;
        std::size_t size;
    };
    Room room() {
        if (begin_ > 0) {
            std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
            end_ -= begin_;
            begin_ = 0;
        }
        if (bytes_.size() > k_chunk && wanted_ <= k_chunk && end_ <= k_chunk) {
            bytes_.resize(k_chunk); // a large frame is rare: its memory is not kept
            bytes_.shrink_to_fit();
        }
        // Grows with what has really come, not with what a header promises.
        if (bytes_.size() - end_ < k_chunk / 2) {
            bytes_.resize(bytes_.size() + k_chunk);
        }
        return {bytes_.data() + end_, bytes_.size() - end_};
    }
    void filled(std::size_t size) { end_ += size; }

  private:
    std::vector<char> bytes_ = std::vector<char>(k_chunk);
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t wanted_ = 0;
    bool broken_ = false;
};

} // namespace k2s::core::isolation
