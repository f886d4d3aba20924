// SPDX-License-Identifier: MIT
#include <k2s/sdk/plugin.hpp>

#include "command.hpp"
#include "plan/command.hpp"
#include "vfprules/command.hpp"

namespace k2s {
namespace {

class Cni final : public Plugin, public Commands {
  public:
    using Plugin::Plugin;

    Status run(const Invocation &call) override {
        return call.command() == "vfprules"  ? vfprules::run_command(call, host())
               : call.command() == "network" ? network::run_command(call, host())
                                             : cni::run_command(call, host());
    }
};

} // namespace
} // namespace k2s

K2S_PLUGIN(k2s::Cni, "cni", K2S_PRODUCT_VERSION)
