/* SPDX-License-Identifier: MIT */
/*
 * Between the core and its crypto module, a library of its own: the core loads it only when
 * something has to be hashed, signed or verified anew, so that a start with known plugins never
 * maps OpenSSL. Both come from one build; nothing here is for plugins.
 */
#ifndef K2S_CORE_TRUST_CRYPTO_TABLE_H
#define K2S_CORE_TRUST_CRYPTO_TABLE_H

#include <k2s/abi/base.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { K2S_SHA256_SIZE = 32, K2S_ED25519_KEY_SIZE = 32, K2S_ED25519_SIGNATURE_SIZE = 64 };

typedef struct k2s_crypto {
    uint32_t struct_size;
    uint32_t reserved;

    /* SHA-256 (FIPS 180-4) of what `read` gives until it returns 0; a negative value ends it with
     * K2S_E_IO. */
    int32_t(K2S_CALL *sha256)(int64_t(K2S_CALL *read)(void *context, void *buffer, uint64_t size),
                              void *context, uint8_t *digest);

    /* Ed25519 (RFC 8032): K2S_OK, K2S_E_PERMISSION when the signature is not one of this key. */
    int32_t(K2S_CALL *verify)(const uint8_t *key, k2s_bytes message, const uint8_t *signature);

    /* Signs with a private key in PEM (PKCS #8) and tells its public half. K2S_E_CONFIG when it is
     * no Ed25519 key. */
    int32_t(K2S_CALL *sign)(k2s_bytes private_pem, k2s_bytes message, uint8_t *key,
                            uint8_t *signature);

    /* A new key pair in PEM. */
    int32_t(K2S_CALL *generate)(const k2s_sink *private_pem, const k2s_sink *public_pem);

    /* The raw key of a public PEM (SubjectPublicKeyInfo); K2S_E_CONFIG as above. */
    int32_t(K2S_CALL *read_public)(k2s_bytes public_pem, uint8_t *key);
} k2s_crypto;

typedef const k2s_crypto *(K2S_CALL *k2s_core_crypto_v1_fn)(void);
#define K2S_CORE_CRYPTO_ENTRY "k2s_core_crypto_v1"

#ifdef __cplusplus
}
#endif

#endif
