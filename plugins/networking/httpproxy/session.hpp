// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "dialer.hpp"
#include "engine.hpp"
#include "relay.hpp"
#include "target.hpp"

namespace k2s::httpproxy {

/// One client connection: reads requests one after the other and serves each (session.cpp), by
/// forwarding it (exchange.cpp) or by opening a tunnel.
class Session final : public Member, public std::enable_shared_from_this<Session> {
  public:
    Session(std::shared_ptr<Engine> engine, std::unique_ptr<PlainStream> client,
            const Endpoint &peer);
    ~Session() override;

    Task<void> run();
    void tick() override;

  private:
    // What the answer to the current request depends on.
    struct Request {
        BodyFraming body;
        Target target; // its host and authority point into host_ and are valid for the request
        const Upstream *upstream = nullptr;
        size_t rule = 0; // of `routes`, that decided
        bool head_method = false;
        bool http10 = false;
        bool keep_alive = false;
        bool upgrade = false;
        bool retryable = false; // idempotent and without a body
    };

    enum class ReadHead : uint8_t { ready, close, linger };
    enum class AnswerHead : uint8_t { ready, nothing, broken, malformed };
    /// What becomes of the client's connection.
    enum class Next : uint8_t { keep, close, linger, relayed };

    struct Upload;

    // session.cpp
    Task<void> serve();
    Task<ReadHead> read_request_head(bool first);
    Task<Next> handle_request();
    Task<Next> handle_connect();
    Task<Next> tunnel_to(Connection &connection);
    void end_tunnel(const TunnelResult &moved);
    Task<Next> reply(unsigned status, std::string_view text, Next next);
    Task<void> linger();
    bool client_is_allowed() const;
    bool loops_back() const;
    bool choose_route(const Target &target, bool connect, std::string &refusal);
    void begin_record(std::string_view method, std::string_view target);
    void note_agent();
    void end_record();
    DialRequest dial_request(const Target &target) const;

    // exchange.cpp
    Task<Next> forward(HeadParser &head);
    Task<Next> exchange();
    Task<Next> converse(Connection &connection, bool may_retry, bool &retry, bool &reusable);
    Task<Next> answer(Connection &connection, Upload *upload, bool may_retry, bool &retry,
                      bool &reusable);
    Task<AnswerHead> read_answer_head(Connection &connection);
    Task<Next> pass_answer(Connection &connection, Upload *upload, bool &reusable);
    Task<Next> pass_upgrade(Connection &connection);
    Task<Next> answer_failed(AnswerHead problem, Upload *upload);
    static Task<void> run_upload(Upload &upload);
    void end_slow_upload();
    bool uploads_too_slowly() const;

    std::shared_ptr<Engine> engine_;
    std::shared_ptr<const Settings> settings_;
    const std::unique_ptr<PlainStream> client_stream_;
    PlainStream &client_;
    Buffer in_;
    const Endpoint peer_;
    const bool remote_;        // not on this host's loopback
    bool deaf_ = false;        // waits for others, without a read from the client under way
    Upload *upload_ = nullptr; // of the current request, while it is under way

    Request request_;
    std::unique_ptr<Relay> relay_; // of the tunnel that the connection has become
    std::string host_;             // storage of the target's authority
    std::string head_out_;         // request head for the next hop
    std::string answer_out_;
    std::string key_; // in the pool

    // For the access log; filled when somebody wants it.
    struct Record {
        std::chrono::system_clock::time_point time;
        Clock::time_point start;
        std::string method, target, route, problem, referer, user_agent;
        std::string_view protocol;
        unsigned status = 0;
        uint64_t bytes_in = 0, bytes_out = 0;
        bool reused = false;
        bool open = false;
    };
    Record record_;
};

} // namespace k2s::httpproxy
