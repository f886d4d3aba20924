// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "common/text.hpp"

namespace k2s::dataplane::test {

/// A started proxy with an io_context and a thread of its own; stopped with the object.
template <typename Proxy> class Running {
  public:
    template <typename Config, typename Recorder>
    Running(Config config, const std::shared_ptr<Recorder> &recorder) {
        auto proxy = Proxy::create(io_, std::move(config), recorder);
        if (!proxy) {
            throw std::runtime_error(proxy.error().message);
        }
        proxy_ = std::move(*proxy);
        if (const auto started = proxy_->start(); !started) {
            throw std::runtime_error(started.error().message);
        }
        thread_ = std::thread([this] { io_.run(); });
    }
    ~Running() { stop(); }
    Running(const Running &) = delete;
    Running &operator=(const Running &) = delete;

    void stop() {
        if (thread_.joinable()) {
            boost::asio::post(io_, [this] { proxy_->stop(); });
            thread_.join(); // nothing keeps the io_context running once everything is closed
        }
    }

    /// Runs `work` on the proxy's thread and waits for it.
    void on_thread(const std::function<void(Proxy &)> &work) {
        std::promise<void> done;
        boost::asio::post(io_, [&] {
            work(*proxy_);
            done.set_value();
        });
        done.get_future().wait();
    }

    /// Of the listener with this number.
    uint16_t port(size_t listener = 0) {
        std::string endpoint;
        on_thread([&](Proxy &proxy) { endpoint = proxy.endpoints().at(listener); });
        return parse_decimal<uint16_t>(endpoint.substr(endpoint.rfind(':') + 1)).value();
    }

  private:
    boost::asio::io_context io_{1};
    std::unique_ptr<Proxy> proxy_;
    std::thread thread_;
};

} // namespace k2s::dataplane::test
