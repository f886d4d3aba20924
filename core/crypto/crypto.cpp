// SPDX-License-Identifier: MIT
/// \file
/// The crypto module: OpenSSL behind the few functions of crypto_table.h.
#include <array>
#include <memory>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "trust/crypto_table.h"

namespace {

template <auto Free> struct Freed {
    template <class T> void operator()(T *object) const { Free(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Digest = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;
using Memory = std::unique_ptr<BIO, Freed<BIO_free>>;

int32_t K2S_CALL sha256(int64_t(K2S_CALL *read)(void *, void *, uint64_t), void *context,
                        uint8_t *digest) {
    const Digest state(EVP_MD_CTX_new());
    if (!state || EVP_DigestInit_ex(state.get(), EVP_sha256(), nullptr) != 1) {
        return K2S_E_FAILED;
    }
    constexpr std::size_t k_piece = 256 * 1024;
    const auto buffer = std::make_unique<uint8_t[]>(k_piece);
    int64_t size = 0;
    while ((size = read(context, buffer.get(), k_piece)) > 0) {
        if (EVP_DigestUpdate(state.get(), buffer.get(), static_cast<std::size_t>(size)) != 1) {
            return K2S_E_FAILED;
        }
    }
    if (size < 0) {
        return K2S_E_IO;
    }
    return EVP_DigestFinal_ex(state.get(), digest, nullptr) == 1 ? K2S_OK : K2S_E_FAILED;
}

int32_t K2S_CALL verify(const uint8_t *key, k2s_bytes message, const uint8_t *signature) {
    const Key loaded(
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key, K2S_ED25519_KEY_SIZE));
    const Digest state(EVP_MD_CTX_new());
    if (!loaded || !state ||
        EVP_DigestVerifyInit(state.get(), nullptr, nullptr, nullptr, loaded.get()) != 1) {
        return K2S_E_FAILED;
    }
    return EVP_DigestVerify(state.get(), signature, K2S_ED25519_SIGNATURE_SIZE, message.ptr,
                            static_cast<std::size_t>(message.len)) == 1
               ? K2S_OK
               : K2S_E_PERMISSION;
}

bool raw_key(EVP_PKEY *key, uint8_t *raw) {
    std::size_t size = K2S_ED25519_KEY_SIZE;
    return EVP_PKEY_id(key) == EVP_PKEY_ED25519 &&
           EVP_PKEY_get_raw_public_key(key, raw, &size) == 1 && size == K2S_ED25519_KEY_SIZE;
}

Memory memory_of(k2s_bytes bytes) {
    return Memory(BIO_new_mem_buf(bytes.ptr, static_cast<int>(bytes.len)));
}

/// A key file with a password would make OpenSSL ask on the terminal.
int no_password(char *, int, int, void *) {
    return -1;
}

int32_t K2S_CALL sign(k2s_bytes private_pem, k2s_bytes message, uint8_t *key, uint8_t *signature) {
    const auto text = memory_of(private_pem);
    const Key loaded(text ? PEM_read_bio_PrivateKey(text.get(), nullptr, no_password, nullptr)
                          : nullptr);
    if (!loaded || !raw_key(loaded.get(), key)) {
        return K2S_E_CONFIG;
    }
    const Digest state(EVP_MD_CTX_new());
    std::size_t size = K2S_ED25519_SIGNATURE_SIZE;
    if (!state || EVP_DigestSignInit(state.get(), nullptr, nullptr, nullptr, loaded.get()) != 1 ||
        EVP_DigestSign(state.get(), signature, &size, message.ptr,
                       static_cast<std::size_t>(message.len)) != 1) {
        return K2S_E_FAILED;
    }
    return K2S_OK;
}

int32_t put(BIO *from, const k2s_sink *to) {
    char *text = nullptr;
    const long size = BIO_get_mem_data(from, &text);
    return to->write(to->context,
                     {reinterpret_cast<const uint8_t *>(text), static_cast<uint64_t>(size)});
}

int32_t K2S_CALL generate(const k2s_sink *private_pem, const k2s_sink *public_pem) {
    const Key made(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    const Memory secret(BIO_new(BIO_s_secmem()));
    const Memory open(BIO_new(BIO_s_mem()));
    if (!made || !secret || !open ||
        PEM_write_bio_PKCS8PrivateKey(secret.get(), made.get(), nullptr, nullptr, 0, nullptr,
                                      nullptr) != 1 ||
        PEM_write_bio_PUBKEY(open.get(), made.get()) != 1) {
        return K2S_E_FAILED;
    }
    const int32_t done = put(secret.get(), private_pem);
    return done < 0 ? done : put(open.get(), public_pem);
}

int32_t K2S_CALL read_public(k2s_bytes public_pem, uint8_t *key) {
    const auto text = memory_of(public_pem);
    const Key loaded(text ? PEM_read_bio_PUBKEY(text.get(), nullptr, no_password, nullptr)
                          : nullptr);
    return loaded && raw_key(loaded.get(), key) ? K2S_OK : K2S_E_CONFIG;
}

constexpr k2s_crypto k_table{sizeof(k2s_crypto), 0, sha256, verify, sign, generate, read_public};

} // namespace

extern "C" K2S_EXPORT const k2s_crypto *K2S_CALL k2s_core_crypto_v1() {
    return &k_table;
}
