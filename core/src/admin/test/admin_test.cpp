// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE admin
#include <boost/test/included/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/filesystem/operations.hpp>

#include "admin/client.hpp"
#include "admin/endpoint.hpp"
#include "admin/loopback.hpp"
#include "admin/server.hpp"
#include "admin/test/raw.hpp"

#ifndef _WIN32
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#endif

using namespace k2s::core;
using namespace k2s::core::admin;
using namespace std::chrono_literals;

namespace {

struct Place {
    fs::path folder = fs::temp_directory_path() / fs::unique_path("k2s-admin-%%%%%%%%");
    fs::path endpoint;
    Place() {
        fs::create_directory(folder);
        auto name = fs::unique_path("t%%%%%%%%").string();
        endpoint = *endpoint_of(name, folder);
    }
    ~Place() {
        boost::system::error_code ignored;
        fs::remove_all(folder, ignored);
    }
};

Response echo(const Request &request) {
    if (request.path == "/throw") {
        throw std::runtime_error("on purpose");
    }
    return {request.path == "/missing" ? 404 : 200,
            fmt::format("{} {} [{}] {} {}", request.method, request.path, request.query,
                        request.trusted ? "trusted" : "public", request.body.size()),
            "text/plain"};
}

Server must_start(const Place &place, Handler handler = echo, const std::string &http = {}) {
    auto server = Server::start({place.endpoint, http, std::move(handler)});
    BOOST_REQUIRE_MESSAGE(server, (server ? "" : server.error().message));
    return std::move(*server);
}

Response ask(const Place &place, std::string_view method, std::string_view path,
             std::string_view body = {}) {
    auto response = request(place.endpoint, method, path, body, 10s);
    BOOST_REQUIRE_MESSAGE(response, (response ? "" : response.error().message));
    return *response;
}

bool starts(const std::string &text, const std::string &with) {
    return text.compare(0, with.size(), with) == 0;
}

std::string get(const std::string &path, const std::string &host = "localhost",
                const std::string &method = "GET") {
    return method + " " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n";
}

} // namespace

BOOST_AUTO_TEST_CASE(names_of_instances) {
    const fs::path folder = fs::temp_directory_path();
    BOOST_TEST(endpoint_of("default", folder).has_value());
    for (const char *bad :
         {"", "../x", "A", "a b", "a\\b", "a.b", "a-name-that-is-longer-than-thirty-two"}) {
        BOOST_TEST(endpoint_of(bad, folder).error().code == K2S_E_USAGE);
    }
#ifndef _WIN32
    BOOST_TEST(endpoint_of("default", fs::path("/" + std::string(200, 'x'))).error().code ==
               K2S_E_USAGE);
#endif
}

BOOST_AUTO_TEST_CASE(requests_and_responses) {
    const Place place;
    const auto server = must_start(place);
    auto response = ask(place, "GET", "/state?x=1&y");
    BOOST_TEST(response.status == 200);
    BOOST_TEST(response.body == "GET /state [x=1&y] trusted 0");
    BOOST_TEST(response.content_type == "text/plain");
    BOOST_TEST(ask(place, "POST", "/reload", std::string(60000, 'b')).body ==
               "POST /reload [] trusted 60000");
    BOOST_TEST(ask(place, "GET", "/missing").status == 404);
    BOOST_TEST(ask(place, "GET", "/throw").status == 500);
    BOOST_TEST(ask(place, "GET", "/after").status == 200);
    BOOST_TEST(server.http_port() == 0);
}

BOOST_AUTO_TEST_CASE(large_responses) {
    const Place place;
    const auto server =
        must_start(place, [](const Request &) { return Response{200, std::string(3000000, 'r')}; });
    BOOST_TEST(ask(place, "GET", "/metrics").body.size() == 3000000u);
}

BOOST_AUTO_TEST_CASE(bounds_and_nonsense) {
    const Place place;
    const auto server = must_start(place);
    BOOST_TEST(starts(raw::exchange(place.endpoint, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: "
                                                    "65537\r\n\r\n"),
                      "HTTP/1.1 413"));
    BOOST_TEST(starts(raw::exchange(place.endpoint,
                                    "GET / HTTP/1.1\r\nX: " + std::string(9000, 'h') + "\r\n\r\n"),
                      "HTTP/1.1 431"));
    BOOST_TEST(starts(raw::exchange(place.endpoint, "no http at all\r\n\r\n"), "HTTP/1.1 400"));
    // Half a request: closed after the server's patience, without an answer.
    const auto start = std::chrono::steady_clock::now();
    BOOST_TEST(raw::exchange(place.endpoint, "GET /sta") == "");
    const auto took = std::chrono::steady_clock::now() - start;
    BOOST_TEST((took > 4s && took < 7500ms));
    BOOST_TEST(ask(place, "GET", "/after").status == 200);
}

BOOST_AUTO_TEST_CASE(keep_alive_serves_several) {
    const Place place;
    const auto server = must_start(place);
    const auto text = raw::exchange(
        place.endpoint,
        "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nHEAD /2 HTTP/1.1\r\nHost: x\r\n\r\n" + get("/3", "x"));
    BOOST_TEST(text.find("GET /1 []") != std::string::npos, text);
    BOOST_TEST(text.find("GET /2 []") == std::string::npos, text); // HEAD has no body
    BOOST_TEST(text.find("GET /3 []") != std::string::npos, text);
}

BOOST_AUTO_TEST_CASE(one_change_at_a_time_and_reads_beside_it) {
    const Place place;
    std::atomic<bool> release{false};
    std::atomic<bool> inside{false};
    const auto server = must_start(place, [&](const Request &asked) {
        if (asked.method == "POST") {
            inside = true;
            for (int n = 0; n < 500 && !release; ++n) {
                std::this_thread::sleep_for(10ms);
            }
        }
        return Response{};
    });
    std::jthread first([&] { ask(place, "POST", "/reload"); });
    for (int n = 0; n < 500 && !inside; ++n) {
        std::this_thread::sleep_for(10ms);
    }
    BOOST_TEST(ask(place, "GET", "/healthz").status == 200);
    BOOST_TEST(ask(place, "POST", "/reload").status == 409);
    release = true;
}

BOOST_AUTO_TEST_CASE(a_slow_answer_arrives) {
    const Place place;
    const auto server = must_start(place, [](const Request &) { // longer than a peer may be silent
        std::this_thread::sleep_for(5500ms);
        return Response{200, "late"};
    });
    BOOST_TEST(ask(place, "POST", "/reload").body == "late");
}

BOOST_AUTO_TEST_CASE(many_clients) {
    const Place place;
    const auto server = must_start(place);
    std::atomic<int> good{0};
    {
        std::vector<std::jthread> clients;
        for (int n = 0; n < 8; ++n) {
            clients.emplace_back([&] {
                for (int round = 0; round < 20; ++round) {
                    const auto response = request(place.endpoint, "GET", "/state", {}, 10s);
                    good += response && response->status == 200 ? 1 : 0;
                }
            });
        }
    }
    BOOST_TEST(good == 160);
}

BOOST_AUTO_TEST_CASE(clients_wait_for_their_turn) {
    const Place place;
    const auto server = must_start(place, [](const Request &) {
        std::this_thread::sleep_for(400ms);
        return Response{};
    });
    std::atomic<int> good{0};
    {
        std::vector<std::jthread> clients;
        for (int n = 0; n < 6; ++n) {
            clients.emplace_back([&] {
                const auto response = request(place.endpoint, "GET", "/state", {}, 20s);
                good += response && response->status == 200 ? 1 : 0;
            });
        }
    }
    BOOST_TEST(good == 6);
}

BOOST_AUTO_TEST_CASE(without_a_host) {
    const Place place;
    const auto response = request(place.endpoint, "GET", "/state", {}, 1s);
    BOOST_TEST_REQUIRE(!response);
    BOOST_TEST(response.error().code == K2S_E_NOT_FOUND);
    BOOST_TEST(response.error().message.find("k2s run") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_host_that_does_not_answer) {
    const Place place;
    std::atomic<bool> release{false};
    const auto server = must_start(place, [&](const Request &) {
        for (int n = 0; n < 500 && !release; ++n) {
            std::this_thread::sleep_for(10ms);
        }
        return Response{};
    });
    const auto response = request(place.endpoint, "GET", "/state", {}, 300ms);
    release = true;
    BOOST_TEST_REQUIRE(!response);
    BOOST_TEST(response.error().code == K2S_E_TIMEOUT);
}

BOOST_AUTO_TEST_CASE(only_one_host_per_endpoint) {
    const Place place;
    {
        const auto server = must_start(place);
        const auto second = Server::start({place.endpoint, {}, echo});
        BOOST_TEST_REQUIRE(!second);
        BOOST_TEST(second.error().code == K2S_E_EXISTS, second.error().message);
        BOOST_TEST_MESSAGE(second.error().message);
#ifndef _WIN32
        BOOST_TEST(second.error().message.find(fmt::format("pid {}", ::getpid())) !=
                   std::string::npos);
#endif
        BOOST_TEST(ask(place, "GET", "/state").status == 200); // the first is none the worse for it
    }
    const auto again = must_start(place);
    BOOST_TEST(ask(place, "GET", "/state").status == 200);
}

#ifndef _WIN32
BOOST_AUTO_TEST_CASE(files_in_the_place_of_the_socket) {
    const Place place;
    { // a socket that a dead host left behind
        const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        place.endpoint.native().copy(address.sun_path, sizeof address.sun_path - 1);
        BOOST_TEST(::bind(fd, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0);
        ::close(fd);
    }
    {
        const auto server = must_start(place);
        BOOST_TEST(ask(place, "GET", "/state").status == 200);
        struct stat info{};
        BOOST_TEST(::stat(place.endpoint.c_str(), &info) == 0);
        BOOST_TEST((info.st_mode & 0777) == 0600u);
    }
    BOOST_TEST(!fs::exists(place.endpoint)); // gone with its host
    fs::create_directory(place.endpoint);
    const auto refused = Server::start({place.endpoint, {}, echo});
    BOOST_TEST_REQUIRE(!refused);
    BOOST_TEST(refused.error().code == K2S_E_EXISTS);
}
#endif

BOOST_AUTO_TEST_CASE(loopback_addresses) {
    BOOST_TEST(parse_loopback("127.0.0.1:80")->host == "127.0.0.1");
    BOOST_TEST(parse_loopback("[::1]:9181")->port == 9181);
    BOOST_TEST(parse_loopback("LocalHost:1")->host == "127.0.0.1");
    for (const char *bad : {"0.0.0.0:80", "[::]:80", "192.168.1.1:80", "example.org:80", ":80", "",
                            "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", "127.0.0.1:x", "[::1"}) {
        const auto parsed = parse_loopback(bad);
        BOOST_TEST_REQUIRE(!parsed, bad);
        BOOST_TEST(parsed.error().code == K2S_E_USAGE);
    }
    for (const char *good : {"localhost", "localhost:9181", "127.0.0.1:80", "[::1]", "[::1]:80"}) {
        BOOST_TEST(names_loopback(good), good);
    }
    for (const char *bad : {"", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example",
                            "10.0.0.1", "localhost:", "[::1"}) {
        BOOST_TEST(!names_loopback(bad), bad);
    }
}

BOOST_AUTO_TEST_CASE(http_listener_only_reads) {
    const Place place;
    const auto server = must_start(place, echo, "127.0.0.1:0");
    const auto port = server.http_port();
    BOOST_TEST_REQUIRE(port != 0);
    const auto good = raw::exchange(port, get("/healthz", fmt::format("127.0.0.1:{}", port)));
    BOOST_TEST(starts(good, "HTTP/1.1 200"), good);
    BOOST_TEST(good.find("GET /healthz [] public 0") != std::string::npos, good);
    for (const char *path : {"/readyz", "/metrics", "/state"}) {
        BOOST_TEST(starts(raw::exchange(port, get(path)), "HTTP/1.1 200"), path);
    }
    BOOST_TEST(starts(raw::exchange(port, get("/reload")), "HTTP/1.1 404"));
    BOOST_TEST(starts(raw::exchange(port, get("/state", "evil.example")), "HTTP/1.1 403"));
    for (const char *method : {"POST", "PUT", "DELETE", "OPTIONS"}) {
        const auto refused = raw::exchange(port, get("/state", "localhost", method));
        BOOST_TEST(starts(refused, "HTTP/1.1 405"), refused);
        BOOST_TEST(refused.find("Allow: GET, HEAD") != std::string::npos, refused);
    }
    BOOST_TEST(starts(raw::exchange(port, "GET /state HTTP/1.1\r\n\r\n"), "HTTP/1.1 403"));

    const Place other;
    auto taken = Server::start({other.endpoint, fmt::format("127.0.0.1:{}", port), echo});
    BOOST_TEST_REQUIRE(!taken);
    BOOST_TEST(taken.error().code == K2S_E_EXISTS, taken.error().message);
    auto open_to_all = Server::start({other.endpoint, "0.0.0.0:0", echo});
    BOOST_TEST_REQUIRE(!open_to_all);
    BOOST_TEST(open_to_all.error().code == K2S_E_USAGE);
}

BOOST_AUTO_TEST_CASE(readers_hold_up_no_operator) {
    const Place place;
    const auto server = must_start(place, echo, "127.0.0.1:0");
    boost::asio::io_context context;
    std::vector<boost::asio::ip::tcp::socket> idle;
    for (int n = 0; n < 20; ++n) {
        idle.emplace_back(context).connect(
            {boost::asio::ip::address_v4::loopback(), server.http_port()});
    }
    BOOST_TEST(ask(place, "GET", "/state").status == 200);
}
