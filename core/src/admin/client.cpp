// SPDX-License-Identifier: MIT
#include "admin/client.hpp"

#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "admin/local_stream.hpp"
#include "util/path.hpp"

namespace k2s::core::admin {

namespace {

namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::size_t k_response_max = 16 * 1024 * 1024;

asio::awaitable<void> exchange(LocalStream &stream, http::request<http::string_body> &message,
                               std::optional<Response> &response, error_code &failed) {
    co_await http::async_write(stream, message, asio::redirect_error(asio::use_awaitable, failed));
    // A server that refuses early answers before it has read everything: look for that first.
    boost::beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(k_response_max);
    error_code read_failed;
    co_await http::async_read(stream, buffer, parser,
                              asio::redirect_error(asio::use_awaitable, read_failed));
    if (read_failed) {
        failed = failed ? failed : read_failed;
        co_return;
    }
    const auto &answer = parser.get();
    const auto type = answer[http::field::content_type];
    response = Response{static_cast<int>(answer.result_int()), answer.body(),
                        std::string(type.data(), type.size())};
}

} // namespace

Result<Response> request(const fs::path &endpoint, std::string_view method, std::string_view path,
                         std::string_view body, std::chrono::milliseconds timeout) {
    asio::io_context context(1);
    auto stream = connect_local(context, endpoint, timeout);
    if (!stream) {
        return pass(stream);
    }
    http::request<http::string_body> message;
    message.method_string({method.data(), method.size()});
    message.target({path.data(), path.size()});
    message.version(11);
    message.set(http::field::host, "localhost");
    message.keep_alive(false);
    if (!body.empty()) {
        message.set(http::field::content_type, "application/json");
        message.body() = body;
    }
    message.prepare_payload();

    std::optional<Response> response;
    error_code failed;
    asio::co_spawn(context, exchange(*stream, message, response, failed),
                   [](const std::exception_ptr &) {});
    context.run_for(timeout);
    if (response) {
        return std::move(*response);
    }
    if (!failed) {
        return fail(K2S_E_TIMEOUT, "the host at '{}' did not answer {} {} within {} ms",
                    path_text(endpoint), method, path, timeout.count());
    }
    return fail(K2S_E_IO, "the host at '{}' went away during {} {}: {}", path_text(endpoint),
                method, path, failed.message());
}

} // namespace k2s::core::admin
