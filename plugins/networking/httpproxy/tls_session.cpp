// SPDX-License-Identifier: MIT
#include "tls_session.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "dataplane/buffer.hpp"
#include "vocabulary.hpp"

namespace k2s::httpproxy {

struct TlsSession::Impl {
    explicit Impl(Stream &stream) : carrier(stream) {}
    ~Impl() { SSL_free(ssl); } // with its BIOs

    /// Sends what OpenSSL has to say.
    Task<error_code> flush() {
        char block[4096];
        for (int n = 0; (n = BIO_read(out, block, sizeof block)) > 0;) {
            const std::string_view bytes(block, static_cast<size_t>(n));
            const IoResult sent = co_await carrier.write(bytes, std::string_view());
            if (sent.ec) {
                co_return sent.ec;
            }
        }
        co_return error_code();
    }

    /// After a call that gave `result`: true when it is to be made again.
    Task<bool> again(int result, error_code &ec) {
        const int what = SSL_get_error(ssl, result);
        const error_code sent = co_await flush();
        ec = sent;
        if (result > 0 || ec) {
            co_return false;
        }
        if (what != SSL_ERROR_WANT_READ) {
            ec = what == SSL_ERROR_ZERO_RETURN ? error_code(net::error::eof)
                                               : error_code(net::error::connection_reset);
            co_return false;
        }
        char block[4096];
        const net::mutable_buffer room(block, sizeof block);
        const IoResult got = co_await carrier.read_some(room);
        ec = got.ec;
        if (!ec) {
            BIO_write(in, block, static_cast<int>(got.bytes));
        }
        co_return !ec;
    }

    Stream &carrier;
    SSL *ssl = nullptr;
    BIO *in = nullptr;
    BIO *out = nullptr;
};

TlsSession::TlsSession(TlsClient &client, Stream &carrier, const std::string &host)
    : impl_(std::make_unique<Impl>(carrier)) {
    impl_->ssl = static_cast<SSL *>(client.new_session(host));
    if (impl_->ssl == nullptr) {
        throw std::bad_alloc();
    }
    impl_->in = BIO_new(BIO_s_mem());
    impl_->out = BIO_new(BIO_s_mem());
    SSL_set_bio(impl_->ssl, impl_->in, impl_->out);
}

TlsSession::~TlsSession() = default;

Task<std::string> TlsSession::handshake() {
    error_code ec;
    int result = 0;
    do {
        ERR_clear_error();
        result = SSL_do_handshake(impl_->ssl);
    } while (co_await impl_->again(result, ec));
    std::string problem;
    if (ec) {
        problem = describe_handshake_failure(impl_->ssl, ec.message());
    }
    co_return problem;
}

Task<error_code> TlsSession::write(std::string_view bytes) {
    error_code ec;
    int result = 0;
    do {
        result = SSL_write(impl_->ssl, bytes.data(), static_cast<int>(bytes.size()));
    } while (co_await impl_->again(result, ec));
    co_return ec;
}

Task<IoResult> TlsSession::read_some(net::mutable_buffer into) {
    error_code ec;
    int result = 0;
    do {
        result = SSL_read(impl_->ssl, into.data(), static_cast<int>(into.size()));
    } while (co_await impl_->again(result, ec));
    co_return IoResult{ec, result > 0 ? static_cast<size_t>(result) : 0};
}

std::string TlsSession::version() const {
    return SSL_get_version(impl_->ssl);
}

} // namespace k2s::httpproxy
