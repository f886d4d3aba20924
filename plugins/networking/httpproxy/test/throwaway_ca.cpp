// SPDX-License-Identifier: MIT
#include "throwaway_ca.hpp"

#include <cstdio>
#include <random>
#include <stdexcept>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace test {
namespace {

void require(bool ok, const char *what) {
    if (!ok) {
        throw std::runtime_error(what);
    }
}

void add_extension(X509 *certificate, X509 *issuer, int nid, const std::string &value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    require(extension != nullptr, "certificate extension");
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

// A certificate for an hour, issued by `issuer` (itself when null) and not signed yet.
X509 *make_certificate(EVP_PKEY *key, const char *name, long serial, X509 *issuer) {
    X509 *certificate = X509_new();
    require(certificate != nullptr, "certificate");
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME *subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char *>(name), -1, -1, 0);
    X509_set_issuer_name(certificate, issuer == nullptr ? subject : X509_get_subject_name(issuer));
    return certificate;
}

} // namespace

ThrowawayCa::ThrowawayCa() : key_(EVP_EC_gen("P-256")) {
    require(key_ != nullptr, "key");
    certificate_ = make_certificate(key_, "throw-away CA", 1, nullptr);
    add_extension(certificate_, certificate_, NID_basic_constraints, "critical,CA:TRUE");
    require(X509_sign(certificate_, key_, EVP_sha256()) != 0, "signature");
    file_ = "httpproxy-test-ca-" + std::to_string(std::random_device{}()) + ".pem";
    BIO *out = BIO_new_file(file_.c_str(), "w");
    require(out != nullptr && PEM_write_bio_X509(out, certificate_) == 1, "cannot write the CA");
    BIO_free(out);
}

ThrowawayCa::~ThrowawayCa() {
    X509_free(certificate_);
    EVP_PKEY_free(key_);
    std::remove(file_.c_str());
}

boost::asio::ssl::context ThrowawayCa::server(const std::string &name) const {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    require(key != nullptr, "key");
    X509 *certificate = make_certificate(key, "server", 2, certificate_);
    add_extension(certificate, certificate_, NID_subject_alt_name, name);
    require(X509_sign(certificate, key_, EVP_sha256()) != 0, "signature");
    boost::asio::ssl::context context(boost::asio::ssl::context::tls_server);
    require(SSL_CTX_use_certificate(context.native_handle(), certificate) == 1 &&
                SSL_CTX_use_PrivateKey(context.native_handle(), key) == 1,
            "server certificate");
    X509_free(certificate);
    EVP_PKEY_free(key);
    return context;
}

} // namespace test
