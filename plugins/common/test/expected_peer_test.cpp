// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <memory>
#include <string>

#include <openssl/ssl.h>

#include "../expected_peer.hpp"

BOOST_AUTO_TEST_CASE(whatever_the_host_is_something_is_expected) {
    const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(
        SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    for (const std::string host : {"example.org", "127.0.0.1", "::1", "fe80::1%lo", "fe80::1%1"}) {
        BOOST_TEST_CONTEXT(host) {
            const std::unique_ptr<SSL, decltype(&SSL_free)> session(SSL_new(context.get()),
                                                                    SSL_free);
            BOOST_TEST(k2s::expect_peer(session.get(), host));
            X509_VERIFY_PARAM *wanted = SSL_get0_param(session.get());
            char *address = X509_VERIFY_PARAM_get1_ip_asc(wanted);
            const bool named = X509_VERIFY_PARAM_get0_host(wanted, 0) != nullptr;
            BOOST_TEST((address != nullptr || named));
            const bool literal = host.find(':') != std::string::npos || host[0] == '1';
            BOOST_TEST((SSL_get_servername(session.get(), TLSEXT_NAMETYPE_host_name) == nullptr) ==
                       literal);
            OPENSSL_free(address);
        }
    }
}
