// SPDX-License-Identifier: MIT
#include "../system_roots.hpp"

#include <windows.h>

#include <wincrypt.h>
// wincrypt.h defines these names as macros; OpenSSL has types of the same name.
#undef X509_NAME
#undef X509_EXTENSIONS
#undef PKCS7_SIGNER_INFO
#undef OCSP_REQUEST
#undef OCSP_RESPONSE

#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace k2s {

// OpenSSL knows nothing of the Windows store: copy the trusted roots of the user's and (through it)
// the machine's store.
bool add_system_roots(void *ssl_ctx) {
    X509_STORE *roots = SSL_CTX_get_cert_store(static_cast<SSL_CTX *>(ssl_ctx));
    const HCERTSTORE store = CertOpenSystemStoreW(0, L"ROOT");
    if (store == nullptr) {
        return false;
    }
    bool any = false;
    const CERT_CONTEXT *item = nullptr;
    while ((item = CertEnumCertificatesInStore(store, item)) != nullptr) {
        const unsigned char *der = item->pbCertEncoded;
        X509 *certificate = d2i_X509(nullptr, &der, static_cast<long>(item->cbCertEncoded));
        if (certificate != nullptr) {
            any = X509_STORE_add_cert(roots, certificate) == 1 || any;
            X509_free(certificate);
        }
    }
    CertCloseStore(store, 0);
    return any;
}

} // namespace k2s
