// SPDX-License-Identifier: MIT
// The engine without a host, for benchmarks and for trying it out: not shipped.
#include <cstdio>
#include <cstdlib>
#include <string>

#include <boost/asio/signal_set.hpp>

#include "l4proxy/proxy.hpp"

namespace {

using namespace k2s::l4proxy;

class Printer final : public Observer {
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
    bool wants_access() const override { return false; }
    void on_access(const k2s::dataplane::AccessRecord &) override {}
};

} // namespace

// Arguments: listen target [listen target]…
int main(int argc, char **argv) {
    Config config;
    for (int i = 1; i + 1 < argc; i += 2) {
        ForwardConfig forward;
        forward.name = "f" + std::to_string(i / 2);
        forward.listen = {argv[i]};
        forward.targets = {{.to = argv[i + 1]}};
        config.forwards.push_back(std::move(forward));
    }
    boost::asio::io_context io(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO);
    auto proxy = Proxy::create(io, config, std::make_shared<Printer>());
    if (!proxy) {
        std::fprintf(stderr, "%s\n", proxy.error().message.c_str());
        return k2s::exit_code(proxy.error().code);
    }
    if (const auto started = (*proxy)->start(); !started) {
        std::fprintf(stderr, "%s\n", started.error().message.c_str());
        return k2s::exit_code(started.error().code);
    }
    boost::asio::signal_set signals(io, SIGINT, SIGTERM);
    signals.async_wait([&](boost::system::error_code, int) {
        (*proxy)->drain(std::chrono::seconds(5), [&](size_t) { io.stop(); });
    });
    io.run();
    return 0;
}
