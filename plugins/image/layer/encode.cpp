// SPDX-License-Identifier: MIT
#include <libdeflate.h>
#include <zstd.h>

#include "layer/compression.hpp"
#include "model/media_type.hpp"

namespace k2s::image {
namespace {

constexpr int k_gzip_level = 2; // smaller and faster than what pgzip gives by default
constexpr int k_zstd_level = 3;

class PlainEncoder final : public BlockEncoder {
  public:
    Done encode(std::string_view block, std::string &out) override {
        out.assign(block);
        return {};
    }
};

/// libdeflate writes no time and no name into the header: the same block gives the same bytes.
class GzipEncoder final : public BlockEncoder {
  public:
    explicit GzipEncoder(int level) : compressor_(libdeflate_alloc_compressor(level)) {
        if (compressor_ == nullptr) {
            throw std::bad_alloc();
        }
    }
    ~GzipEncoder() override { libdeflate_free_compressor(compressor_); }

    Done encode(std::string_view block, std::string &out) override {
        out.resize(libdeflate_gzip_compress_bound(compressor_, block.size()));
        out.resize(libdeflate_gzip_compress(compressor_, block.data(), block.size(), out.data(),
                                            out.size()));
        return {};
    }

  private:
    libdeflate_compressor *compressor_;
};

class ZstdEncoder final : public BlockEncoder {
  public:
    explicit ZstdEncoder(int level) : context_(ZSTD_createCCtx()) {
        if (context_ == nullptr) {
            throw std::bad_alloc();
        }
        ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, level);
        ZSTD_CCtx_setParameter(context_, ZSTD_c_checksumFlag, 1);
    }
    ~ZstdEncoder() override { ZSTD_freeCCtx(context_); }

    Done encode(std::string_view block, std::string &out) override {
        out.resize(ZSTD_compressBound(block.size()));
        const size_t size =
            ZSTD_compress2(context_, out.data(), out.size(), block.data(), block.size());
        if (ZSTD_isError(size) != 0U) {
            return fail(K2S_E_FAILED, "zstd: {}", ZSTD_getErrorName(size));
        }
        out.resize(size);
        return {};
    }

  private:
    ZSTD_CCtx *context_;
};

} // namespace

std::string_view name_of(Compression kind) {
    return kind == Compression::none ? "none" : kind == Compression::gzip ? "gzip" : "zstd";
}

std::string_view layer_type(Compression kind) {
    return kind == Compression::none   ? media_type::layer
           : kind == Compression::gzip ? media_type::layer_gzip
                                       : media_type::layer_zstd;
}

Result<std::unique_ptr<BlockEncoder>> BlockEncoder::make(Compression kind, int level) {
    const int highest = kind == Compression::gzip ? 12 : kind == Compression::zstd ? 19 : 0;
    if (level < 0 || level > highest) {
        return fail(K2S_E_USAGE, "level {} is not one of {}, which has {} to {}", level,
                    name_of(kind), highest > 0 ? 1 : 0, highest);
    }
    switch (kind) {
    case Compression::gzip:
        return std::make_unique<GzipEncoder>(level == 0 ? k_gzip_level : level);
    case Compression::zstd:
        return std::make_unique<ZstdEncoder>(level == 0 ? k_zstd_level : level);
    case Compression::none:
        break;
    }
    return std::make_unique<PlainEncoder>();
}

} // namespace k2s::image
