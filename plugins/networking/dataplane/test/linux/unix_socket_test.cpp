// SPDX-License-Identifier: MIT
#include "../unit.hpp"

#include <fstream>
#include <memory>
#include <string>

#include <boost/asio/local/stream_protocol.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/listener.hpp"

using namespace k2s::dataplane;

namespace {

struct Folder {
    Folder() {
        char name[] = "/tmp/k2s-unix-XXXXXX";
        path = ::mkdtemp(name);
    }
    ~Folder() {
        ::unlink(socket().c_str());
        ::rmdir(path.c_str());
    }
    std::string socket() const { return path + "/s"; }
    ListenAddress address(const std::string &query = "") const {
        return ListenAddress::parse("unix://" + socket() + query).value();
    }
    bool there() const {
        struct stat info{};
        return ::lstat(socket().c_str(), &info) == 0;
    }
    unsigned mode() const {
        struct stat info{};
        BOOST_REQUIRE_EQUAL(::lstat(socket().c_str(), &info), 0);
        return info.st_mode & 0777;
    }
    std::string path;
};

void close(std::vector<std::shared_ptr<Listener>> &listeners) {
    for (const auto &listener : listeners) {
        listener->close();
    }
    listeners.clear();
}

} // namespace

BOOST_AUTO_TEST_SUITE(unix_sockets)

BOOST_AUTO_TEST_CASE(names_are_read) {
    for (const char *text : {"/run/x", "@x", "/x?mode=0660", "/x?mode=777"}) {
        BOOST_CHECK_MESSAGE(UnixAddress::parse(text).has_value(), text);
    }
    BOOST_CHECK_EQUAL(UnixAddress::parse("/x")->mode, 0600U);
    BOOST_CHECK_EQUAL(UnixAddress::parse("/x?mode=0660")->mode, 0660U);
    const std::string longest = "/" + std::string(106, 'x');
    BOOST_CHECK(UnixAddress::parse(longest).has_value());
    for (const std::string &text :
         {longest + "x", std::string(), std::string("/"), std::string("@"), std::string("x"),
          std::string("/x?"), std::string("/x?mode="), std::string("/x?mode=8"),
          std::string("/x?mode=1000"), std::string("/x?mode=77777"), std::string("/x?user=1"),
          std::string("/a\nb"), std::string("/a\0b", 4)}) {
        BOOST_CHECK_MESSAGE(!UnixAddress::parse(text), text);
    }
}

BOOST_AUTO_TEST_CASE(a_socket_file_comes_and_goes_with_its_listener) {
    const Folder folder;
    net::io_context io(1);
    auto opened = open_listener(io, folder.address());
    BOOST_REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
    BOOST_CHECK_EQUAL(folder.mode(), 0600U);
    net::local::stream_protocol::socket client(io);
    client.connect(folder.socket());
    const auto second = open_listener(io, folder.address());
    BOOST_REQUIRE(!second);
    BOOST_CHECK_EQUAL(second.error().code, K2S_E_BUSY);
    BOOST_CHECK(folder.there());
    close(*opened);
    BOOST_CHECK(!folder.there());
}

BOOST_AUTO_TEST_CASE(a_stale_file_is_replaced_and_a_mode_is_obeyed) {
    const Folder folder;
    net::io_context io(1);
    {
        net::local::stream_protocol::acceptor dead(io, folder.socket());
    }
    BOOST_REQUIRE(folder.there());
    auto opened = open_listener(io, folder.address("?mode=0666"));
    BOOST_REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
    BOOST_CHECK_EQUAL(folder.mode(), 0666U);
    ::unlink(folder.socket().c_str());
    net::local::stream_protocol::acceptor other(io, folder.socket());
    close(*opened);
    BOOST_CHECK(folder.there()); // it is somebody else's by now
}

BOOST_AUTO_TEST_CASE(what_is_no_socket_stays) {
    const Folder folder;
    net::io_context io(1);
    std::ofstream(folder.socket()) << "precious";
    const auto opened = open_listener(io, folder.address());
    BOOST_REQUIRE(!opened);
    BOOST_CHECK_EQUAL(opened.error().code, K2S_E_EXISTS);
    BOOST_CHECK(folder.there());
    BOOST_CHECK(!open_listener(io, *ListenAddress::parse("unix:///nowhere/at/all/s")));
}

BOOST_AUTO_TEST_CASE(abstract_names_need_no_file) {
    net::io_context io(1);
    const auto address =
        ListenAddress::parse("unix://@k2s-test-" + std::to_string(::getpid())).value();
    auto opened = open_listener(io, address);
    BOOST_REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
    BOOST_CHECK_EQUAL(opened->at(0)->text(), address.text);
    BOOST_CHECK(!open_listener(io, address));
    close(*opened);
    BOOST_CHECK(open_listener(io, address).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
