// SPDX-License-Identifier: MIT
#include <k2s/sdk/plugin.hpp>

#include "command.hpp"
#if !defined(_WIN32)
#include "vfprules/command.hpp"
#endif

namespace k2s {
namespace {

class Cni final : public Plugin, public Commands {
  public:
    using Plugin::Plugin;

    Status run(const Invocation &call) override {
#if !defined(_WIN32) // its engine for Windows is not part of the plugin yet
        if (call.command() == "vfprules") {
            return vfprules::run_command(call, host());
        }
#endif
        return cni::run_command(call, host());
    }
};

} // namespace
} // namespace k2s

K2S_PLUGIN(k2s::Cni, "cni", K2S_PRODUCT_VERSION)
