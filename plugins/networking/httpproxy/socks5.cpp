// SPDX-License-Identifier: MIT
#include "socks5.hpp"

#include "common/address.hpp"

namespace k2s::httpproxy {
namespace {

constexpr char k_version = 5;
constexpr char k_no_authentication = 0;
constexpr char k_user_password = 2;
constexpr char k_connect = 1;
constexpr char k_ipv4 = 1;
constexpr char k_name = 3;
constexpr char k_ipv6 = 4;

std::string_view reply_text(unsigned char code) noexcept {
    switch (code) {
    case 1:
        return "general failure";
    case 2:
        return "not allowed by its rules";
    case 3:
        return "the network cannot be reached";
    case 4:
        return "the host cannot be reached";
    case 5:
        return "the connection was refused";
    case 6:
        return "the time to live expired";
    case 7:
        return "it does not know CONNECT";
    case 8:
        return "it does not know this kind of address";
    default:
        return "an unknown error";
    }
}

std::string connect_request(const std::string &host, uint16_t port) {
    std::string out{k_version, k_connect, 0};
    if (const auto address = parse_address(host)) {
        if (address->is_v4()) {
            const auto bytes = address->to_v4().to_bytes();
            out += k_ipv4;
            out.append(bytes.begin(), bytes.end());
        } else {
            const auto bytes = address->to_v6().to_bytes();
            out += k_ipv6;
            out.append(bytes.begin(), bytes.end());
        }
    } else {
        out += k_name;
        out += static_cast<char>(host.size()); // at most 255: the target's parser sees to it
        out += host;
    }
    out += static_cast<char>(port >> 8);
    out += static_cast<char>(port & 0xff);
    return out;
}

/// The two directions of the negotiation. Every wait ends with `ok()` false on a failure.
class Talk {
  public:
    Talk(Stream &stream, Buffer &in) : stream_(stream), in_(in) {}

    Task<bool> send(const std::string &bytes) {
        const IoResult sent = co_await stream_.write(bytes, std::string_view());
        co_return note(sent.ec);
    }

    /// At least `bytes` stand in the buffer afterwards.
    Task<bool> need(size_t bytes) {
        while (in_.size() < bytes) {
            const net::mutable_buffer room = in_.prepare(Buffer::k_small);
            const IoResult got = co_await stream_.read_some(room);
            if (!note(got.ec)) {
                co_return false;
            }
            in_.commit(got.bytes);
        }
        co_return true;
    }

    unsigned char at(size_t i) const { return static_cast<unsigned char>(in_.view()[i]); }
    void consume(size_t bytes) { in_.consume(bytes); }
    std::string problem() const { return "the SOCKS negotiation broke off: " + ec_.message(); }

  private:
    bool note(const error_code &ec) {
        ec_ = ec;
        return !ec;
    }

    Stream &stream_;
    Buffer &in_;
    error_code ec_;
};

Task<std::string> authenticate(Talk &talk, const Upstream &upstream) {
    const bool has_user = !upstream.user.empty();
    std::string hello{k_version, static_cast<char>(has_user ? 2 : 1), k_no_authentication};
    if (has_user) {
        hello += k_user_password;
    }
    if (!co_await talk.send(hello) || !co_await talk.need(2)) {
        co_return talk.problem();
    }
    const unsigned version = talk.at(0);
    const unsigned method = talk.at(1);
    talk.consume(2);
    if (version != static_cast<unsigned>(k_version)) {
        co_return std::string("it does not speak SOCKS5");
    }
    if (method == static_cast<unsigned>(k_no_authentication)) {
        co_return std::string();
    }
    if (method != static_cast<unsigned>(k_user_password) || !has_user) {
        co_return std::string(has_user ? "it accepts neither user and password nor none"
                                       : "it wants credentials: give it upstream credentials");
    }
    std::string login{1, static_cast<char>(upstream.user.size())};
    login += upstream.user;
    login += static_cast<char>(upstream.password.size());
    login += upstream.password;
    if (!co_await talk.send(login) || !co_await talk.need(2)) {
        co_return talk.problem();
    }
    const bool accepted = talk.at(1) == 0;
    talk.consume(2);
    co_return accepted ? std::string() : std::string("it refused the configured credentials");
}

} // namespace

Task<std::string> socks5_connect(Stream &stream, Buffer &in, const Upstream &upstream,
                                 const std::string &host, uint16_t port) {
    Talk talk(stream, in);
    std::string problem = co_await authenticate(talk, upstream);
    if (!problem.empty()) {
        co_return problem;
    }
    const std::string request = connect_request(host, port);
    if (!co_await talk.send(request) || !co_await talk.need(2)) {
        co_return talk.problem();
    }
    const unsigned version = talk.at(0);
    const unsigned char code = talk.at(1);
    if (version != static_cast<unsigned>(k_version)) {
        co_return std::string("malformed answer to the SOCKS request");
    }
    if (code != 0) {
        problem = "it refused the connection: ";
        problem += reply_text(code);
        co_return problem;
    }
    if (!co_await talk.need(5)) { // as far as the length of a name
        co_return talk.problem();
    }
    size_t size = 0;
    switch (talk.at(3)) {
    case k_ipv4:
        size = 4 + 4 + 2;
        break;
    case k_ipv6:
        size = 4 + 16 + 2;
        break;
    case k_name:
        size = 4 + 1 + talk.at(4) + 2;
        break;
    default:
        co_return std::string("malformed answer to the SOCKS request");
    }
    if (!co_await talk.need(size)) {
        co_return talk.problem();
    }
    talk.consume(size); // the address that it bound tells us nothing
    co_return std::string();
}

} // namespace k2s::httpproxy
