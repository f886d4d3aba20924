// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include <optional>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/write.hpp>

#include "l4proxy/proxy_protocol.hpp"

using namespace k2s::l4proxy;
using namespace std::string_literals;
using namespace std::chrono_literals;
namespace dataplane = k2s::dataplane;
namespace net = boost::asio;
using Status = ProxyParse::Status;

namespace {

const std::string k_signature = "\r\n\r\n\0\r\nQUIT\n"s;

Endpoint endpoint(const char *address, uint16_t port) {
    return {net::ip::make_address(address), port};
}

ProxyHeader ip_header(const char *from, uint16_t from_port, const char *to, uint16_t to_port) {
    ProxyHeader header;
    header.family = ProxyHeader::Family::ip;
    header.source = endpoint(from, from_port);
    header.destination = endpoint(to, to_port);
    return header;
}

ProxyHeader unix_header(std::string from, std::string to) {
    ProxyHeader header;
    header.family = ProxyHeader::Family::unix_socket;
    header.source_path = std::move(from);
    header.destination_path = std::move(to);
    return header;
}

// Version 2 with any bytes; `length` of -1 is the right one.
std::string v2(uint8_t command, uint8_t family, const std::string &rest, int length = -1) {
    const size_t told = length < 0 ? rest.size() : static_cast<size_t>(length);
    std::string out = k_signature;
    out += static_cast<char>(command);
    out += static_cast<char>(family);
    out += static_cast<char>(told >> 8);
    out += static_cast<char>(told & 0xff);
    return out + rest;
}

const std::string k_ipv4 = "\x0a\x01\x02\x03\x0a\x00\x00\x09\x30\x39\x00\x50"s;

std::vector<std::string> valid_headers() {
    const ProxyHeader four = ip_header("10.1.2.3", 12345, "10.0.0.9", 80);
    const ProxyHeader six = ip_header("2001:db8::1", 1, "2001:db8::ffff", 65535);
    ProxyHeader datagram = four;
    datagram.datagram = true;
    return {
        "PROXY TCP4 10.1.2.3 10.0.0.9 12345 80\r\n",
        "PROXY TCP6 2001:db8::1 ::ffff:10.0.0.9 1 65535\r\n",
        "PROXY UNKNOWN\r\n",
        "PROXY UNKNOWN ffff:f...f:ffff ffff 65535 65535\r\n",
        write_proxy_header({}, ProxyVersion::v2),
        write_proxy_header(four, ProxyVersion::v2),
        write_proxy_header(four, ProxyVersion::v2, true),
        write_proxy_header(datagram, ProxyVersion::v2),
        write_proxy_header(six, ProxyVersion::v2, true),
        write_proxy_header(unix_header("/run/a", "\0abstract"s), ProxyVersion::v2, true),
        v2(0x21, 0x11, k_ipv4 + "\x04\x00\x00\x01\x00\x02h2"s),
        v2(0x21, 0x00, "\x04\x00\x01x"s),
        v2(0x20, 0xff, "anything"),
    };
}

} // namespace

BOOST_AUTO_TEST_SUITE(proxy_protocol)

BOOST_AUTO_TEST_CASE(version_1_is_read) {
    const std::string line = "PROXY TCP4 10.1.2.3 10.0.0.9 12345 80\r\n";
    const ProxyParse parsed = parse_proxy_header(line + "GET / HTTP/1.1");
    BOOST_REQUIRE(parsed.status == Status::complete);
    BOOST_CHECK_EQUAL(parsed.used, line.size());
    BOOST_CHECK(parsed.header == ip_header("10.1.2.3", 12345, "10.0.0.9", 80));
    BOOST_CHECK(parsed.version == ProxyVersion::v1);

    const ProxyParse six = parse_proxy_header("PROXY TCP6 ::1 2001:DB8::2 0 65535\r\n");
    BOOST_REQUIRE(six.status == Status::complete);
    BOOST_CHECK(six.header == ip_header("::1", 0, "2001:db8::2", 65535));

    const ProxyParse unknown = parse_proxy_header("PROXY UNKNOWN what \r ever\r\n");
    BOOST_REQUIRE(unknown.status == Status::complete);
    BOOST_CHECK(unknown.header == ProxyHeader{});
}

BOOST_AUTO_TEST_CASE(version_1_malformed) {
    const std::string longest = "PROXY UNKNOWN " + std::string(107 - 16, 'x') + "\r\n";
    BOOST_REQUIRE_EQUAL(longest.size(), 107U);
    BOOST_CHECK(parse_proxy_header(longest).status == Status::complete);
    const std::string cases[] = {
        "PROXY UNKNOWN " + std::string(108 - 16, 'x') + "\r\n",
        "PROXY TCP4 10.1.2.3 10.0.0.9 12345\r\n",
        "PROXY TCP4 10.1.2.3 10.0.0.9 12345 80 \r\n",
        "PROXY TCP4 10.1.2.3 10.0.0.9 12345  80\r\n",
        "PROXY TCP4  10.1.2.3 10.0.0.9 12345 80\r\n",
        "PROXY  TCP4 10.1.2.3 10.0.0.9 12345 80\r\n",
        "PROXY TCP4 10.1.2.3 10.0.0.9 12345 80\n",
        "PROXY TCP4 10.1.2.3 10.0.0.9 12345 80\rx",
        "PROXY TCP4\t10.1.2.3 10.0.0.9 12345 80\r\n",
        "PROXY TCP4 ::1 ::2 1 2\r\n",
        "PROXY TCP6 10.1.2.3 10.0.0.9 1 2\r\n",
        "PROXY TCP6 fe80::1%1 ::1 1 2\r\n",
        "PROXY TCP6 [::1] ::1 1 2\r\n",
        "PROXY TCP4 10.1.2 10.0.0.9 1 2\r\n",
        "PROXY TCP4 010.1.2.3 10.0.0.9 1 2\r\n",
        "PROXY TCP4 10.1.2.256 10.0.0.9 1 2\r\n",
        "PROXY TCP4 10.1.2.3 10.0.0.9 65536 2\r\n",
        "PROXY TCP4 10.1.2.3 10.0.0.9 01 2\r\n",
        "PROXY TCP4 10.1.2.3 10.0.0.9 -1 2\r\n",
        "PROXY TCP4 10.1.2.3 10.0.0.9 1 2x\r\n",
        "PROXY TCP4 10.1.2.3\0 10.0.0.9 1 2\r\n"s,
        "PROXY TCP5 10.1.2.3 10.0.0.9 1 2\r\n",
        "PROXY UNKNOWNX\r\n",
        "PROXY \r\n",
        "PROXY\r\n",
        "proxy TCP4 10.1.2.3 10.0.0.9 1 2\r\n",
        " PROXY UNKNOWN\r\n",
        "GET / HTTP/1.1\r\n",
        "\r\n",
        "\0"s,
    };
    for (const std::string &text : cases) {
        const ProxyParse parsed = parse_proxy_header(text);
        const bool never_complete = parsed.status == Status::malformed ||
                                    (text == "\r\n" && parsed.status == Status::incomplete);
        BOOST_CHECK_MESSAGE(never_complete, text);
        BOOST_CHECK(parsed.status != Status::malformed || !parsed.why.empty());
    }
}

BOOST_AUTO_TEST_CASE(noise_is_refused_at_its_first_bytes) {
    for (const auto &text :
         {"G"s, "\x16"s, "PROXX"s, "PROXY TCP7"s, "PROXY TCP4 x"s, "\r\n\r\n\r"s,
          k_signature + "\x11", k_signature + "\x22", k_signature + "\x21\x41",
          k_signature + "\x21\x10", k_signature + "\x21\x01", k_signature + "\x21\x13",
          k_signature + "\x21\x11\x11", v2(0x21, 0x11, "", 11)}) {
        BOOST_CHECK_MESSAGE(parse_proxy_header(text).status == Status::malformed, text);
        const std::string shorter = text.substr(0, text.size() - 1);
        BOOST_CHECK_MESSAGE(parse_proxy_header(shorter).status == Status::incomplete, shorter);
    }
}

BOOST_AUTO_TEST_CASE(version_2_is_read) {
    const std::string header = v2(0x21, 0x11, k_ipv4);
    const ProxyParse parsed = parse_proxy_header(header + "more");
    BOOST_REQUIRE(parsed.status == Status::complete);
    BOOST_CHECK_EQUAL(parsed.used, header.size());
    BOOST_CHECK(parsed.header == ip_header("10.1.2.3", 12345, "10.0.0.9", 80));
    BOOST_CHECK(parsed.version == ProxyVersion::v2);

    const ProxyParse udp = parse_proxy_header(v2(0x21, 0x12, k_ipv4));
    BOOST_REQUIRE(udp.status == Status::complete);
    BOOST_CHECK(udp.header.datagram);

    // LOCAL: whatever stands there is skipped.
    const ProxyParse local = parse_proxy_header(v2(0x20, 0xff, std::string(300, '\xee')));
    BOOST_REQUIRE(local.status == Status::complete);
    BOOST_CHECK_EQUAL(local.used, 316U);
    BOOST_CHECK(local.header == ProxyHeader{});
}

BOOST_AUTO_TEST_CASE(version_2_has_a_bound) {
    std::string tlv = "\xe0"s;
    const size_t room = k_proxy_v2_max - 16 - k_ipv4.size() - 3;
    tlv += static_cast<char>(room >> 8);
    tlv += static_cast<char>(room & 0xff);
    const std::string largest = v2(0x21, 0x11, k_ipv4 + tlv + std::string(room, 'x'));
    BOOST_REQUIRE_EQUAL(largest.size(), k_proxy_v2_max);
    BOOST_CHECK(parse_proxy_header(largest).status == Status::complete);
    BOOST_CHECK(parse_proxy_header(v2(0x20, 0, "", k_proxy_v2_max - 15)).status ==
                Status::malformed);
    BOOST_CHECK(parse_proxy_header(v2(0x20, 0, "", 0xffff)).status == Status::malformed);
}

BOOST_AUTO_TEST_CASE(tlvs_fill_the_header) {
    const std::string good[] = {""s, "\x01\x00\x00"s, "\x04\x00\x01x\x20\x00\x02yz"s};
    const std::string bad[] = {"\x01"s,          "\x01\x00"s,       "\x01\x00\x01"s,
                               "\x01\x00\x02x"s, "\x04\x00\x01xy"s, "\x01\xff\xff"s};
    for (const std::string &tlvs : good) {
        BOOST_CHECK(parse_proxy_header(v2(0x21, 0x11, k_ipv4 + tlvs)).status == Status::complete);
        BOOST_CHECK(parse_proxy_header(v2(0x21, 0x00, tlvs)).status == Status::complete);
    }
    for (const std::string &tlvs : bad) {
        BOOST_CHECK(parse_proxy_header(v2(0x21, 0x11, k_ipv4 + tlvs)).status == Status::malformed);
        BOOST_CHECK(parse_proxy_header(v2(0x21, 0x00, tlvs)).status == Status::malformed);
    }
}

BOOST_AUTO_TEST_CASE(a_checksum_is_verified) {
    const std::string header =
        write_proxy_header(ip_header("10.1.2.3", 1, "10.0.0.9", 2), ProxyVersion::v2, true);
    BOOST_REQUIRE(parse_proxy_header(header).status == Status::complete);
    for (size_t i = 16; i < header.size(); ++i) {
        for (int bit = 0; bit < 8; ++bit) {
            std::string changed = header;
            changed[i] = static_cast<char>(changed[i] ^ (1 << bit));
            // Another type of TLV makes it a header without a checksum; all else must be noticed.
            if (i != header.size() - 7) {
                BOOST_CHECK(parse_proxy_header(changed).status == Status::malformed);
            }
        }
    }
    const std::string tlv = "\x03\x00\x04\x00\x00\x00\x00"s;
    BOOST_CHECK(parse_proxy_header(v2(0x21, 0x11, k_ipv4 + tlv)).status == Status::malformed);
    BOOST_CHECK(parse_proxy_header(v2(0x21, 0x11, k_ipv4 + "\x03\x00\x00"s)).status ==
                Status::malformed);
    // As another implementation computes it: CRC-32C (Castagnoli), reflected, of the whole header.
    BOOST_CHECK(
        parse_proxy_header(v2(0x21, 0x11, k_ipv4 + "\x03\x00\x04\x8b\xc3\x6b\xda"s)).status ==
        Status::complete);
}

BOOST_AUTO_TEST_CASE(every_shorter_piece_is_incomplete) {
    for (const std::string &header : valid_headers()) {
        for (size_t size = 0; size < header.size(); ++size) {
            BOOST_CHECK(parse_proxy_header(header.substr(0, size)).status == Status::incomplete);
        }
        const ProxyParse whole = parse_proxy_header(header);
        BOOST_REQUIRE(whole.status == Status::complete);
        BOOST_CHECK_EQUAL(whole.used, header.size());
    }
}

// With every byte changed to every value the answer is never wrong: what is still a header says
// what its bytes say, and telling it again gives the same.
BOOST_AUTO_TEST_CASE(every_byte_counts) {
    for (const std::string &header : valid_headers()) {
        unsigned refused = 0;
        for (size_t at = 0; at < header.size(); ++at) {
            for (int value = 0; value < 256; ++value) {
                std::string changed = header;
                changed[at] = static_cast<char>(value);
                const ProxyParse parsed = parse_proxy_header(changed);
                refused += parsed.status == Status::malformed;
                if (parsed.status != Status::complete) {
                    continue;
                }
                BOOST_REQUIRE(parsed.used <= changed.size());
                const ProxyParse again =
                    parse_proxy_header(write_proxy_header(parsed.header, ProxyVersion::v2));
                BOOST_REQUIRE(again.status == Status::complete);
                const auto mapped = [](const Endpoint &end) {
                    return end.address().is_v6() && end.address().to_v6().is_v4_mapped();
                };
                if (!mapped(parsed.header.source) && !mapped(parsed.header.destination)) {
                    BOOST_REQUIRE(again.header == parsed.header);
                }
            }
        }
        BOOST_CHECK(refused > 6 * 255); // the signature alone
    }
}

BOOST_AUTO_TEST_CASE(writing) {
    BOOST_CHECK_EQUAL(
        write_proxy_header(ip_header("10.1.2.3", 12345, "10.0.0.9", 80), ProxyVersion::v1),
        "PROXY TCP4 10.1.2.3 10.0.0.9 12345 80\r\n");
    BOOST_CHECK_EQUAL(write_proxy_header(ip_header("2001:db8::1", 1, "::1", 80), ProxyVersion::v1),
                      "PROXY TCP6 2001:db8::1 ::1 1 80\r\n");
    // Dual-stack listeners see IPv4 clients as mapped addresses.
    BOOST_CHECK_EQUAL(
        write_proxy_header(ip_header("::ffff:10.1.2.3", 1, "::ffff:10.0.0.9", 2), ProxyVersion::v1),
        "PROXY TCP4 10.1.2.3 10.0.0.9 1 2\r\n");
    BOOST_CHECK_EQUAL(
        write_proxy_header(ip_header("10.1.2.3", 1, "2001:db8::1", 2), ProxyVersion::v1),
        "PROXY TCP6 ::ffff:10.1.2.3 2001:db8::1 1 2\r\n");
    BOOST_CHECK_EQUAL(write_proxy_header({}, ProxyVersion::v1), "PROXY UNKNOWN\r\n");
    BOOST_CHECK_EQUAL(write_proxy_header(unix_header("/a", "/b"), ProxyVersion::v1),
                      "PROXY UNKNOWN\r\n");
    BOOST_CHECK_EQUAL(write_proxy_header({}, ProxyVersion::v2), v2(0x20, 0, ""));
    BOOST_CHECK_EQUAL(
        write_proxy_header(ip_header("10.1.2.3", 12345, "10.0.0.9", 80), ProxyVersion::v2),
        v2(0x21, 0x11, k_ipv4));
    ProxyHeader zoned = ip_header("::1", 1, "::2", 2);
    zoned.source.address(net::ip::address_v6(net::ip::make_address_v6("fe80::1").to_bytes(), 7));
    BOOST_CHECK_EQUAL(write_proxy_header(zoned, ProxyVersion::v1),
                      "PROXY TCP6 fe80::1 ::2 1 2\r\n");
    const std::string long_path(200, 'p');
    const ProxyParse cut =
        parse_proxy_header(write_proxy_header(unix_header(long_path, ""), ProxyVersion::v2, true));
    BOOST_REQUIRE(cut.status == Status::complete);
    BOOST_CHECK_EQUAL(cut.header.source_path, long_path.substr(0, 108));
    BOOST_CHECK_EQUAL(cut.header.destination_path, "");
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

// read_proxy_header on one end of a TCP connection, the test on the other.
struct Reading {
    net::io_context io{1};
    dataplane::CoarseClock clock{dataplane::Clock::now(), 0ms};
    dataplane::Watchdog watchdog{clock};
    dataplane::Buffer in;
    net::ip::tcp::socket client{io};
    std::unique_ptr<dataplane::PlainStream> stream;
    std::optional<std::expected<ProxyHeader, std::string>> result;

    Reading() {
        net::ip::tcp::acceptor acceptor(io, {net::ip::address_v4::loopback(), 0});
        client.connect(acceptor.local_endpoint());
        net::basic_stream_socket<net::ip::tcp, dataplane::Executor> server(io);
        acceptor.accept(server);
        stream = std::make_unique<dataplane::PlainStream>(dataplane::Socket(std::move(server)));
        watchdog.client = stream.get();
        net::co_spawn(io.get_executor(), read_proxy_header(*stream, in, watchdog, 1h),
                      [this](std::exception_ptr, std::expected<ProxyHeader, std::string> got) {
                          result = std::move(got);
                      });
    }
    void send(const std::string &bytes) { net::write(client, net::buffer(bytes)); }
    void step() {
        io.restart();
        io.run_for(20ms);
    }
    void finish() {
        io.restart();
        io.run_for(5s); // ends as soon as nothing is awaited
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(reading_proxy_headers)

BOOST_AUTO_TEST_CASE(byte_by_byte) {
    Reading reading;
    const std::string header =
        write_proxy_header(ip_header("10.1.2.3", 1, "10.0.0.9", 2), ProxyVersion::v2, true);
    reading.client.set_option(net::ip::tcp::no_delay(true));
    for (const char c : header.substr(0, header.size() - 1)) {
        reading.send(std::string(1, c));
        reading.io.restart();
        reading.io.run_one_for(50ms);
    }
    BOOST_CHECK(!reading.result);
    reading.send(header.substr(header.size() - 1) + "and what follows");
    reading.finish();
    BOOST_REQUIRE(reading.result && *reading.result);
    BOOST_CHECK(**reading.result == ip_header("10.1.2.3", 1, "10.0.0.9", 2));
    BOOST_CHECK(std::string("and what follows").starts_with(reading.in.view()));
}

BOOST_AUTO_TEST_CASE(what_follows_stays) {
    Reading reading;
    reading.send("PROXY UNKNOWN\r\nHello");
    reading.finish();
    BOOST_REQUIRE(reading.result && *reading.result);
    BOOST_CHECK_EQUAL(reading.in.view(), "Hello");
}

BOOST_AUTO_TEST_CASE(endings) {
    {
        Reading reading;
        reading.send("PROXY TCP4 10.1.");
        reading.client.shutdown(net::ip::tcp::socket::shutdown_send);
        reading.finish();
        BOOST_REQUIRE(reading.result && !*reading.result);
        BOOST_CHECK_EQUAL(reading.result->error(),
                          "the connection ended before its PROXY header did");
    }
    {
        Reading reading;
        reading.send("GET / HTTP/1.1\r\n");
        reading.finish();
        BOOST_REQUIRE(reading.result && !*reading.result);
        BOOST_CHECK_EQUAL(reading.result->error(), "it does not begin with a PROXY header");
    }
    {
        Reading reading;
        reading.send("PROXY ");
        reading.step();
        reading.watchdog.check(dataplane::Clock::now() + 2h);
        reading.finish();
        BOOST_REQUIRE(reading.result && !*reading.result);
        BOOST_CHECK_EQUAL(reading.result->error(), "no complete PROXY header came in time");
    }
}

BOOST_AUTO_TEST_SUITE_END()
