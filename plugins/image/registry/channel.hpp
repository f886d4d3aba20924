// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include <boost/asio/buffer.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include "registry/proxy.hpp"

namespace k2s::image {

struct TlsSettings {
    std::string ca_file;      ///< PEM roots instead of the system's
    bool skip_verify = false; ///< trusts anybody
};

struct Deadlines {
    std::chrono::milliseconds connect{30'000};
    std::chrono::milliseconds idle{60'000}; ///< without any byte
};

/// A connection that blocks, but no longer than its deadlines: plain or TLS, directly or through a
/// proxy. Has what Beast's synchronous functions need of a stream. One thread at a time.
class Channel {
  public:
    static Result<std::unique_ptr<Channel>> connect(const Url &url, const ProxySettings &proxies,
                                                    const TlsSettings &tls,
                                                    const Deadlines &deadlines);
    ~Channel();
    Channel(const Channel &) = delete;
    Channel &operator=(const Channel &) = delete;

    /// True: requests name the whole URL, because a proxy reads them.
    bool absolute_form() const noexcept;
    /// For a plain request through a proxy; or empty.
    const std::string &proxy_authorization() const noexcept;

    size_t read_some(const boost::asio::mutable_buffer &into, boost::system::error_code &failed);
    size_t write_some(const boost::asio::const_buffer &from, boost::system::error_code &failed);

    template <class Buffers>
    size_t read_some(const Buffers &into, boost::system::error_code &failed) {
        for (auto at = boost::asio::buffer_sequence_begin(into);
             at != boost::asio::buffer_sequence_end(into); ++at) {
            if (const boost::asio::mutable_buffer buffer(*at); buffer.size() > 0) {
                return read_some(buffer, failed);
            }
        }
        failed = {};
        return 0;
    }
    template <class Buffers>
    size_t write_some(const Buffers &from, boost::system::error_code &failed) {
        for (auto at = boost::asio::buffer_sequence_begin(from);
             at != boost::asio::buffer_sequence_end(from); ++at) {
            if (const boost::asio::const_buffer buffer(*at); buffer.size() > 0) {
                return write_some(buffer, failed);
            }
        }
        failed = {};
        return 0;
    }

    // Beast asks for these, too, though its functions with an error code never call them.
    template <class Buffers> size_t read_some(const Buffers &into) {
        boost::system::error_code failed;
        const size_t bytes = read_some(into, failed);
        return failed ? throw boost::system::system_error(failed) : bytes;
    }
    template <class Buffers> size_t write_some(const Buffers &from) {
        boost::system::error_code failed;
        const size_t bytes = write_some(from, failed);
        return failed ? throw boost::system::system_error(failed) : bytes;
    }

  private:
    struct Impl;
    explicit Channel(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace k2s::image
