// SPDX-License-Identifier: MIT
// The engine without a host, for benchmarks and for trying it out: not shipped.
#include "dataplane/test/standalone.hpp"

#include <cstdlib>
#include <cstring>
#include <string>

#include "proxy.hpp"

namespace k2s::httpproxy {
namespace {

class Printer final : public dataplane::test::Printer<Observer> {
  public:
    void on_access(const AccessEntry &entry) override {
        std::fprintf(stderr, "%.*s %.*s %.*s %u %llu/%llu %.*s %lld us %.*s\n",
                     static_cast<int>(entry.client.size()), entry.client.data(),
                     static_cast<int>(entry.method.size()), entry.method.data(),
                     static_cast<int>(entry.target.size()), entry.target.data(), entry.status,
                     static_cast<unsigned long long>(entry.bytes_in),
                     static_cast<unsigned long long>(entry.bytes_out),
                     static_cast<int>(entry.route.size()), entry.route.data(),
                     static_cast<long long>(entry.duration.count()),
                     static_cast<int>(entry.problem.size()), entry.problem.data());
    }
};

const char *environment(const char *upper, const char *lower) {
    const char *value = std::getenv(upper);
    value = value != nullptr ? value : std::getenv(lower);
    return value != nullptr ? value : "";
}

} // namespace
} // namespace k2s::httpproxy

int main(int argc, char **argv) {
    using namespace k2s::httpproxy;
    Config config;
    config.verbose = false;
    for (int i = 1; i < argc; ++i) {
        const std::string arg = argv[i];
        const auto value = [&arg](const char *name) -> const char * {
            const size_t length = std::strlen(name);
            return arg.compare(0, length, name) == 0 ? arg.c_str() + length : nullptr;
        };
        if (const char *v = value("--addr=")) {
            config.addr = {v};
        } else if (const char *v = value("--forwardproxy=")) {
            config.forwardproxy = v;
        } else if (const char *v = value("--ca=")) {
            config.upstream_ca_file = v;
        } else if (const char *v = value("--allowed-cidr=")) {
            config.allowed_cidrs.push_back(v);
        } else if (arg == "--verbose") {
            config.verbose = true;
        } else {
            std::fprintf(stderr,
                         "usage: %s [--addr=A] [--forwardproxy=URL] [--ca=FILE] "
                         "[--allowed-cidr=R]… [--verbose]\n",
                         argv[0]);
            return 2;
        }
    }
    config.no_proxy = environment("NO_PROXY", "no_proxy");
    config.http_proxy = environment("HTTP_PROXY", "http_proxy");
    config.https_proxy = environment("HTTPS_PROXY", "https_proxy");

    return k2s::dataplane::test::run_standalone<Proxy>(std::move(config),
                                                       std::make_shared<Printer>());
}
