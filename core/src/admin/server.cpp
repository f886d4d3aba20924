// SPDX-License-Identifier: MIT
#include "admin/server.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "admin/local_stream.hpp"
#include "admin/loopback.hpp"

namespace k2s::core::admin {

namespace {

namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t k_body_max = 64 * 1024;
constexpr std::size_t k_header_max = 8 * 1024;
constexpr int k_most_connections = 16; // of a listener: who may only read holds up no operator
constexpr int k_threads = 2;           // a health check gets through while a change is being made
constexpr std::chrono::seconds k_patience{5};
constexpr std::chrono::milliseconds k_accept_pause{100};
constexpr std::array<std::string_view, 4> k_public_paths = {"/healthz", "/readyz", "/metrics",
                                                            "/state"};

std::string error_body(std::string_view text) {
    return fmt::format("{{\"error\":\"{}\"}}\n",
                       text); // texts of this file only: nothing to escape
}

Response refuse(int status, std::string_view text) {
    return {status, error_body(text)};
}

/// Closes a stream whose peer is too slow. The stream is shared because the timer's handler can
/// already be on its way when the session ends.
template <class Stream> class Watchdog {
  public:
    explicit Watchdog(std::shared_ptr<Stream> stream)
        : stream_(std::move(stream)), timer_(stream_->get_executor()) {}

    void restart() {
        timer_.expires_after(k_patience);
        timer_.async_wait([stream = stream_](error_code stopped) {
            if (!stopped) {
                error_code ignored;
                stream->close(ignored);
            }
        });
    }

    void stop() { timer_.cancel(); }

  private:
    std::shared_ptr<Stream> stream_;
    asio::steady_timer timer_;
};

} // namespace

class Server::Running {
  public:
    explicit Running(ServerOptions options) : options_(std::move(options)) {}
    Running(const Running &) = delete;
    Running &operator=(const Running &) = delete;
    ~Running() {
        context_.stop();
        threads_.clear(); // joins: a handler that runs is waited for
        // The sessions and accept loops are destroyed with the context, before their listeners.
    }

    Result<void> start();
    [[nodiscard]] std::uint16_t http_port() const { return http_port_; }

  private:
    Result<void> open_http();
    asio::awaitable<void> accept_local();
    asio::awaitable<void> accept_http();
    template <class Stream> void admit(Stream stream, bool trusted);
    template <class Stream> asio::awaitable<void> serve(Stream stream, bool trusted);
    template <class Stream>
    Response answer(const http::request<http::string_body> &message, Stream &stream, bool trusted);
    Response call_handler(Request request);

    ServerOptions options_;
    std::array<std::atomic<int>, 2> connections_{}; // of others; of trusted clients
    std::mutex changing_;
    std::uint16_t http_port_ = 0;
    asio::io_context context_{k_threads};
    std::optional<LocalListener> local_;
    std::optional<tcp::acceptor> http_;
    std::vector<std::jthread> threads_;
};

Result<void> Server::Running::start() {
    if (!options_.endpoint.empty()) {
        auto local = LocalListener::open(context_, options_.endpoint);
        if (!local) {
            return pass(local);
        }
        local_.emplace(std::move(*local));
        asio::co_spawn(context_, accept_local(), asio::detached);
    }
    if (!options_.http_address.empty()) {
        if (auto opened = open_http(); !opened) {
            return opened;
        }
        asio::co_spawn(context_, accept_http(), asio::detached);
    }
    for (int n = 0; n < k_threads; ++n) {
        threads_.emplace_back([this] { context_.run(); });
    }
    return {};
}

Result<void> Server::Running::open_http() {
    auto address = parse_loopback(options_.http_address);
    if (!address) {
        return pass(address);
    }
    const tcp::endpoint endpoint(asio::ip::make_address(address->host), address->port);
    error_code failed;
    http_.emplace(context_);
    http_->open(endpoint.protocol(), failed);
#ifndef _WIN32 // where the option would let a second process take the port away
    if (!failed) {
        http_->set_option(tcp::acceptor::reuse_address(true), failed);
    }
#endif
    if (!failed) {
        http_->bind(endpoint, failed);
    }
    if (!failed) {
        http_->listen(k_most_connections, failed);
    }
    if (failed) {
        const int code = failed == asio::error::address_in_use  ? K2S_E_EXISTS
                         : failed == asio::error::access_denied ? K2S_E_PERMISSION
                                                                : K2S_E_FAILED;
        return fail(code, "cannot listen on {} for health and metrics: {}", options_.http_address,
                    failed.message());
    }
    http_port_ = http_->local_endpoint().port();
    return {};
}

asio::awaitable<void> Server::Running::accept_local() {
    for (;;) {
        bool failed = false;
        try {
            admit(co_await local_->accept(), true);
        } catch (const boost::system::system_error &) {
            failed = true; // out of descriptors, as a rule: it passes
        }
        if (failed) {
            asio::steady_timer pause(context_, k_accept_pause);
            co_await pause.async_wait(asio::use_awaitable);
        }
    }
}

asio::awaitable<void> Server::Running::accept_http() {
    for (;;) {
        error_code failed;
        auto own = asio::make_strand(context_);
        auto socket =
            co_await http_->async_accept(own, asio::redirect_error(asio::use_awaitable, failed));
        if (!failed) {
            admit(tcp::socket(std::move(socket)), false);
            continue;
        }
        asio::steady_timer pause(context_, k_accept_pause);
        co_await pause.async_wait(asio::use_awaitable);
    }
}

template <class Stream> void Server::Running::admit(Stream stream, bool trusted) {
    auto &connections = connections_[trusted ? 1 : 0];
    if (connections.fetch_add(1) >= k_most_connections) {
        connections.fetch_sub(1);
        return; // closed with the object
    }
    auto executor = stream.get_executor();
    asio::co_spawn(executor, serve(std::move(stream), trusted),
                   [&connections](const std::exception_ptr &) { connections.fetch_sub(1); });
}

template <class Stream>
asio::awaitable<void> Server::Running::serve(Stream accepted, bool trusted) {
    auto stream = std::make_shared<Stream>(std::move(accepted));
    Watchdog<Stream> watchdog(stream);
    boost::beast::flat_buffer buffer;
    for (bool go_on = true; go_on;) {
        watchdog.restart();
        http::request_parser<http::string_body> parser;
        parser.body_limit(k_body_max);
        parser.header_limit(k_header_max);
        error_code failed;
        co_await http::async_read(*stream, buffer, parser,
                                  asio::redirect_error(asio::use_awaitable, failed));
        Response response;
        if (failed == http::error::body_limit) {
            response = refuse(413, "the body is larger than 64 KiB");
        } else if (failed == http::error::header_limit) {
            response = refuse(431, "the header is larger than 8 KiB");
        } else if (failed.category() == http::make_error_code(http::error::bad_method).category() &&
                   failed != http::error::end_of_stream && failed != http::error::partial_message) {
            response = refuse(400, "this is not an HTTP/1.1 request");
        } else if (failed) {
            co_return; // the peer is gone, or was too slow
        } else {
            watchdog.stop(); // the handler may take its time
            response = answer(parser.get(), *stream, trusted);
        }

        http::response<http::string_body> message{static_cast<http::status>(response.status), 11};
        message.set(http::field::content_type, response.content_type);
        message.set(http::field::cache_control, "no-store");
        if (response.status == 405) {
            message.set(http::field::allow, "GET, HEAD");
        }
        message.keep_alive(!failed && parser.get().keep_alive());
        message.body() = std::move(response.body);
        message.prepare_payload();
        if (!failed && parser.get().method() == http::verb::head) {
            message.body().clear(); // with the length that a GET would have
        }
        go_on = message.keep_alive();
        watchdog.restart();
        co_await http::async_write(*stream, message,
                                   asio::redirect_error(asio::use_awaitable, failed));
        go_on = go_on && !failed;
    }
}

template <class Stream>
Response Server::Running::answer(const http::request<http::string_body> &message, Stream &stream,
                                 bool trusted) {
    const std::string_view target(message.target().data(), message.target().size());
    const auto mark = std::min(target.find('?'), target.size());
    Request request;
    request.method.assign(message.method_string().data(), message.method_string().size());
    request.path = target.substr(0, mark);
    request.query = target.substr(std::min(mark + 1, target.size()));
    request.body = message.body();
    request.trusted = trusted;
    const bool reads = request.method == "GET" || request.method == "HEAD";
    if (request.method == "HEAD") {
        request.method = "GET";
    }
    if constexpr (std::is_same_v<Stream, LocalStream>) {
        if (!peer_is_trusted(stream)) {
            return refuse(403, "only the user of this host and administrators can talk to it");
        }
    } else {
        const auto host = message[http::field::host];
        if (!names_loopback({host.data(), host.size()})) {
            return refuse(403, "the Host header does not name a loopback address");
        }
        if (!reads) {
            return refuse(405, "this listener is read-only; use the k2s command to change things");
        }
        if (std::find(k_public_paths.begin(), k_public_paths.end(), request.path) ==
            k_public_paths.end()) {
            return refuse(404, "there is /healthz, /readyz, /metrics and /state");
        }
    }
    if (reads) {
        return call_handler(std::move(request));
    }
    const std::unique_lock change(changing_, std::try_to_lock);
    if (!change.owns_lock()) {
        return refuse(k_busy, "another change is being made; try again");
    }
    return call_handler(std::move(request));
}

Response Server::Running::call_handler(Request request) {
    try {
        return options_.handler(request);
    } catch (...) { // the boundary: a defect in one answer must not end the host
        return refuse(500, "the host failed to answer; see its log");
    }
}

Server::Server(std::unique_ptr<Running> running) : running_(std::move(running)) {}
Server::Server(Server &&) noexcept = default;
Server::~Server() = default;

Result<Server> Server::start(ServerOptions options) {
    auto running = std::make_unique<Running>(std::move(options));
    if (auto started = running->start(); !started) {
        return pass(started);
    }
    return Server(std::move(running));
}

std::uint16_t Server::http_port() const {
    return running_->http_port();
}

} // namespace k2s::core::admin
