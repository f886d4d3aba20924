// SPDX-License-Identifier: MIT
#pragma once

#include <cstdio>
#include <memory>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <k2s/sdk/error.hpp>

#include "dataplane/observer.hpp"

// Engines without a host, for measurements and for trying them out.
namespace k2s::dataplane::test {

/// Logs to stderr. `Observer` is an engine's.
template <typename Observer> class Printer : public Observer {
  public:
    void on_log(LogLevel, std::string_view message,
                std::initializer_list<LogField> fields) override {
        std::fprintf(stderr, "%.*s", static_cast<int>(message.size()), message.data());
        for (const LogField &field : fields) {
            std::fprintf(stderr, " %.*s=%.*s", static_cast<int>(field.key.size()), field.key.data(),
                         static_cast<int>(field.value.size()), field.value.data());
        }
        std::fputc('\n', stderr);
    }
};

inline int failed(const Error &error) {
    std::fprintf(stderr, "%s\n", error.message.c_str());
    return exit_code(error.code);
}

/// Until a signal; then the proxy drains.
template <typename Proxy, typename Config, typename Observer>
int run_standalone(Config config, std::shared_ptr<Observer> observer) {
    boost::asio::io_context io(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO);
    auto proxy = Proxy::create(io, std::move(config), std::move(observer));
    if (!proxy) {
        return failed(proxy.error());
    }
    if (const auto started = (*proxy)->start(); !started) {
        return failed(started.error());
    }
    boost::asio::signal_set signals(io, SIGINT, SIGTERM);
    signals.async_wait([&](boost::system::error_code, int) {
        (*proxy)->drain(std::chrono::seconds(5), [&](size_t) { io.stop(); });
    });
    io.run();
    return 0;
}

} // namespace k2s::dataplane::test
