// SPDX-License-Identifier: MIT
#pragma once

namespace k2s {

/// Adds the certificates that this system trusts to an OpenSSL context (SSL_CTX *). False: there
/// are none.
bool add_system_roots(void *ssl_ctx);

} // namespace k2s
