// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>
#include <vector>

#include <zlib.h>
#include <zstd.h>

#include "layer/compression.hpp"

namespace k2s::image {
namespace {

constexpr size_t k_buffer = 256U << 10U;

/// Reads ahead far enough to tell what the bytes are; the base of the expanders.
class Input {
  public:
    explicit Input(Source &inner) : inner_(inner), buffer_(k_buffer) {}

    /// True: there are bytes at data(). False: the end.
    Result<bool> fill() {
        if (begin_ < end_) {
            return true;
        }
        const auto got = inner_.read(buffer_.data(), buffer_.size());
        if (!got) {
            return std::unexpected(got.error());
        }
        begin_ = 0;
        end_ = *got;
        return end_ > 0;
    }
    const char *data() const { return buffer_.data() + begin_; }
    size_t size() const { return end_ - begin_; }
    void take(size_t bytes) { begin_ += bytes; }

  private:
    Source &inner_;
    std::vector<char> buffer_;
    size_t begin_ = 0;
    size_t end_ = 0;
};

class Expander : public Source {
  public:
    Expander(Input input, uint64_t limit) : input_(std::move(input)), limit_(limit) {}

    Result<size_t> read(void *into, size_t size) final {
        auto got = produce(into, size);
        if (got && (done_ += *got) > limit_) {
            return fail(K2S_E_FAILED,
                        "more than {} bytes come out of it, which is the limit: it may be a "
                        "decompression bomb",
                        limit_);
        }
        return got;
    }

  protected:
    virtual Result<size_t> produce(void *into, size_t size) = 0;
    Input input_;

  private:
    uint64_t limit_;
    uint64_t done_ = 0;
};

class PlainExpander final : public Expander {
  public:
    using Expander::Expander;
    Result<size_t> produce(void *into, size_t size) override {
        const auto more = input_.fill();
        if (!more || !*more) {
            return more ? Result<size_t>(0) : std::unexpected(more.error());
        }
        const size_t piece = std::min(size, input_.size());
        std::memcpy(into, input_.data(), piece);
        input_.take(piece);
        return piece;
    }
};

class GzipExpander final : public Expander {
  public:
    GzipExpander(Input input, uint64_t limit) : Expander(std::move(input), limit) {
        if (inflateInit2(&stream_, 16 + MAX_WBITS) != Z_OK) {
            throw std::bad_alloc();
        }
    }
    ~GzipExpander() override { inflateEnd(&stream_); }

    Result<size_t> produce(void *into, size_t size) override {
        stream_.next_out = static_cast<Bytef *>(into);
        stream_.avail_out = static_cast<uInt>(std::min<size_t>(size, 1U << 30U));
        const uInt room = stream_.avail_out;
        while (stream_.avail_out == room) {
            const auto more = input_.fill();
            if (!more) {
                return std::unexpected(more.error());
            }
            if (!*more) {
                if (inside_) {
                    return fail(K2S_E_FAILED, "its gzip data ends too early");
                }
                return 0;
            }
            inside_ = true;
            stream_.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(input_.data()));
            stream_.avail_in = static_cast<uInt>(input_.size());
            const int status = inflate(&stream_, Z_NO_FLUSH);
            input_.take(input_.size() - stream_.avail_in);
            if (status == Z_STREAM_END) {
                inflateReset(&stream_); // another member may follow
                inside_ = false;
            } else if (status != Z_OK) {
                return fail(K2S_E_FAILED, "its gzip data is damaged: {}",
                            stream_.msg != nullptr ? stream_.msg : "unexpected end");
            }
        }
        return room - stream_.avail_out;
    }

  private:
    z_stream stream_{};
    bool inside_ = false;
};

class ZstdExpander final : public Expander {
  public:
    ZstdExpander(Input input, uint64_t limit)
        : Expander(std::move(input), limit), stream_(ZSTD_createDStream()) {
        if (stream_ == nullptr) {
            throw std::bad_alloc();
        }
    }
    ~ZstdExpander() override { ZSTD_freeDStream(stream_); }

    Result<size_t> produce(void *into, size_t size) override {
        ZSTD_outBuffer out{into, size, 0};
        while (out.pos == 0) {
            const auto more = input_.fill();
            if (!more) {
                return std::unexpected(more.error());
            }
            // At the end of the input it may still hold bytes that had no room.
            ZSTD_inBuffer in{input_.data(), *more ? input_.size() : 0, 0};
            if (!*more && !inside_) {
                return 0;
            }
            const size_t status = ZSTD_decompressStream(stream_, &out, &in);
            if (ZSTD_isError(status) != 0U) {
                return fail(K2S_E_FAILED, "its zstd data is damaged: {}",
                            ZSTD_getErrorName(status));
            }
            input_.take(in.pos);
            inside_ = status != 0;
            if (!*more && out.pos == 0) {
                return fail(K2S_E_FAILED, "its zstd data ends too early");
            }
        }
        return out.pos;
    }

  private:
    ZSTD_DStream *stream_;
    bool inside_ = false;
};

} // namespace

Compression detect(std::string_view first) {
    if (first.starts_with("\x1f\x8b")) {
        return Compression::gzip;
    }
    return first.starts_with("\x28\xb5\x2f\xfd") ? Compression::zstd : Compression::none;
}

Result<std::unique_ptr<Source>> expand(Source &inner, uint64_t limit, Compression &kind) {
    Input input(inner);
    if (const auto more = input.fill(); !more) {
        return std::unexpected(more.error());
    }
    kind = detect({input.data(), input.size()});
    switch (kind) {
    case Compression::gzip:
        return std::make_unique<GzipExpander>(std::move(input), limit);
    case Compression::zstd:
        return std::make_unique<ZstdExpander>(std::move(input), limit);
    case Compression::none:
        break;
    }
    return std::make_unique<PlainExpander>(std::move(input), limit);
}

Result<std::unique_ptr<Source>> expand(Source &inner, uint64_t limit) {
    Compression ignored{};
    return expand(inner, limit, ignored);
}

} // namespace k2s::image
