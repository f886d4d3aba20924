// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>

#include "base/digest.hpp"
#include "base/result.hpp"

namespace k2s::image {

/// Bytes that are read once, from front to back.
class Source {
  public:
    virtual ~Source() = default;
    /// 0 only at the end.
    virtual Result<size_t> read(void *into, size_t size) = 0;
};

/// Passes another source on and digests what it gives.
class HashedSource final : public Source {
  public:
    explicit HashedSource(Source &inner, Algorithm algorithm = Algorithm::sha256)
        : inner_(inner), hasher_(algorithm) {}
    Result<size_t> read(void *into, size_t size) override {
        auto got = inner_.read(into, size);
        if (got) {
            hasher_.update(into, *got);
        }
        return got;
    }
    Digest finish() { return hasher_.finish(); }

  private:
    Source &inner_;
    Hasher hasher_;
};

/// How far long work is, and whether it should go on. Both may be called by any thread.
struct Watch {
    std::function<void(uint64_t bytes)> advance; // bytes since the last call
    std::function<bool()> cancelled;

    void done(uint64_t bytes) const {
        if (advance) {
            advance(bytes);
        }
    }
    bool stop() const { return cancelled && cancelled(); }
};

inline std::unexpected<Error> stopped() {
    return fail(K2S_E_CANCELLED, "stopped as asked");
}

} // namespace k2s::image
