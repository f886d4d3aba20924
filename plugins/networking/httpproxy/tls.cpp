// SPDX-License-Identifier: MIT
#include "tls.hpp"

#include <array>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include "common/address.hpp"
#include "common/expected_peer.hpp"
#include "common/system_roots.hpp"
#include "vocabulary.hpp"

namespace k2s::httpproxy {
namespace {

namespace ssl = net::ssl;

class TlsStream final : public Stream {
  public:
    TlsStream(Socket socket, std::shared_ptr<ssl::context> context, const std::string &host)
        : Stream(std::move(socket)), context_(std::move(context)), tls_(socket_, *context_) {
        tls_.set_verify_mode(ssl::verify_peer);
        tls_.set_verify_callback(ssl::host_name_verification(host));
        if (!parse_address(host)) { // RFC 6066 3: no literal addresses in SNI
            SSL_set_tlsext_host_name(tls_.native_handle(), host.c_str());
        }
    }

    Task<std::string> handshake() override {
        const auto [ec] = co_await tls_.async_handshake(ssl::stream_base::client, k_await);
        std::string problem;
        if (ec) {
            problem = describe_handshake_failure(tls_.native_handle(), ec.message());
        }
        co_return problem;
    }

    Task<IoResult> read_some(net::mutable_buffer into) override {
        const auto [ec, bytes] = co_await tls_.async_read_some(into, k_await);
        co_return IoResult{ec, bytes};
    }

    Task<IoResult> write(std::string_view first, std::string_view second) override {
        const std::array<net::const_buffer, 2> parts{
            net::const_buffer(first.data(), first.size()),
            net::const_buffer(second.data(), second.size())};
        const auto [ec, bytes] = co_await net::async_write(tls_, parts, k_await);
        co_return IoResult{ec, bytes};
    }

    bool quiet() noexcept override {
        return SSL_pending(tls_.native_handle()) == 0 && Stream::quiet();
    }

    // close_notify cannot be sent alone through ssl::stream while a read is pending, so the peer
    // sees a TCP half-close; the bytes before it are complete and authenticated.
    Task<error_code> shutdown_send() override {
        error_code ec;
        socket_.shutdown(Socket::shutdown_send, ec);
        co_return ec;
    }

  private:
    std::shared_ptr<ssl::context> context_;
    ssl::stream<Socket &> tls_;
};

class OpensslClient final : public TlsClient {
  public:
    explicit OpensslClient(std::shared_ptr<ssl::context> context) : context_(std::move(context)) {}

    std::unique_ptr<Stream> wrap(Socket socket, const std::string &host) override {
        return std::make_unique<TlsStream>(std::move(socket), context_, host);
    }

    void *new_session(const std::string &host) override {
        SSL *session = SSL_new(context_->native_handle());
        if (session == nullptr) {
            return nullptr;
        }
        SSL_set_verify(session, SSL_VERIFY_PEER, nullptr);
        if (!expect_peer(session, host)) {
            SSL_free(session);
            return nullptr;
        }
        SSL_set_connect_state(session);
        return session;
    }

  private:
    std::shared_ptr<ssl::context> context_;
};

} // namespace

std::string describe_handshake_failure(void *session, const std::string &reason) {
    const long verdict = SSL_get_verify_result(static_cast<SSL *>(session));
    return verdict == X509_V_OK ? "TLS handshake failed: " + reason
                                : std::string("its certificate was refused: ") +
                                      X509_verify_cert_error_string(verdict);
}

std::expected<std::shared_ptr<TlsClient>, Error> TlsClient::create(const std::string &ca_file) {
    try {
        auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
        SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
        if (!ca_file.empty()) {
            error_code ec;
            context->load_verify_file(ca_file, ec);
            if (ec) {
                return std::unexpected(Error{K2S_E_CONFIG, "cannot read certificates from \"" +
                                                               ca_file + "\": " + ec.message() +
                                                               "; give a PEM file"});
            }
        } else if (!add_system_roots(context->native_handle())) {
            return std::unexpected(
                Error{K2S_E_CONFIG, "the system has no trusted certificates, so an https upstream "
                                    "cannot be verified; set upstream_ca_file to a PEM file"});
        }
        return std::make_shared<OpensslClient>(std::move(context));
    } catch (const std::exception &e) {
        return std::unexpected(Error{K2S_E_FAILED, std::string("cannot set up TLS: ") + e.what()});
    }
}

} // namespace k2s::httpproxy
