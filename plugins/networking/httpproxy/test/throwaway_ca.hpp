// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <boost/asio/ssl/context.hpp>

namespace test {

/// A certificate authority that lives for one test, and server certificates from it.
class ThrowawayCa {
  public:
    ThrowawayCa();
    ~ThrowawayCa();
    ThrowawayCa(const ThrowawayCa &) = delete;
    ThrowawayCa &operator=(const ThrowawayCa &) = delete;

    /// The authority's certificate as a PEM file, removed at the end.
    const std::string &file() const { return file_; }

    /// A server context whose certificate is valid for `name` ("DNS:proxy.test" or "IP:127.0.0.1").
    boost::asio::ssl::context server(const std::string &name) const;

  private:
    EVP_PKEY *key_;
    X509 *certificate_;
    std::string file_;
};

} // namespace test
