// SPDX-License-Identifier: MIT
#include "registry/channel.hpp"

#include <new>
#include <optional>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include "common/expected_peer.hpp"
#include "common/system_roots.hpp"

namespace k2s::image {
namespace {

namespace net = boost::asio;
using boost::system::error_code;
using Tcp = net::ip::tcp;
using Plain = boost::beast::tcp_stream;

constexpr size_t k_max_proxy_answer = 16U << 10U;

} // namespace

struct Channel::Impl {
    net::io_context io;
    net::ssl::context context{net::ssl::context::tls_client};
    std::optional<boost::beast::ssl_stream<Plain>> secure;
    Plain plain{io};
    Deadlines deadlines;
    bool absolute_form = false;
    std::string proxy_authorization;

    Plain &lowest() { return secure ? secure->next_layer() : plain; }

    /// Runs one asynchronous operation to its end. Asio's streams know deadlines for those alone.
    template <class Start> error_code run(std::chrono::milliseconds wait, Start &&start) {
        error_code result = net::error::would_block;
        lowest().expires_after(wait);
        start([&result](const error_code &ec, auto &&...) { result = ec; });
        io.restart();
        io.run();
        lowest().expires_never();
        return result;
    }

    Done open(const std::string &host, uint16_t port) {
        error_code failed;
        Tcp::resolver resolver(io);
        const auto addresses = resolver.resolve(host, std::to_string(port), failed);
        if (failed) {
            return fail(K2S_E_NOT_FOUND, "cannot find the address of '{}': {}", host,
                        failed.message());
        }
        failed = run(deadlines.connect, [&](auto &&done) { plain.async_connect(addresses, done); });
        if (failed) {
            return fail(failed == boost::beast::error::timeout ? K2S_E_TIMEOUT : K2S_E_IO,
                        "cannot connect to {}:{}: {}", host, port, failed.message());
        }
        plain.socket().set_option(Tcp::no_delay(true), failed);
        return {};
    }

    /// One transfer by the stream at hand, encrypted or not; how many bytes it moved.
    template <class Start> size_t transfer(const Start &start, error_code &failed) {
        size_t bytes = 0;
        failed = run(deadlines.idle, [&](auto &&done) {
            auto note = [&bytes, done](const error_code &ec, size_t moved) mutable {
                bytes = moved;
                done(ec);
            };
            if (secure) {
                start(*secure, note);
            } else {
                start(plain, note);
            }
        });
        return bytes;
    }

    /// RFC 9110 9.3.6. The answer is read byte by byte, so that nothing behind it is taken.
    Done tunnel(const Url &url, const ProxySettings::Proxy &proxy) {
        const std::string where =
            (url.host.find(':') != std::string::npos ? "[" + url.host + "]" : url.host) + ":" +
            std::to_string(url.port);
        std::string request = "CONNECT " + where + " HTTP/1.1\r\nHost: " + where + "\r\n";
        if (!proxy.authorization.empty()) {
            request += "Proxy-Authorization: " + proxy.authorization + "\r\n";
        }
        request += "\r\n";
        error_code failed = run(deadlines.idle, [&](auto &&done) {
            net::async_write(plain, net::buffer(request), done);
        });
        std::string answer;
        while (!failed && !answer.ends_with("\r\n\r\n") && answer.size() < k_max_proxy_answer) {
            char byte = 0;
            failed = run(deadlines.idle,
                         [&](auto &&done) { plain.async_read_some(net::buffer(&byte, 1), done); });
            answer += byte;
        }
        if (failed || !answer.ends_with("\r\n\r\n")) {
            return fail(K2S_E_IO, "the proxy {}:{} gave no answer: {}", proxy.host, proxy.port,
                        failed ? failed.message() : "its head is too long");
        }
        const std::string status = answer.substr(0, answer.find("\r\n"));
        if (!status.starts_with("HTTP/1.") || status.size() < 12 || status[9] != '2') {
            return fail(status.find(" 407") != std::string::npos ? K2S_E_PERMISSION : K2S_E_FAILED,
                        "the proxy {}:{} does not let {} through: {:.100}", proxy.host, proxy.port,
                        where, status);
        }
        return {};
    }

    Done encrypt(const Url &url, const TlsSettings &tls) {
        error_code failed;
        if (tls.skip_verify) {
            context.set_verify_mode(net::ssl::verify_none, failed);
        } else {
            context.set_verify_mode(net::ssl::verify_peer, failed);
            if (!tls.ca_file.empty()) {
                context.load_verify_file(tls.ca_file, failed);
                if (failed) {
                    return fail(K2S_E_CONFIG, "cannot read certificates from '{}': {}", tls.ca_file,
                                failed.message());
                }
            } else if (!add_system_roots(context.native_handle())) {
                return fail(K2S_E_CONFIG,
                            "this system has no trusted certificates; name some with --ca");
            }
        }
        SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
        secure.emplace(std::move(plain), context);
        SSL *const session = secure->native_handle();
        if (!expect_peer(session, url.host)) {
            throw std::bad_alloc();
        }
        failed = run(deadlines.connect, [&](auto &&done) {
            secure->async_handshake(net::ssl::stream_base::client, done);
        });
        if (failed) {
            const long verified = SSL_get_verify_result(session);
            // A peer that breaks off may speak the next time; one that speaks otherwise will not.
            const bool may_pass = failed.category() != net::error::get_ssl_category();
            return fail(verified != X509_V_OK ? K2S_E_PERMISSION
                        : may_pass            ? K2S_E_IO
                                              : K2S_E_FAILED,
                        "no TLS with {}: {}", url.authority(),
                        verified != X509_V_OK ? X509_verify_cert_error_string(verified)
                                              : failed.message());
        }
        return {};
    }
};

Channel::Channel(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Channel::~Channel() = default;

Result<std::unique_ptr<Channel>> Channel::connect(const Url &url, const ProxySettings &proxies,
                                                  const TlsSettings &tls,
                                                  const Deadlines &deadlines) {
    auto impl = std::make_unique<Impl>();
    impl->deadlines = deadlines;
    const auto *proxy = proxies.proxy_for(url);
    if (auto opened = proxy != nullptr ? impl->open(proxy->host, proxy->port)
                                       : impl->open(url.host, url.port);
        !opened) {
        return pass(opened);
    }
    if (proxy != nullptr && url.secure) {
        if (auto through = impl->tunnel(url, *proxy); !through) {
            return pass(through);
        }
    } else if (proxy != nullptr) {
        impl->absolute_form = true;
        impl->proxy_authorization = proxy->authorization;
    }
    if (url.secure) {
        if (auto encrypted = impl->encrypt(url, tls); !encrypted) {
            return pass(encrypted);
        }
    }
    return std::unique_ptr<Channel>(new Channel(std::move(impl)));
}

bool Channel::absolute_form() const noexcept {
    return impl_->absolute_form;
}
const std::string &Channel::proxy_authorization() const noexcept {
    return impl_->proxy_authorization;
}

size_t Channel::read_some(const net::mutable_buffer &into, error_code &failed) {
    return impl_->transfer([&](auto &stream, auto &&done) { stream.async_read_some(into, done); },
                           failed);
}

size_t Channel::write_some(const net::const_buffer &from, error_code &failed) {
    return impl_->transfer([&](auto &stream, auto &&done) { stream.async_write_some(from, done); },
                           failed);
}

} // namespace k2s::image
