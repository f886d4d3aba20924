// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "forward.hpp"

namespace k2s::l4proxy {

/// One client's connection: PROXY header, choice of a target, connecting, bytes both ways.
///
/// Where relays work (k_native_relay) the sockets belong to no io_context but while something has
/// to be waited for before the relay: most connections never need Asio nor a coroutine.
class Session final : public dataplane::Member, public std::enable_shared_from_this<Session> {
  public:
    /// One of the two is the client's socket.
    Session(std::shared_ptr<Forward> forward, NativeSocket native, Socket socket,
            const Address &client, const SocketAddress &peer);
    ~Session() override;

    /// Serves until the connection ends; keeps itself alive.
    void start();

  private:
    // What start_quickly() leaves to connect(): the target that has been picked (to pick again
    // would skip it), and perhaps an attempt to connect that has to be waited for.
    struct Pending {
        Lease lease;
        bool begun;
    };

    bool start_quickly();
    Task<void> run(std::shared_ptr<Session> self);
    Task<bool> read_header();
    bool client_is_allowed();
    Task<bool> connect();
    bool use(Lease &lease, const SocketAddress &to, std::string &reason);
    Address balanced_address() const;
    void queue_header();
    Task<void> run_without_relay();
    void start_relay();
    void finish(const dataplane::TunnelResult &moved);
    void refuse(Counter &counter, const char *problem);
    void log_failure(std::string_view message) const;
    void end_record();
    std::string peer_text() const;

    const std::shared_ptr<Forward> forward_;
    const std::shared_ptr<const ForwardSettings> settings_;
    NativeSocket native_client_;
    NativeSocket native_upstream_;
    dataplane::PlainStream client_;
    dataplane::PlainStream upstream_;
    dataplane::Buffer in_;
    dataplane::Buffer out_;
    Lease lease_;
    std::unique_ptr<Pending> pending_;
    std::unique_ptr<dataplane::Relay> relay_;

    // What few connections need.
    struct Details;
    Details &details();
    std::unique_ptr<Details> details_;
    const Endpoint peer_; // the client's
    const bool local_;    // a Unix socket: without an address
    const char *problem_ = "";
};

} // namespace k2s::l4proxy
