// SPDX-License-Identifier: MIT
#include "harness.hpp"

#include <chrono>
#include <future>
#include <stdexcept>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "dataplane/text.hpp"

namespace test {

namespace net = boost::asio;
using boost::system::error_code;
using namespace k2s::l4proxy;

namespace {

constexpr auto k_patience = std::chrono::seconds(10);

} // namespace

Peer::Peer(Tcp::socket socket, std::shared_ptr<net::io_context> io)
    : io_(std::move(io)), socket_(std::make_unique<Tcp::socket>(std::move(socket))) {}

Peer Peer::connect(uint16_t port, const std::string &address) {
    auto io = std::make_shared<net::io_context>();
    Tcp::socket socket(*io);
    socket.connect(Tcp::endpoint(net::ip::make_address(address), port));
    return Peer(std::move(socket), io);
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

std::string Origin::url() const {
    const bool v6 = address_.find(':') != std::string::npos;
    return "tcp://" + (v6 ? "[" + address_ + "]" : address_) + ":" + std::to_string(port_);
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

void echo(Peer &peer) {
    for (;;) {
        peer.write(peer.read(1));
    }
}

std::function<void(Peer &)> named(const std::string &name) {
    return [name](Peer &peer) { peer.write(name); };
}

uint16_t free_port() {
    net::io_context io;
    Tcp::acceptor acceptor(io, Tcp::endpoint(net::ip::address_v4::loopback(), 0));
    return acceptor.local_endpoint().port();
}

std::string tcp_url(uint16_t port) {
    return "tcp://127.0.0.1:" + std::to_string(port);
}

void Recorder::on_log(LogLevel, std::string_view message, std::initializer_list<LogField> fields) {
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

void Recorder::on_access(const k2s::dataplane::AccessRecord &record) {
    const std::lock_guard lock(mutex_);
    text_ += "access ";
    text_ += record.method;
    text_ += ' ';
    text_ += record.target;
    text_ += " to=";
    text_ += record.route;
    text_ += " in=" + std::to_string(record.bytes_in) + " out=" + std::to_string(record.bytes_out);
    text_ += ' ';
    text_ += record.problem;
    text_ += '\n';
}

std::string Recorder::text() const {
    const std::lock_guard lock(mutex_);
    return text_;
}

bool Recorder::saw(const std::string &what) const {
    return eventually([&] { return contains(text(), what); });
}

Config forward_to(const std::vector<std::string> &targets) {
    ForwardConfig forward;
    forward.name = "main";
    forward.listen = {"tcp://127.0.0.1:0"};
    for (const std::string &to : targets) {
        forward.targets.push_back({.to = to});
    }
    forward.connect_timeout = std::chrono::milliseconds(800);
    Config config;
    config.forwards.push_back(std::move(forward));
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
    thread_ = std::thread([this] { io_.run(); });
}

Harness::~Harness() {
    net::post(io_, [this] { proxy_->stop(); });
    thread_.join(); // nothing keeps the io_context running once everything is closed
}

void Harness::on_thread(const std::function<void(Proxy &)> &work) {
    std::promise<void> done;
    net::post(io_, [&] {
        work(*proxy_);
        done.set_value();
    });
    done.get_future().wait();
}

uint16_t Harness::port(size_t listener) const {
    std::string endpoint;
    const_cast<Harness *>(this)->on_thread(
        [&](Proxy &proxy) { endpoint = proxy.endpoints().at(listener); });
    return k2s::dataplane::parse_decimal<uint16_t>(endpoint.substr(endpoint.rfind(':') + 1))
        .value();
}

std::string Harness::whole_answer() const {
    Peer peer = client();
    return peer.read_all();
}

std::expected<void, k2s::Error> Harness::reload(const Config &config) {
    std::expected<void, k2s::Error> result;
    on_thread([&](Proxy &proxy) { result = proxy.reload(config); });
    return result;
}

const ForwardCounters &Harness::counters(const std::string &name) {
    on_thread([&](Proxy &proxy) {
        for (const auto &forward : proxy.forwards()) {
            if (forward->name() == name) {
                kept_.push_back(forward);
            }
        }
    });
    return kept_.back()->counters;
}

bool contains(const std::string &text, const std::string &part) {
    return text.find(part) != std::string::npos;
}

} // namespace test
