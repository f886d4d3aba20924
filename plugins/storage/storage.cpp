// SPDX-License-Identifier: MIT
#include <k2s/sdk/plugin.hpp>

#include "yaml2json/command.hpp"
#include "zap/command.hpp"

namespace k2s {
namespace {

class Storage final : public Plugin, public Commands {
  public:
    using Plugin::Plugin;

    Status run(const Invocation &call) override {
        return call.command() == "zap" ? zap::run_command(call, host())
                                       : yaml2json::run_command(call, host());
    }
};

} // namespace
} // namespace k2s

K2S_PLUGIN(k2s::Storage, "storage", K2S_PRODUCT_VERSION)
