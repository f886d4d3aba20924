// SPDX-License-Identifier: MIT
#include "../relay.hpp"

namespace k2s::l4proxy {

// Completion ports want a buffer for each wait: dataplane::run_tunnel has it.
const bool k_native_relay = false;

struct RelayLoop::Impl {};
struct Relay::State {};

RelayLoop::RelayLoop(net::io_context &) {}
RelayLoop::~RelayLoop() = default;
void RelayLoop::stop() noexcept {}

Relay::Relay(const std::shared_ptr<RelayLoop::Impl> &, const Options &) {}
Relay::~Relay() = default;
void Relay::start(dataplane::NativeSocket, dataplane::NativeSocket, std::string,
                  std::function<void(const Result &)>) {}
void Relay::cancelled() noexcept {}

} // namespace k2s::l4proxy
