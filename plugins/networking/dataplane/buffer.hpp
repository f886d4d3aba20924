// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include <boost/asio/buffer.hpp>

namespace k2s::dataplane {

/// Bytes read from a peer and not used yet. Small while a connection only exchanges heads, grown
/// for large heads and bodies, and given back afterwards, so that idle connections stay cheap.
class Buffer {
  public:
    static constexpr size_t k_small = 4 * 1024;
    static constexpr size_t k_large = 64 * 1024;

    std::string_view view() const noexcept { return {data_.get() + begin_, end_ - begin_}; }
    size_t size() const noexcept { return end_ - begin_; }
    bool empty() const noexcept { return begin_ == end_; }

    void consume(size_t n) noexcept {
        begin_ += n;
        if (begin_ == end_) {
            begin_ = end_ = 0;
        }
    }

    /// Free space of at least one byte; grows the capacity to `capacity` when it is smaller or
    /// full.
    boost::asio::mutable_buffer prepare(size_t capacity) {
        if (capacity_ < capacity || capacity_ == end_) {
            make_room(capacity);
        }
        return {data_.get() + end_, capacity_ - end_};
    }

    void commit(size_t n) noexcept { end_ += n; }

    /// Gives large memory back when nothing is in it.
    void shrink() noexcept {
        if (capacity_ > k_small) {
            release();
        }
    }

    /// Gives all memory back when nothing is in it.
    void release() noexcept {
        if (empty()) {
            data_.reset();
            capacity_ = begin_ = end_ = 0;
        }
    }

    void clear() noexcept { begin_ = end_ = 0; }

  private:
    void make_room(size_t capacity) {
        const size_t used = size();
        if (capacity_ >= capacity && begin_ > 0) {
            std::memmove(data_.get(), data_.get() + begin_, used);
        } else {
            size_t wanted = capacity_ == 0 ? capacity : capacity_;
            while (wanted < capacity || wanted <= used) {
                wanted *= 2;
            }
            auto grown = std::make_unique_for_overwrite<char[]>(wanted);
            if (used != 0) {
                std::memcpy(grown.get(), data_.get() + begin_, used);
            }
            data_ = std::move(grown);
            capacity_ = wanted;
        }
        begin_ = 0;
        end_ = used;
    }

    std::unique_ptr<char[]> data_;
    size_t capacity_ = 0;
    size_t begin_ = 0;
    size_t end_ = 0;
};

} // namespace k2s::dataplane
