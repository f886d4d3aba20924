// SPDX-License-Identifier: MIT
#include "harness.hpp"

#include <future>
#include <stdexcept>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "dataplane/text.hpp"

namespace test {

namespace net = boost::asio;
using boost::system::error_code;
using namespace k2s::httpproxy;

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

void Peer::write(const std::string &bytes) {
    error_code result = net::error::would_block;
    net::async_write(*socket_, net::buffer(bytes),
                     [&](const error_code &ec, size_t) { result = ec; });
    io_->restart();
    io_->run_for(k_patience);
    if (result == net::error::would_block) {
        socket_->close();
        io_->run();
        throw std::runtime_error("nobody takes what is written");
    }
    if (result) {
        throw std::runtime_error("write: " + result.message());
    }
}

size_t Peer::fill() {
    char block[16 * 1024];
    error_code result = net::error::would_block;
    size_t got = 0;
    socket_->async_read_some(net::buffer(block), [&](const error_code &ec, size_t n) {
        result = ec;
        got = n;
    });
    io_->restart();
    io_->run_for(k_patience);
    if (result == net::error::would_block) {
        socket_->close();
        io_->run();
        throw std::runtime_error("nothing came in time; so far: " + buffer_);
    }
    buffer_.append(block, got);
    return got;
}

std::string Peer::read_head() {
    size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
        if (fill() == 0) {
            throw std::runtime_error("the stream ended within a head: " + buffer_);
        }
    }
    const std::string head = buffer_.substr(0, end + 4);
    buffer_.erase(0, end + 4);
    return head;
}

std::string Peer::read(size_t bytes) {
    while (buffer_.size() < bytes) {
        if (fill() == 0) {
            throw std::runtime_error("the stream ended within a body: " + buffer_);
        }
    }
    const std::string body = buffer_.substr(0, bytes);
    buffer_.erase(0, bytes);
    return body;
}

std::string Peer::read_all() {
    while (fill() != 0) {
    }
    std::string all;
    all.swap(buffer_);
    return all;
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

bool Peer::at_end() { return buffer_.empty() && fill() == 0; }

void Peer::shutdown_send() {
    error_code ignored;
    socket_->shutdown(Tcp::socket::shutdown_send, ignored);
}

void Peer::close() {
    error_code ignored;
    socket_->close(ignored);
}

Origin::Origin(std::function<void(Peer &)> serve)
    : serve_(std::move(serve)), io_(std::make_shared<net::io_context>()),
      acceptor_(*io_, Tcp::endpoint(net::ip::address_v4::loopback(), 0)),
      port_(acceptor_.local_endpoint().port()), thread_([this] { run(); }) {}

Origin::~Origin() {
    stopping_ = true;
    try {
        Peer::connect(acceptor_.local_endpoint()); // wakes accept
    } catch (const std::exception &) {
    }
    thread_.join();
    for (std::thread &worker : workers_) {
        worker.join();
    }
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
        });
    }
}

void echo_heads(Peer &peer) {
    for (;;) {
        const std::string head = peer.read_head();
        peer.write(ok(head));
    }
}

std::string ok(const std::string &body, const std::string &fields) {
    return "HTTP/1.1 200 OK\r\n" + fields + "Content-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
}

std::string get(const std::string &url, const std::string &fields) {
    return "GET " + url + " HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n";
}

void Recorder::on_log(LogLevel, std::string_view message,
                      std::initializer_list<LogField> fields) {
    const std::lock_guard lock(mutex_);
    text_ += message;
    for (const LogField &field : fields) {
        text_ += ' ';
        text_ += field.key;
        text_ += '=';
        text_ += field.value;
    }
    text_ += '\n';
}

void Recorder::on_access(const AccessEntry &entry) {
    const std::lock_guard lock(mutex_);
    text_ += "access ";
    text_ += entry.method;
    text_ += ' ';
    text_ += entry.target;
    text_ += ' ' + std::to_string(entry.status) + " in=" + std::to_string(entry.bytes_in) +
             " out=" + std::to_string(entry.bytes_out) + " route=";
    text_ += entry.route;
    text_ += entry.reused_upstream ? " reused " : " fresh ";
    text_ += entry.problem;
    text_ += '\n';
}

std::string Recorder::text() const {
    const std::lock_guard lock(mutex_);
    return text_;
}

bool Recorder::saw(const std::string &what) const {
    return eventually([&] { return contains(text(), what); });
}

Config quick() {
    Config config;
    config.addr = {"127.0.0.1:0"};
    return config;
}

Harness::Harness(Config config) {
    auto proxy = Proxy::create(io_, std::move(config), recorder_);
    if (!proxy) {
        throw std::runtime_error(proxy.error().message);
    }
    proxy_ = std::move(*proxy);
    if (const auto started = proxy_->start(); !started) {
        throw std::runtime_error(started.error().message);
    }
    stats_ = proxy_->stats();
    const std::string endpoint = proxy_->endpoints().at(0);
    port_ = parse_decimal<uint16_t>(endpoint.substr(endpoint.rfind(':') + 1)).value();
    thread_ = std::thread([this] { io_.run(); });
}

Harness::~Harness() {
    net::post(io_, [this] { proxy_->stop(); });
    thread_.join(); // nothing keeps the io_context running once everything is closed
}

Peer Harness::client() const {
    return Peer::connect(Tcp::endpoint(net::ip::address_v4::loopback(), port_));
}

std::string Harness::once(const std::string &request) const {
    Peer peer = client();
    peer.write(request);
    peer.shutdown_send();
    return peer.read_all();
}

void Harness::on_thread(const std::function<void(Proxy &)> &work) {
    std::promise<void> done;
    net::post(io_, [&] {
        work(*proxy_);
        done.set_value();
    });
    done.get_future().wait();
}

// Connecting a datagram socket sends nothing, but makes the system choose a source address.
std::string outside_address() {
    net::io_context io;
    net::ip::udp::socket socket(io);
    error_code ec;
    socket.open(net::ip::udp::v4(), ec);
    socket.connect(net::ip::udp::endpoint(net::ip::make_address("192.0.2.1"), 9), ec);
    if (ec) {
        return "";
    }
    const auto address = socket.local_endpoint(ec).address();
    return ec || address.is_loopback() || address.is_unspecified() ? "" : address.to_string();
}

bool contains(const std::string &text, const std::string &part) {
    return text.find(part) != std::string::npos;
}

} // namespace test
