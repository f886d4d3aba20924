// SPDX-License-Identifier: MIT
#include <k2s/sdk/plugin.hpp>

#include "command.hpp"
#include "diagnose.hpp"
#include "plan/command.hpp"
#include "vfprules/command.hpp"

namespace k2s {
namespace {

class Cni final : public Plugin, public Commands, public Diagnostics {
  public:
    using Plugin::Plugin;

    Status dump(const k2s_sink &out) override {
        const std::string text = cni::Json{{"findings", cni::diagnose()}}.dump();
        return out.write(out.context, to_bytes(text));
    }

    Status run(const Invocation &call) override {
        return call.command() == "vfprules"  ? vfprules::run_command(call, host())
               : call.command() == "network" ? network::run_command(call, host())
                                             : cni::run_command(call, host());
    }
};

} // namespace
} // namespace k2s

K2S_PLUGIN(k2s::Cni, "cni", K2S_PRODUCT_VERSION)
