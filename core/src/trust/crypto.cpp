// SPDX-License-Identifier: MIT
#include "trust/crypto.hpp"

#include <memory>

#include <k2s/sdk/host.hpp>
#include <k2s/sdk/text.hpp>

#include "loader/module.hpp"
#include "util/hex.hpp"
#include "util/path.hpp"

namespace k2s::core::trust {

Result<Crypto> Crypto::load(const fs::path &module) {
    auto entry = load_module<k2s_core_crypto_v1_fn>(module, K2S_CORE_CRYPTO_ENTRY);
    if (!entry) {
        return pass(entry);
    }
    const k2s_crypto *table = (*entry)();
    if (!K2S_HAS(table, read_public)) {
        return fail(K2S_E_CONFIG, "'{}' is of another version: install the tree again",
                    path_text(module));
    }
    return Crypto(*table);
}

Result<std::string> Crypto::sha256(const OpenLibrary &file) const {
    struct Reading {
        const OpenLibrary &file;
        std::uint64_t offset = 0;
    } reading{file};
    std::array<std::uint8_t, K2S_SHA256_SIZE> digest{};
    const int32_t done = table_->sha256(
        [](void *context, void *buffer, uint64_t size) -> int64_t {
            auto &at = *static_cast<Reading *>(context);
            const auto got = at.file.read_at(at.offset, buffer, static_cast<std::size_t>(size));
            at.offset += got;
            return static_cast<int64_t>(got);
        },
        &reading, digest.data());
    if (done < 0 || reading.offset < file.identity().size) {
        return fail(K2S_E_IO, "cannot read '{}' to its end", path_text(file.path()));
    }
    if (!file.unchanged()) {
        return fail(K2S_E_BUSY, "'{}' was written to while it was hashed; try again",
                    path_text(file.path()));
    }
    return to_hex(digest);
}

bool Crypto::verify(const PublicKey &key, std::string_view message,
                    const SignatureValue &value) const {
    return table_->verify(key.data(), to_bytes(message), value.data()) == K2S_OK;
}

Result<Signed> Crypto::sign(std::string_view private_pem, std::string_view message,
                            std::string_view name) const {
    Signed made{};
    if (table_->sign(to_bytes(private_pem), to_bytes(message), made.key.data(), made.value.data()) <
        0) {
        return fail(K2S_E_CONFIG,
                    "'{}' is no private Ed25519 key without password (PEM): make one with `k2s "
                    "plugin keygen`",
                    name);
    }
    return made;
}

Result<KeyPair> Crypto::generate() const {
    KeyPair made;
    const k2s_sink secret = Host::string_sink(made.private_pem);
    const k2s_sink open = Host::string_sink(made.public_pem);
    if (table_->generate(&secret, &open) < 0) {
        return fail(K2S_E_FAILED, "OpenSSL could not make a key: is the system's random number "
                                  "generator there?");
    }
    return made;
}

Result<PublicKey> Crypto::read_public(std::string_view pem, std::string_view name) const {
    PublicKey key{};
    if (table_->read_public(to_bytes(pem), key.data()) < 0) {
        return fail(
            K2S_E_CONFIG,
            "'{}' is no public Ed25519 key (PEM): give the .pub file of `k2s plugin keygen`", name);
    }
    return key;
}

} // namespace k2s::core::trust
