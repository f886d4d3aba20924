// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/source.hpp"
#include "registry/channel.hpp"

namespace k2s::image {

struct HttpRequest {
    std::string method;
    Url url;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string_view body;
};

/// Header names are in lower case.
struct HttpResponse {
    unsigned status = 0;
    std::map<std::string, std::string> headers;
    std::string body; // bounded; empty when a sink took it

    std::string header(const std::string &name) const {
        const auto at = headers.find(name);
        return at == headers.end() ? std::string() : at->second;
    }
};

/// Takes the pieces of a body. `response` has the head. An error ends the request.
using BodySink = std::function<Done(const HttpResponse &response, std::string_view piece)>;

/// HTTP/1.1 for one caller at a time; keeps one connection for each host. Follows no redirects and
/// knows no credentials: what is above it decides that.
class HttpClient {
  public:
    HttpClient(ProxySettings proxies, TlsSettings tls, Deadlines deadlines)
        : proxies_(std::move(proxies)), tls_(std::move(tls)), deadlines_(deadlines) {}

    static constexpr size_t k_max_body = 4U << 20U; // that is not given to a sink

    /// A sink gets the body of answers with a status of 200 to 299.
    Result<HttpResponse> send(const HttpRequest &request, const BodySink &sink = {});

  private:
    Result<HttpResponse> exchange(Channel &channel, const HttpRequest &request,
                                  const BodySink &sink, bool &reusable, bool &answered);

    ProxySettings proxies_;
    TlsSettings tls_;
    Deadlines deadlines_;
    std::map<std::string, std::unique_ptr<Channel>> idle_; // by origin
};

} // namespace k2s::image
