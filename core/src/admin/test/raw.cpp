// SPDX-License-Identifier: MIT
#include "admin/test/raw.hpp"

#include <chrono>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "admin/local_stream.hpp"

namespace raw {

namespace {

namespace asio = boost::asio;

template <class Stream>
std::string talk(asio::io_context &context, Stream &stream, const std::string &bytes) {
    std::string answer;
    boost::system::error_code failed;
    asio::async_write(stream, asio::buffer(bytes),
                      [](const boost::system::error_code &, std::size_t) {});
    asio::async_read(stream, asio::dynamic_buffer(answer),
                     [&](const boost::system::error_code &, std::size_t) {});
    context.run_for(std::chrono::seconds(8));
    return answer;
}

} // namespace

std::string exchange(const boost::filesystem::path &endpoint, const std::string &bytes) {
    asio::io_context context(1);
    auto stream =
        k2s::core::admin::connect_local(context, endpoint, std::chrono::milliseconds(2000));
    return stream ? talk(context, *stream, bytes) : "cannot connect: " + stream.error().message;
}

std::string exchange(std::uint16_t port, const std::string &bytes) {
    asio::io_context context(1);
    asio::ip::tcp::socket socket(context);
    boost::system::error_code failed;
    socket.connect({asio::ip::address_v4::loopback(), port}, failed);
    return failed ? "cannot connect: " + failed.message() : talk(context, socket, bytes);
}

} // namespace raw
