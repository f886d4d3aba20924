// SPDX-License-Identifier: MIT
#include <k2s/sdk/plugin.hpp>

#include "command/run.hpp"

namespace k2s {
namespace {

class Image final : public Plugin, public Commands {
  public:
    using Plugin::Plugin;

    Status run(const Invocation &call) override { return image::run_command(call, host()); }
};

} // namespace
} // namespace k2s

K2S_PLUGIN(k2s::Image, "image", K2S_PRODUCT_VERSION)
