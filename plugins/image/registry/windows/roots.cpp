// SPDX-License-Identifier: MIT
#include <winsock2.h>

#include <windows.h>

#include <wincrypt.h>
// wincrypt.h's macros of the names of OpenSSL's types.
#undef X509_NAME
#undef X509_EXTENSIONS
#undef PKCS7_SIGNER_INFO
#undef OCSP_REQUEST
#undef OCSP_RESPONSE

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "registry/channel.hpp"

namespace k2s::image {

bool add_system_roots(void *ssl_ctx) {
    X509_STORE *trusted = SSL_CTX_get_cert_store(static_cast<SSL_CTX *>(ssl_ctx));
    const HCERTSTORE store = CertOpenSystemStoreW(0, L"ROOT");
    if (store == nullptr) {
        return false;
    }
    bool any = false;
    for (const CERT_CONTEXT *at = CertEnumCertificatesInStore(store, nullptr); at != nullptr;
         at = CertEnumCertificatesInStore(store, at)) {
        const unsigned char *bytes = at->pbCertEncoded;
        if (X509 *certificate = d2i_X509(nullptr, &bytes, static_cast<long>(at->cbCertEncoded))) {
            any = X509_STORE_add_cert(trusted, certificate) == 1 || any;
            X509_free(certificate);
        }
    }
    CertCloseStore(store, 0);
    return any;
}

} // namespace k2s::image
