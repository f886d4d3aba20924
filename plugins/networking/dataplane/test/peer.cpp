// SPDX-License-Identifier: MIT
#include "peer.hpp"

#include <stdexcept>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include "common/text.hpp"

namespace k2s::dataplane::test {

namespace net = boost::asio;
using boost::system::error_code;

namespace {

constexpr auto k_patience = std::chrono::seconds(10);

} // namespace

Peer::Peer(Tcp::socket socket, std::shared_ptr<net::io_context> io)
    : io_(std::move(io)), socket_(std::make_unique<Tcp::socket>(std::move(socket))) {}

Peer Peer::connect(const Tcp::endpoint &to) {
    auto io = std::make_shared<net::io_context>();
    Tcp::socket socket(*io);
    socket.connect(to);
    return Peer(std::move(socket), io);
}

Peer Peer::connect(uint16_t port, const std::string &address) {
    return connect(Tcp::endpoint(net::ip::make_address(address), port));
}

void Peer::wait(const bool &done) {
    io_->restart();
    io_->run_for(k_patience);
    if (!done) {
        socket_->close();
        io_->run();
        throw std::runtime_error("nothing happened in time; so far: " + buffer_.substr(0, 200));
    }
}

void Peer::write(const std::string &bytes) {
    bool done = false;
    error_code result;
    net::async_write(*socket_, net::buffer(bytes), [&](const error_code &ec, size_t) {
        result = ec;
        done = true;
    });
    wait(done);
    if (result) {
        throw std::runtime_error("write: " + result.message());
    }
}

size_t Peer::fill() {
    std::vector<char> block(64 * 1024);
    bool done = false;
    size_t got = 0;
    socket_->async_read_some(net::buffer(block), [&](const error_code &, size_t n) {
        got = n;
        done = true;
    });
    wait(done);
    buffer_.append(block.data(), got);
    return got;
}

std::string Peer::read(size_t bytes) {
    while (buffer_.size() < bytes) {
        if (fill() == 0) {
            throw std::runtime_error("the stream ended early: " + buffer_.substr(0, 200));
        }
    }
    const std::string part = buffer_.substr(0, bytes);
    buffer_.erase(0, bytes);
    return part;
}

std::string Peer::read_all() {
    while (fill() != 0) {
    }
    std::string all;
    all.swap(buffer_);
    return all;
}

std::string Peer::read_head() {
    size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
        if (fill() == 0) {
            throw std::runtime_error("the stream ended within a head: " + buffer_);
        }
    }
    return read(end + 4);
}

std::string Peer::read_message() {
    const std::string head = read_head();
    const size_t at = to_lower(head).find("content-length: ");
    if (at == std::string::npos) {
        return head;
    }
    const std::string number = head.substr(at + 16, head.find("\r\n", at) - at - 16);
    return head + read(parse_decimal<size_t>(number).value());
}

bool Peer::at_end() {
    return buffer_.empty() && fill() == 0;
}

void Peer::shutdown_send() {
    error_code ignored;
    socket_->shutdown(Tcp::socket::shutdown_send, ignored);
}

void Peer::reset() {
    error_code ignored;
    socket_->set_option(net::socket_base::linger(true, 0), ignored);
    socket_->close(ignored);
}

void Peer::close() {
    error_code ignored;
    socket_->close(ignored);
}

Origin::Origin(std::function<void(Peer &)> serve, const std::string &address)
    : serve_(std::move(serve)), address_(address), io_(std::make_shared<net::io_context>()),
      acceptor_(*io_, Tcp::endpoint(net::ip::make_address(address), 0)),
      port_(acceptor_.local_endpoint().port()), thread_([this] { run(); }) {}

Origin::~Origin() {
    stopping_ = true;
    try {
        Peer::connect(port_, address_); // wakes accept
    } catch (const std::exception &) {
    }
    thread_.join();
    for (std::thread &worker : workers_) {
        worker.join();
    }
}

std::string Origin::authority() const {
    const bool v6 = address_.find(':') != std::string::npos;
    return (v6 ? "[" + address_ + "]" : address_) + ":" + std::to_string(port_);
}

void Origin::run() {
    for (;;) {
        auto io = std::make_shared<net::io_context>();
        Tcp::socket socket(*io);
        error_code ec;
        acceptor_.accept(socket, ec);
        if (ec || stopping_) {
            return;
        }
        ++connections_;
        workers_.emplace_back([this, io, peer = std::make_shared<Peer>(std::move(socket), io)] {
            try {
                serve_(*peer);
            } catch (const std::exception &) {
                // The proxy ended the connection: what the client then sees is what is tested.
            }
            peer->close();
            ++finished_;
        });
    }
}

uint16_t free_port() {
    net::io_context io;
    Tcp::acceptor acceptor(io, Tcp::endpoint(net::ip::address_v4::loopback(), 0));
    return acceptor.local_endpoint().port();
}

} // namespace k2s::dataplane::test
