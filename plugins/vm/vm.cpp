// SPDX-License-Identifier: MIT
#include <k2s/sdk/plugin.hpp>

#include "cloudinitisobuilder/command.hpp"

namespace k2s {
namespace {

class Vm final : public Plugin, public Commands {
  public:
    using Plugin::Plugin;

    Status run(const Invocation &call) override {
        return cloudinitisobuilder::run_command(call, host());
    }
};

} // namespace
} // namespace k2s

K2S_PLUGIN(k2s::Vm, "vm", K2S_PRODUCT_VERSION)
