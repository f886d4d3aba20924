// SPDX-License-Identifier: MIT
#include "../system_roots.hpp"

#include <openssl/ssl.h>

namespace k2s {

// OpenSSL's compiled-in directory, and SSL_CERT_FILE / SSL_CERT_DIR when set.
bool add_system_roots(void *ssl_ctx) {
    return SSL_CTX_set_default_verify_paths(static_cast<SSL_CTX *>(ssl_ctx)) == 1;
}

} // namespace k2s
