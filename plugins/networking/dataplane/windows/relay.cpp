// SPDX-License-Identifier: MIT
#include "../relay.hpp"

namespace k2s::dataplane {

// Completion ports want a buffer for each wait: run_tunnel has it.
const bool k_native_relay = false;

struct RelayLoop::Impl {};
struct Relay::State {};

RelayLoop::RelayLoop(net::io_context &) {}
RelayLoop::~RelayLoop() = default;
void RelayLoop::stop() noexcept {}

Relay::Relay(const RelayLoop &, const Options &) {}
Relay::~Relay() = default;
void Relay::start(NativeSocket, NativeSocket, std::string,
                  std::function<void(const TunnelResult &)>) {}
void Relay::cancelled() noexcept {}

} // namespace k2s::dataplane
