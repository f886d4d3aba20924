// SPDX-License-Identifier: MIT
// The engine without a host, for benchmarks and for trying it out: not shipped.
#include "dataplane/test/standalone.hpp"

#include <string>

#include "l4proxy/proxy.hpp"

namespace {

using namespace k2s::l4proxy;

class Printer final : public k2s::dataplane::test::Printer<Observer> {
  public:
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
    return k2s::dataplane::test::run_standalone<Proxy>(std::move(config),
                                                       std::make_shared<Printer>());
}
