// SPDX-License-Identifier: MIT
#include "expected_peer.hpp"

#include <openssl/ssl.h>

#include "address.hpp"

namespace k2s {

bool expect_peer(void *session, const std::string &host) {
    auto *ssl = static_cast<SSL *>(session);
    // It knows addresses itself. One with a zone it takes for a name, which no certificate has.
    return SSL_set1_host(ssl, host.c_str()) == 1 &&
           // RFC 6066 3: no literal addresses in SNI. Which zones are known differs between
           // platforms; no name has a colon.
           (host.contains(':') || parse_address(host) ||
            SSL_set_tlsext_host_name(ssl, host.c_str()) == 1);
}

} // namespace k2s
