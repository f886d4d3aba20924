// SPDX-License-Identifier: MIT
#include "registry/http.hpp"

#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "common/text.hpp"

namespace k2s::image {
namespace {

namespace net = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr uint32_t k_max_head = 64U << 10U;

Error broken(const HttpRequest &request, const error_code &why) {
    const bool late = why == boost::beast::error::timeout;
    const bool early = why == http::error::end_of_stream || why == net::error::eof ||
                       why == http::error::partial_message;
    // What is no HTTP will be none the next time.
    const bool nonsense =
        !early && why.category() == make_error_code(http::error::end_of_stream).category();
    return {late       ? K2S_E_TIMEOUT
            : nonsense ? K2S_E_FAILED
                       : K2S_E_IO,
            fmt::format("{} {}: {}", request.method, request.url.origin(),
                        early  ? "the connection ended too early"
                        : late ? "nothing came for too long"
                               : why.message())};
}

HttpResponse head_of(const http::response_header<> &head) {
    HttpResponse response;
    response.status = head.result_int();
    for (const auto &field : head) {
        auto &value = response.headers[to_lower(field.name_string())];
        value += (value.empty() ? "" : ", ") + std::string(field.value());
    }
    return response;
}

/// Beast overlooks a transfer coding that is not `chunked` and would then take another length than
/// the sender meant.
Done check_framing(const HttpResponse &response, const HttpRequest &request) {
    const std::string coding = response.header("transfer-encoding");
    if (!coding.empty() && (coding != "chunked" || response.headers.contains("content-length"))) {
        return fail(K2S_E_FAILED, "{} does not say clearly how long its answer is",
                    request.url.origin());
    }
    if (!response.header("content-encoding").empty() &&
        response.header("content-encoding") != "identity") {
        return fail(K2S_E_FAILED, "{} compresses its answer, which was not asked for",
                    request.url.origin());
    }
    return {};
}

} // namespace

Result<HttpResponse> HttpClient::send(const HttpRequest &request, const BodySink &sink) {
    const std::string origin = request.url.origin();
    for (bool fresh = false;; fresh = true) {
        std::unique_ptr<Channel> channel;
        if (const auto kept = idle_.find(origin); kept != idle_.end()) {
            channel = std::move(kept->second);
            idle_.erase(kept);
        } else {
            fresh = true;
            auto connected = Channel::connect(request.url, proxies_, tls_, deadlines_);
            if (!connected) {
                return pass(connected);
            }
            channel = std::move(*connected);
        }
        bool reusable = false;
        bool answered = false;
        auto response = exchange(*channel, request, sink, reusable, answered);
        if (response && reusable) {
            idle_[origin] = std::move(channel);
        }
        // A kept connection may have been closed meanwhile: once more, with a new one.
        if (response || fresh || answered || response.error().code == K2S_E_TIMEOUT) {
            return response;
        }
    }
}

Result<HttpResponse> HttpClient::exchange(Channel &channel, const HttpRequest &request,
                                          const BodySink &sink, bool &reusable, bool &answered) {
    http::request<http::empty_body> head;
    head.method_string(request.method);
    head.version(11);
    head.target(channel.absolute_form() ? request.url.text() : request.url.target);
    head.set(http::field::host, request.url.authority());
    head.set(http::field::user_agent, "k2s/" K2S_PRODUCT_VERSION);
    head.set(http::field::accept_encoding, "identity");
    if (!channel.proxy_authorization().empty()) {
        head.set(http::field::proxy_authorization, channel.proxy_authorization());
    }
    for (const auto &[name, value] : request.headers) {
        head.set(name, value);
    }
    if (!request.body.empty() || request.method == "PUT" || request.method == "PATCH" ||
        request.method == "POST") {
        head.set(http::field::content_length, std::to_string(request.body.size()));
    }
    error_code failed;
    http::request_serializer<http::empty_body> serializer(head);
    http::write_header(channel, serializer, failed);
    if (!failed && !request.body.empty()) {
        net::write(channel, net::buffer(request.body.data(), request.body.size()), failed);
    }
    // When writing failed the server may have answered already, and said why.
    const error_code write_failed = failed;

    boost::beast::flat_buffer buffer(256U << 10U);
    http::response_parser<http::buffer_body> parser;
    parser.header_limit(k_max_head);
    parser.body_limit(boost::none);
    parser.skip(request.method == "HEAD");
    failed = {};
    http::read_header(channel, buffer, parser, failed);
    if (failed) {
        return std::unexpected(broken(request, write_failed ? write_failed : failed));
    }
    answered = true;
    HttpResponse response = head_of(parser.get().base());
    if (auto clear = check_framing(response, request); !clear) {
        return pass(clear);
    }
    const bool to_sink = sink && response.status / 100 == 2;
    std::string piece(128U << 10U, '\0');
    while (!parser.is_done()) {
        parser.get().body().data = piece.data();
        parser.get().body().size = piece.size();
        http::read(channel, buffer, parser, failed);
        if (failed == http::error::need_buffer) {
            failed = {};
        }
        const std::string_view got(piece.data(), piece.size() - parser.get().body().size);
        // What arrived before a failure counts: a download goes on behind it.
        if (to_sink && !got.empty()) {
            if (auto taken = sink(response, got); !taken) {
                return pass(taken);
            }
        } else if (!to_sink) {
            response.body += got;
            if (response.body.size() > k_max_body) {
                return fail(K2S_E_FAILED, "{} {}: the answer is longer than {} bytes",
                            request.method, request.url.origin(), k_max_body);
            }
        }
        if (failed) {
            return std::unexpected(broken(request, failed));
        }
    }
    reusable = parser.get().keep_alive() && !write_failed;
    return response;
}

} // namespace k2s::image
