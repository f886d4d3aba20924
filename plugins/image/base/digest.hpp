// SPDX-License-Identifier: MIT
#pragma once

#include <compare>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace k2s::image {

enum class Algorithm : uint8_t { sha256, sha512 };

/// `sha256:<64 hex digits>` or `sha512:<128>`, lower case: what OCI registers. Only a checked one
/// can be made, so its parts are safe in paths and URLs.
class Digest {
  public:
    static Result<Digest> parse(std::string_view text);
    static Digest of(std::string_view bytes);

    const std::string &text() const noexcept { return text_; }
    Algorithm algorithm() const noexcept {
        return text_.starts_with("sha512") ? Algorithm::sha512 : Algorithm::sha256;
    }
    std::string_view algorithm_name() const noexcept {
        return std::string_view(text_).substr(0, 6);
    }
    std::string_view hex() const noexcept { return std::string_view(text_).substr(7); }
    /// Twelve digits, for people.
    std::string_view brief() const noexcept { return hex().substr(0, 12); }

    auto operator<=>(const Digest &) const = default;

  private:
    friend class Hasher;
    explicit Digest(std::string text) : text_(std::move(text)) {}
    std::string text_;
};

/// Digests a stream.
class Hasher {
  public:
    explicit Hasher(Algorithm algorithm = Algorithm::sha256);
    ~Hasher();
    Hasher(Hasher &&) noexcept;
    Hasher &operator=(Hasher &&) noexcept;

    void update(const void *data, size_t size);
    /// Ends it; only the destructor may follow.
    Digest finish();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace k2s::image
