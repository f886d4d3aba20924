// SPDX-License-Identifier: MIT
#include "udp_harness.hpp"

#include <algorithm>
#include <future>
#include <stdexcept>

#include <boost/asio/post.hpp>

namespace test {

namespace net = boost::asio;
using k2s::Address;
using namespace k2s::l4proxy;
using k2s::dataplane::error_code;

UdpPeer::UdpPeer(const Udp::endpoint &bind_to) {
    socket_.open(bind_to.protocol());
    socket_.bind(bind_to);
    socket_.set_option(net::socket_base::receive_buffer_size(1 << 20));
}

void UdpPeer::send(const std::string &datagram, const Udp::endpoint &to) {
    error_code ignored; // an ICMP error of an earlier datagram
    socket_.send_to(net::buffer(datagram), to, 0, ignored);
}

std::optional<std::string> UdpPeer::receive(std::chrono::milliseconds patience) {
    std::optional<std::string> got;
    socket_.async_receive_from(net::buffer(buffer_), from, [&](error_code ec, size_t size) {
        if (!ec) {
            got = buffer_.substr(0, size);
        }
    });
    io_.restart();
    if (io_.run_for(patience) == 0) {
        socket_.cancel();
        io_.restart();
        io_.run();
    }
    return got;
}

UdpServer::UdpServer(Answer answer, const Udp::endpoint &bind_to)
    : peer_(bind_to), answer_(std::move(answer)), thread_([this] { run(); }) {}

UdpServer::~UdpServer() {
    stopping_ = true;
    thread_.join();
}

void UdpServer::run() {
    while (!stopping_) {
        const auto got = peer_.receive(std::chrono::milliseconds(20));
        if (!got) {
            continue;
        }
        ++received_;
        {
            const std::lock_guard lock(mutex_);
            if (std::find(clients_.begin(), clients_.end(), peer_.from) == clients_.end()) {
                clients_.push_back(peer_.from);
            }
        }
        for (const std::string &datagram : answer_(*got)) {
            peer_.send(datagram, peer_.from);
        }
    }
}

size_t UdpServer::clients() const {
    const std::lock_guard lock(mutex_);
    return clients_.size();
}

std::vector<std::string> echo(const std::string &datagram) {
    return {datagram};
}

UdpHarness::UdpHarness(std::vector<UdpTarget> targets, UdpOptions options,
                       const std::string &listen)
    : targets_(std::move(targets)) {
    std::vector<TargetSpec> specs;
    for (size_t i = 0; i < targets_.size(); ++i) {
        TargetSpec spec;
        spec.name = std::string(1, static_cast<char>('a' + i));
        spec.data = std::make_shared<const UdpTarget>(targets_[i]);
        specs.push_back(std::move(spec));
    }
    balancer_->set({}, std::move(specs));
    UdpForward::Callbacks callbacks;
    callbacks.locate = [](const Target &target) -> std::optional<UdpTarget> {
        return target.data<UdpTarget>();
    };
    callbacks.admit = [this](const Address &address) { return !admit_ || admit_(address); };
    callbacks.ended = [this](const UdpSessionEnd &end) {
        const std::lock_guard lock(mutex_);
        ended_.push_back(
            std::string(text_of(end.why)) + " " + std::string(end.target) + " " +
            std::to_string(end.client_datagrams) + "/" + std::to_string(end.client_bytes) + " " +
            std::to_string(end.target_datagrams) + "/" + std::to_string(end.target_bytes));
    };
    forward_ =
        std::make_unique<UdpForward>(UdpForward::Context{io_, *loop_, *stock_, log_, counters_},
                                     "dns", balancer_, std::move(callbacks));
    forward_->set_options(options);
    const auto url = EndpointUrl::parse_listen(listen);
    if (!url) {
        throw std::runtime_error(url.error().message);
    }
    auto opened = open_udp_listen(*url);
    if (!opened) {
        throw std::runtime_error(opened.error().message);
    }
    std::vector<UdpListen> added;
    added.push_back(std::move(*opened));
    if (const auto listening = forward_->listen({}, std::move(added)); !listening) {
        throw std::runtime_error(listening.error().message);
    }
    endpoint_ = forward_->endpoints().at(0);
    thread_ = std::thread([this] { io_.run(); });
}

UdpHarness::~UdpHarness() {
    on_thread([](UdpForward &forward) { forward.close(); });
    work_.reset();
    thread_.join(); // nothing keeps the io_context running once everything is closed
    forward_.reset();
}

void UdpHarness::on_thread(const std::function<void(UdpForward &)> &work) {
    std::promise<void> done;
    net::post(io_, [&] {
        work(*forward_);
        done.set_value();
    });
    done.get_future().wait();
}

std::vector<std::string> UdpHarness::ended() const {
    const std::lock_guard lock(mutex_);
    return ended_;
}

bool loopback_has_more_addresses() {
    const auto second = net::ip::make_address("127.0.0.2");
    UdpPeer here;
    UdpPeer there({second, 0});
    there.send("x", here.endpoint());
    return here.receive() && here.from.address() == second;
}

static bool under_wine() {
#ifdef _WIN32
    return ::GetProcAddress(::GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != nullptr;
#else
    return false;
#endif
}

bool source_addresses_can_be_set() {
    return !under_wine();
}

boost::test_tools::assertion_result icmp_errors_are_told(boost::unit_test::test_unit_id) {
    boost::test_tools::assertion_result told(!under_wine());
    told.message() << "wine tells an ICMP error by chance; see docs/windows-acceptance.md";
    return told;
}

} // namespace test
