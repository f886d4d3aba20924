// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "trust/crypto_table.h"
#include "trust/identity.hpp"

namespace k2s::core::trust {

using PublicKey = std::array<std::uint8_t, K2S_ED25519_KEY_SIZE>;
using SignatureValue = std::array<std::uint8_t, K2S_ED25519_SIGNATURE_SIZE>;

constexpr std::size_t k_key_file_max = 64 * 1024;

struct KeyPair {
    std::string private_pem;
    std::string public_pem;
};
struct Signed {
    PublicKey key;
    SignatureValue value;
};

/// Hashes and signatures. Loading maps the crypto module and with it OpenSSL (about a millisecond).
class Crypto {
  public:
    /// `module`: Tree::crypto. K2S_E_CONFIG when it is missing or of another build.
    static Result<Crypto> load(const fs::path &module);

    /// Lower-case hex. K2S_E_IO when the file cannot be read to its end, K2S_E_BUSY when it was
    /// written to meanwhile.
    Result<std::string> sha256(const OpenLibrary &file) const;

    bool verify(const PublicKey &key, std::string_view message, const SignatureValue &value) const;
    /// K2S_E_CONFIG when the text is no private Ed25519 key in PEM; `name` is for messages.
    Result<Signed> sign(std::string_view private_pem, std::string_view message,
                        std::string_view name) const;
    Result<KeyPair> generate() const;
    Result<PublicKey> read_public(std::string_view pem, std::string_view name) const;

  private:
    explicit Crypto(const k2s_crypto &table) : table_(&table) {}
    const k2s_crypto *table_;
};

} // namespace k2s::core::trust
