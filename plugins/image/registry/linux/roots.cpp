// SPDX-License-Identifier: MIT
#include <openssl/ssl.h>

#include "registry/channel.hpp"

namespace k2s::image {

bool add_system_roots(void *ssl_ctx) {
    return SSL_CTX_set_default_verify_paths(static_cast<SSL_CTX *>(ssl_ctx)) == 1;
}

} // namespace k2s::image
