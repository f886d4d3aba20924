// SPDX-License-Identifier: MIT
#include "proxy_protocol.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "common/address.hpp"
#include "common/text.hpp"

namespace k2s::l4proxy {
namespace {

using namespace std::string_view_literals;
namespace ip = boost::asio::ip;
using Family = ProxyHeader::Family;
using Status = ProxyParse::Status;

constexpr auto k_signature = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr auto k_word = "PROXY "sv;
constexpr size_t k_v2_head = 16;
constexpr size_t k_unix_path = 108;
constexpr uint8_t k_tlv_crc32c = 0x03;

ProxyParse malformed(std::string_view why) {
    ProxyParse result;
    result.status = Status::malformed;
    result.why = why;
    return result;
}

uint8_t byte_at(std::string_view data, size_t at) noexcept {
    return static_cast<uint8_t>(data[at]);
}

uint16_t number_at(std::string_view data, size_t at) noexcept {
    return static_cast<uint16_t>(byte_at(data, at) << 8 | byte_at(data, at + 1));
}

// Both agree as far as both go.
bool agrees(std::string_view a, std::string_view b) noexcept {
    const size_t common = std::min(a.size(), b.size());
    return a.substr(0, common) == b.substr(0, common);
}

// Version 1

// The next word of a line of words with single spaces between them.
std::string_view next_word(std::string_view &line) noexcept {
    const size_t end = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
    return word;
}

std::optional<uint16_t> parse_port(std::string_view word) noexcept {
    if (word.size() > 1 && word.front() == '0') {
        return std::nullopt;
    }
    return parse_decimal<uint16_t>(word);
}

std::optional<Address> parse_ip(std::string_view word, bool v6) {
    if (word.find('%') != std::string_view::npos) { // a zone means nothing to another host
        return std::nullopt;
    }
    const auto address = parse_address(word);
    return address && address->is_v6() == v6 ? address : std::nullopt;
}

ProxyParse parse_v1_line(std::string_view line) {
    ProxyParse result;
    result.status = Status::complete;
    result.used = line.size() + 2;
    std::string_view rest = line.substr(k_word.size());
    const std::string_view protocol = next_word(rest);
    if (protocol == "UNKNOWN") { // whatever follows is to be ignored
        return result;
    }
    if (std::count(line.begin(), line.end(), ' ') != 5) {
        return malformed("a PROXY line has six words with one space between them");
    }
    const bool v6 = protocol == "TCP6";
    const auto source = parse_ip(next_word(rest), v6);
    const auto destination = parse_ip(next_word(rest), v6);
    if (!source || !destination) {
        return malformed("an address of the PROXY line is not of its family");
    }
    const auto source_port = parse_port(next_word(rest));
    const auto destination_port = parse_port(next_word(rest));
    if (!source_port || !destination_port) {
        return malformed("a port of the PROXY line is no number from 0 to 65535");
    }
    result.header.family = Family::ip;
    result.header.source = {*source, *source_port};
    result.header.destination = {*destination, *destination_port};
    return result;
}

// What can be said about a line whose end has not come yet.
std::string_view problem_of_beginning(std::string_view line) noexcept {
    if (line.size() <= k_word.size()) {
        return {};
    }
    const std::string_view rest = line.substr(k_word.size());
    if (agrees(rest, "UNKNOWN ") || agrees(rest, "UNKNOWN\r")) {
        return {};
    }
    if (!agrees(rest, "TCP4 ") && !agrees(rest, "TCP6 ")) {
        return "the PROXY line names no protocol that exists";
    }
    constexpr size_t k_protocol = 5;
    const std::string_view words = rest.substr(std::min(k_protocol, rest.size()));
    const size_t odd = words.find_first_not_of("0123456789abcdefABCDEF.: ");
    if (odd == std::string_view::npos || (words[odd] == '\r' && odd + 1 == words.size())) {
        return {};
    }
    return "the PROXY line has characters that belong to no address";
}

ProxyParse parse_v1(std::string_view data) {
    const std::string_view bounded = data.substr(0, k_proxy_v1_max);
    const size_t end = bounded.find("\r\n");
    if (const std::string_view problem = problem_of_beginning(
            end == std::string_view::npos ? bounded : bounded.substr(0, end + 1));
        !problem.empty()) {
        return malformed(problem);
    }
    if (end != std::string_view::npos) {
        return parse_v1_line(bounded.substr(0, end));
    }
    if (data.size() >= k_proxy_v1_max) {
        return malformed("the PROXY line is longer than 107 bytes");
    }
    return {};
}

// Version 2

uint32_t crc32c(std::string_view data, uint32_t crc = 0) noexcept {
    static constexpr auto k_table = [] {
        std::array<uint32_t, 256> table{};
        for (uint32_t i = 0; i < 256; ++i) {
            uint32_t value = i;
            for (int bit = 0; bit < 8; ++bit) {
                value = (value >> 1) ^ ((value & 1) != 0 ? 0x82f63b78U : 0U);
            }
            table[i] = value;
        }
        return table;
    }();
    crc = ~crc;
    for (const char c : data) {
        crc = k_table[(crc ^ static_cast<uint8_t>(c)) & 0xff] ^ (crc >> 8);
    }
    return ~crc;
}

// Of a header whose four checksum bytes stand at `at`, which count as zeros.
uint32_t header_checksum(std::string_view header, size_t at) noexcept {
    constexpr auto k_zeros = "\0\0\0\0"sv;
    return crc32c(header.substr(at + 4), crc32c(k_zeros, crc32c(header.substr(0, at))));
}

// Empty when the TLVs from `at` to the end fill the header exactly and its checksum is right.
std::string_view problem_of_tlvs(std::string_view header, size_t at) noexcept {
    bool checked = false;
    while (at < header.size()) {
        if (header.size() - at < 3 || header.size() - at - 3 < number_at(header, at + 1)) {
            return "a TLV of the PROXY header is longer than the header";
        }
        const size_t length = number_at(header, at + 1);
        if (byte_at(header, at) == k_tlv_crc32c) {
            if (length != 4 || checked) {
                return "the PROXY header's checksum is repeated or has not four bytes";
            }
            checked = true;
            const uint32_t told =
                static_cast<uint32_t>(number_at(header, at + 3)) << 16 | number_at(header, at + 5);
            if (told != header_checksum(header, at + 3)) {
                return "the PROXY header's checksum is wrong";
            }
        }
        at += 3 + length;
    }
    return {};
}

Address address_at(std::string_view data, size_t at, bool v6) {
    if (v6) {
        ip::address_v6::bytes_type bytes;
        std::memcpy(bytes.data(), data.data() + at, bytes.size());
        return ip::address_v6(bytes);
    }
    ip::address_v4::bytes_type bytes;
    std::memcpy(bytes.data(), data.data() + at, bytes.size());
    return ip::address_v4(bytes);
}

// A name's end is its last byte that is not NUL: abstract names begin with one.
std::string path_at(std::string_view data, size_t at) {
    const std::string_view field = data.substr(at, k_unix_path);
    const size_t last = field.find_last_not_of('\0');
    return std::string(field.substr(0, last == std::string_view::npos ? 0 : last + 1));
}

size_t address_bytes(uint8_t family) noexcept {
    constexpr std::array<size_t, 4> k_sizes{0, 12, 36, 2 * k_unix_path};
    return k_sizes[family];
}

ProxyParse parse_v2(std::string_view data) {
    if (data.size() <= k_signature.size()) {
        return {};
    }
    const uint8_t version_and_command = byte_at(data, 12);
    if (version_and_command != 0x20 && version_and_command != 0x21) {
        return malformed("the PROXY header's version or command does not exist");
    }
    const bool local = version_and_command == 0x20;
    if (data.size() < 14) {
        return {};
    }
    const uint8_t family = byte_at(data, 13) >> 4;
    const uint8_t protocol = byte_at(data, 13) & 0x0f;
    const bool known =
        byte_at(data, 13) == 0 || (family >= 1 && family <= 3 && protocol >= 1 && protocol <= 2);
    if (!local && !known) {
        return malformed("the PROXY header's address family or protocol does not exist");
    }
    if (data.size() < 15) {
        return {};
    }
    if (byte_at(data, 14) > (k_proxy_v2_max >> 8)) {
        return malformed("the PROXY header is longer than 4096 bytes");
    }
    if (data.size() < k_v2_head) {
        return {};
    }
    const size_t size = k_v2_head + number_at(data, 14);
    if (size > k_proxy_v2_max) {
        return malformed("the PROXY header is longer than 4096 bytes");
    }
    if (!local && size < k_v2_head + address_bytes(family)) {
        return malformed("the PROXY header is too short for its addresses");
    }
    if (data.size() < size) {
        return {};
    }
    ProxyParse result;
    result.version = ProxyVersion::v2;
    result.status = Status::complete;
    result.used = size;
    if (local) { // everything but the length is to be ignored
        return result;
    }
    const std::string_view whole = data.substr(0, size);
    if (const auto problem = problem_of_tlvs(whole, k_v2_head + address_bytes(family));
        !problem.empty()) {
        return malformed(problem);
    }
    result.header.datagram = protocol == 2;
    if (family == 1 || family == 2) {
        const size_t each = family == 1 ? 4 : 16;
        const size_t ports = k_v2_head + 2 * each;
        result.header.family = Family::ip;
        result.header.source = {address_at(whole, k_v2_head, family == 2), number_at(whole, ports)};
        result.header.destination = {address_at(whole, k_v2_head + each, family == 2),
                                     number_at(whole, ports + 2)};
    } else if (family == 3) {
        result.header.family = Family::unix_socket;
        result.header.source_path = path_at(whole, k_v2_head);
        result.header.destination_path = path_at(whole, k_v2_head + k_unix_path);
    }
    return result;
}

// Writing

ip::address_v6 as_v6(const Address &address) {
    return address.is_v6() ? address.to_v6() : ip::make_address_v6(ip::v4_mapped, address.to_v4());
}

// Both of one family: IPv4 where possible.
struct Pair {
    Address source;
    Address destination;
    explicit Pair(const ProxyHeader &header)
        : source(unmapped(header.source.address())),
          destination(unmapped(header.destination.address())) {
        if (source.is_v4() && destination.is_v4()) {
            return;
        }
        // Without zones, which mean nothing to another host.
        source = ip::address_v6(as_v6(source).to_bytes());
        destination = ip::address_v6(as_v6(destination).to_bytes());
    }
};

std::string write_v1(const ProxyHeader &header) {
    if (header.family != Family::ip || header.datagram) {
        return "PROXY UNKNOWN\r\n";
    }
    const Pair pair(header);
    std::string out = pair.source.is_v4() ? "PROXY TCP4 " : "PROXY TCP6 ";
    out += pair.source.to_string() + ' ' + pair.destination.to_string() + ' ';
    out += std::to_string(header.source.port()) + ' ' + std::to_string(header.destination.port());
    out += "\r\n";
    return out;
}

void append_number(std::string &out, uint16_t number) {
    out += static_cast<char>(number >> 8);
    out += static_cast<char>(number & 0xff);
}

void append_address(std::string &out, const Address &address) {
    const auto append = [&out](const auto &bytes) { out.append(bytes.begin(), bytes.end()); };
    if (address.is_v4()) {
        append(address.to_v4().to_bytes());
    } else {
        append(address.to_v6().to_bytes());
    }
}

void append_path(std::string &out, const std::string &path) {
    const size_t used = std::min(path.size(), k_unix_path);
    out.append(path, 0, used);
    out.append(k_unix_path - used, '\0');
}

std::string write_v2(const ProxyHeader &header, bool checksum) {
    std::string out(k_signature);
    out += header.family == Family::none ? '\x20' : '\x21';
    const char protocol = header.datagram ? 2 : 1;
    switch (header.family) {
    case Family::none:
        out.append(3, '\0');
        break;
    case Family::ip: {
        const Pair pair(header);
        out += static_cast<char>((pair.source.is_v4() ? 0x10 : 0x20) | protocol);
        out.append(2, '\0');
        append_address(out, pair.source);
        append_address(out, pair.destination);
        append_number(out, header.source.port());
        append_number(out, header.destination.port());
        break;
    }
    case Family::unix_socket:
        out += static_cast<char>(0x30 | protocol);
        out.append(2, '\0');
        append_path(out, header.source_path);
        append_path(out, header.destination_path);
        break;
    }
    if (checksum) {
        out += static_cast<char>(k_tlv_crc32c);
        append_number(out, 4);
        out.append(4, '\0');
    }
    const size_t length = out.size() - k_v2_head;
    out[14] = static_cast<char>(length >> 8);
    out[15] = static_cast<char>(length & 0xff);
    if (checksum) {
        const uint32_t sum = header_checksum(out, out.size() - 4);
        out.resize(out.size() - 4);
        append_number(out, static_cast<uint16_t>(sum >> 16));
        append_number(out, static_cast<uint16_t>(sum & 0xffff));
    }
    return out;
}

} // namespace

ProxyParse parse_proxy_header(std::string_view data) {
    if (data.empty()) {
        return {};
    }
    if (agrees(data, k_signature)) {
        return parse_v2(data);
    }
    if (agrees(data, k_word)) {
        return parse_v1(data);
    }
    return malformed("it does not begin with a PROXY header");
}

std::string write_proxy_header(const ProxyHeader &header, ProxyVersion version, bool checksum) {
    return version == ProxyVersion::v1 ? write_v1(header) : write_v2(header, checksum);
}

Task<std::expected<ProxyHeader, std::string>>
read_proxy_header(dataplane::Stream &stream, dataplane::Buffer &in, dataplane::Watchdog &watchdog,
                  dataplane::Clock::duration timeout) {
    watchdog.arm(timeout);
    for (;;) {
        ProxyParse parsed = parse_proxy_header(in.view());
        if (parsed.status == Status::malformed) {
            co_return std::unexpected(std::string(parsed.why));
        }
        if (parsed.status == Status::complete) {
            in.consume(parsed.used);
            co_return std::move(parsed.header);
        }
        // An incomplete header is shorter than k_small, so there is always room.
        const auto room = in.prepare(dataplane::Buffer::k_small);
        const dataplane::IoResult got = co_await stream.read_some(room);
        if (got.ec) {
            std::string problem = watchdog.expired() ? "no complete PROXY header came in time"
                                  : got.ec == dataplane::net::error::eof
                                      ? "the connection ended before its PROXY header did"
                                      : "reading the PROXY header failed: " + got.ec.message();
            co_return std::unexpected(std::move(problem));
        }
        in.commit(got.bytes);
    }
}

} // namespace k2s::l4proxy
