// SPDX-License-Identifier: MIT
#include "base/digest.hpp"

#include <new>

#include <openssl/evp.h>

namespace k2s::image {

struct Hasher::Impl {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    Algorithm algorithm;

    explicit Impl(Algorithm chosen) : algorithm(chosen) {
        const EVP_MD *kind = chosen == Algorithm::sha256 ? EVP_sha256() : EVP_sha512();
        if (context == nullptr || EVP_DigestInit_ex(context, kind, nullptr) != 1) {
            throw std::bad_alloc();
        }
    }
    ~Impl() { EVP_MD_CTX_free(context); }
    Impl(const Impl &) = delete;
    Impl &operator=(const Impl &) = delete;
};

Hasher::Hasher(Algorithm algorithm) : impl_(std::make_unique<Impl>(algorithm)) {}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher &&) noexcept = default;
Hasher &Hasher::operator=(Hasher &&) noexcept = default;

void Hasher::update(const void *data, size_t size) {
    EVP_DigestUpdate(impl_->context, data, size);
}

Digest Hasher::finish() {
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    EVP_DigestFinal_ex(impl_->context, bytes, &length);
    std::string text = impl_->algorithm == Algorithm::sha256 ? "sha256:" : "sha512:";
    for (unsigned i = 0; i < length; ++i) {
        constexpr std::string_view digits = "0123456789abcdef";
        text += digits[bytes[i] >> 4U];
        text += digits[bytes[i] & 15U];
    }
    return Digest(std::move(text));
}

Result<Digest> Digest::parse(std::string_view text) {
    const size_t want = text.starts_with("sha256:") ? 71 : text.starts_with("sha512:") ? 135 : 0;
    if (want == 0) {
        return fail(K2S_E_FAILED, "the digest '{:.80}' is neither sha256 nor sha512", text);
    }
    if (text.size() != want ||
        text.find_first_not_of("0123456789abcdef", 7) != std::string_view::npos) {
        return fail(K2S_E_FAILED, "the digest '{:.140}' does not have {} lower-case hex digits",
                    text, want - 7);
    }
    return Digest(std::string(text));
}

Digest Digest::of(std::string_view bytes) {
    Hasher hasher;
    hasher.update(bytes.data(), bytes.size());
    return hasher.finish();
}

} // namespace k2s::image
