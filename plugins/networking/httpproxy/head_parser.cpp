// SPDX-License-Identifier: MIT
#include "head_parser.hpp"

#include <array>
#include <cstring>

#include "common/text.hpp"
#include "vocabulary.hpp"

namespace k2s::httpproxy {
namespace {

constexpr uint8_t k_token = 1;  // tchar, RFC 9110 5.6.2
constexpr uint8_t k_value = 2;  // field-value: VCHAR, obs-text, SP, HTAB
constexpr uint8_t k_target = 4; // VCHAR and bytes above 0x7f, which browsers send unescaped

constexpr auto k_classes = [] {
    std::array<uint8_t, 256> table{};
    for (unsigned c = 0; c < 256; ++c) {
        if (c == '\t' || c == ' ' || (c > 0x20 && c != 0x7f)) {
            table[c] |= k_value;
        }
        if (c > 0x20 && c != 0x7f) {
            table[c] |= k_target;
        }
        if (c < 0x80 && ascii_alnum(static_cast<char>(c))) {
            table[c] |= k_token;
        }
    }
    for (const char c : std::string_view("!#$%&'*+-.^_`|~")) {
        table[static_cast<unsigned char>(c)] |= k_token;
    }
    return table;
}();

bool all_of(std::string_view text, uint8_t wanted) noexcept {
    for (const char c : text) {
        if ((k_classes[static_cast<unsigned char>(c)] & wanted) == 0) {
            return false;
        }
    }
    return true;
}

FieldId identify(std::string_view name) noexcept {
    const auto is = [name](std::string_view known) { return iequals(name, known); };
    switch (name.size()) {
    case 2:
        return is("TE") ? FieldId::te : FieldId::other;
    case 3:
        return is("Via") ? FieldId::via : FieldId::other;
    case 4:
        return is("Host") ? FieldId::host : FieldId::other;
    case 6:
        return is("Expect") ? FieldId::expect : FieldId::other;
    case 7:
        return is("Upgrade") ? FieldId::upgrade : is("Trailer") ? FieldId::trailer : FieldId::other;
    case 10:
        return is("Connection")   ? FieldId::connection
               : is("Keep-Alive") ? FieldId::keep_alive
                                  : FieldId::other;
    case 12:
        return is("Max-Forwards") ? FieldId::max_forwards : FieldId::other;
    case 14:
        return is("Content-Length")   ? FieldId::content_length
               : is("HTTP2-Settings") ? FieldId::http2_settings
                                      : FieldId::other;
    case 16:
        return is("Proxy-Connection") ? FieldId::proxy_connection : FieldId::other;
    case 17:
        return is("Transfer-Encoding") ? FieldId::transfer_encoding : FieldId::other;
    case 18:
        return is("Proxy-Authenticate") ? FieldId::proxy_authenticate : FieldId::other;
    case 19:
        return is("Proxy-Authorization") ? FieldId::proxy_authorization : FieldId::other;
    case 25:
        return is("Proxy-Authentication-Info") ? FieldId::proxy_authentication_info
                                               : FieldId::other;
    default:
        return FieldId::other;
    }
}

// A short class for the first byte lets a TLS hello or other noise fail at once instead of waiting
// for an end of line that never comes.
bool may_start(std::string_view data) noexcept {
    return data.empty() || data.front() == '\r' ||
           (k_classes[static_cast<unsigned char>(data.front())] & k_token) != 0;
}

HeadStatus parse_version(std::string_view text, unsigned &minor) noexcept {
    if (text.size() != 8 || text.substr(0, 5) != "HTTP/" || !ascii_digit(text[5]) ||
        text[6] != '.' || !ascii_digit(text[7])) {
        return HeadStatus::bad_version;
    }
    if (text[5] != '1') {
        return HeadStatus::unsupported_version;
    }
    minor = text[7] == '0' ? 0 : 1;
    return HeadStatus::complete;
}

} // namespace

std::string_view describe(HeadStatus status) noexcept {
    switch (status) {
    case HeadStatus::complete:
        return "complete";
    case HeadStatus::incomplete:
        return "the head is incomplete";
    case HeadStatus::bare_line_feed:
        return "a line ends with LF instead of CRLF";
    case HeadStatus::bare_carriage_return:
        return "a CR that does not end a line";
    case HeadStatus::bad_start_line:
        return "the first line is malformed";
    case HeadStatus::bad_method:
        return "the method is not a token";
    case HeadStatus::bad_target:
        return "the request target has forbidden characters";
    case HeadStatus::bad_version:
        return "the HTTP version is malformed";
    case HeadStatus::unsupported_version:
        return "only HTTP/1.0 and HTTP/1.1 are spoken here";
    case HeadStatus::bad_status_code:
        return "the status code is malformed";
    case HeadStatus::bad_field_name:
        return "a header name is empty or has forbidden characters";
    case HeadStatus::bad_field_value:
        return "a header value has control characters";
    case HeadStatus::line_folding:
        return "folded header lines are obsolete and refused";
    case HeadStatus::space_before_colon:
        return "white space before the colon of a header";
    case HeadStatus::bad_content_length:
        return "Content-Length is not a decimal number";
    case HeadStatus::repeated_content_length:
        return "more than one Content-Length";
    case HeadStatus::bad_transfer_encoding:
        return "Transfer-Encoding other than exactly chunked";
    case HeadStatus::conflicting_framing:
        return "Transfer-Encoding together with Content-Length";
    case HeadStatus::host_missing:
        return "an HTTP/1.1 request needs a Host header";
    case HeadStatus::host_repeated:
        return "more than one Host header";
    case HeadStatus::target_too_long:
        return "the request target is too long";
    case HeadStatus::head_too_large:
        return "the header section is too large";
    }
    return "malformed";
}

void HeadParser::reset() noexcept {
    fields_.clear();
    named_.clear();
    method_ = target_ = reason_ = upgrade_ = {};
    size_ = 0;
    content_length_ = 0;
    status_code_ = 0;
    minor_ = 1;
    hosts_ = 0;
    chunked_ = has_transfer_encoding_ = has_content_length_ = ambiguous_length_ = false;
    connection_close_ = connection_keep_alive_ = connection_upgrade_ = expect_continue_ = false;
}

HeadStatus HeadParser::parse_request(std::string_view data, const HeadLimits &limits) {
    return parse(data, limits, Kind::request);
}

HeadStatus HeadParser::parse_response(std::string_view data, const HeadLimits &limits) {
    return parse(data, limits, Kind::response);
}

HeadStatus HeadParser::parse_trailers(std::string_view data, const HeadLimits &limits) {
    return parse(data, limits, Kind::trailers);
}

HeadStatus HeadParser::parse(std::string_view data, const HeadLimits &limits, Kind kind) {
    reset();
    size_t at = 0;
    bool start_line = kind != Kind::trailers;
    if (start_line) {
        if (!may_start(data)) {
            return kind == Kind::request ? HeadStatus::bad_method : HeadStatus::bad_start_line;
        }
        // RFC 9112 2.2: one empty line before a request line is forgiven.
        if (kind == Kind::request && data.starts_with("\r\n")) {
            at = 2;
        }
    }
    for (;;) {
        const char *line_begin = data.data() + at;
        const void *found =
            data.size() > at ? std::memchr(line_begin, '\n', data.size() - at) : nullptr;
        if (found == nullptr) {
            if (data.size() >= limits.head_bytes) {
                return start_line ? HeadStatus::target_too_long : HeadStatus::head_too_large;
            }
            // 32: a method and the version beside the longest target.
            if (start_line && data.size() - at > limits.target_bytes + 32) {
                return HeadStatus::target_too_long;
            }
            return HeadStatus::incomplete;
        }
        const size_t length = static_cast<size_t>(static_cast<const char *>(found) - line_begin);
        if (length == 0 || line_begin[length - 1] != '\r') {
            return HeadStatus::bare_line_feed;
        }
        const std::string_view line(line_begin, length - 1);
        at += length + 1;
        if (at > limits.head_bytes) {
            return start_line ? HeadStatus::target_too_long : HeadStatus::head_too_large;
        }
        if (std::memchr(line.data(), '\r', line.size()) != nullptr) {
            return HeadStatus::bare_carriage_return;
        }
        HeadStatus status = HeadStatus::complete;
        if (start_line) {
            status =
                kind == Kind::request ? parse_request_line(line, limits) : parse_status_line(line);
            start_line = false;
        } else if (line.empty()) {
            size_ = at;
            return finish(kind);
        } else {
            if (fields_.size() >= limits.fields) {
                return HeadStatus::head_too_large;
            }
            status = parse_field(line);
            if (status == HeadStatus::complete) {
                status = understand(fields_.back(), kind);
            }
        }
        if (status != HeadStatus::complete) {
            return status;
        }
    }
}

HeadStatus HeadParser::parse_request_line(std::string_view line, const HeadLimits &limits) {
    const size_t first = line.find(' ');
    const size_t last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) {
        return HeadStatus::bad_start_line;
    }
    method_ = line.substr(0, first);
    target_ = line.substr(first + 1, last - first - 1);
    if (method_.empty() || !all_of(method_, k_token)) {
        return HeadStatus::bad_method;
    }
    if (target_.size() > limits.target_bytes) {
        return HeadStatus::target_too_long;
    }
    if (target_.empty() || !all_of(target_, k_target)) {
        return HeadStatus::bad_target;
    }
    return parse_version(line.substr(last + 1), minor_);
}

HeadStatus HeadParser::parse_status_line(std::string_view line) {
    if (line.size() < 12 || line[8] != ' ') {
        return HeadStatus::bad_start_line;
    }
    if (const auto status = parse_version(line.substr(0, 8), minor_);
        status != HeadStatus::complete) {
        return status;
    }
    const auto code = parse_decimal<unsigned>(line.substr(9, 3));
    if (!code || *code < 100 || (line.size() > 12 && line[12] != ' ')) {
        return HeadStatus::bad_status_code;
    }
    status_code_ = *code;
    reason_ = line.size() > 13 ? line.substr(13) : std::string_view{};
    return all_of(reason_, k_value) ? HeadStatus::complete : HeadStatus::bad_start_line;
}

HeadStatus HeadParser::parse_field(std::string_view line) {
    if (line.front() == ' ' || line.front() == '\t') {
        return HeadStatus::line_folding;
    }
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) {
        return HeadStatus::bad_field_name;
    }
    const std::string_view name = line.substr(0, colon);
    if (name.back() == ' ' || name.back() == '\t') {
        return HeadStatus::space_before_colon;
    }
    if (!all_of(name, k_token)) {
        return HeadStatus::bad_field_name;
    }
    const std::string_view value = trim(line.substr(colon + 1));
    if (!all_of(value, k_value)) {
        return HeadStatus::bad_field_value;
    }
    fields_.push_back({name, value, identify(name)});
    return HeadStatus::complete;
}

HeadStatus HeadParser::understand(const HeaderField &field, Kind kind) {
    if (kind == Kind::trailers) {
        return HeadStatus::complete;
    }
    switch (field.id) {
    case FieldId::content_length: {
        const auto length = parse_decimal<uint64_t>(field.value);
        // The upper bound keeps every later sum of sizes inside 64 bits.
        if (!length || *length > (uint64_t{1} << 62)) {
            return HeadStatus::bad_content_length;
        }
        if (has_content_length_ && (kind == Kind::request || *length != content_length_)) {
            return HeadStatus::repeated_content_length;
        }
        has_content_length_ = true;
        content_length_ = *length;
        return HeadStatus::complete;
    }
    case FieldId::transfer_encoding:
        if (has_transfer_encoding_ || !iequals(field.value, "chunked")) {
            return HeadStatus::bad_transfer_encoding;
        }
        has_transfer_encoding_ = chunked_ = true;
        return HeadStatus::complete;
    case FieldId::host:
        return ++hosts_ > 1 && kind == Kind::request ? HeadStatus::host_repeated
                                                     : HeadStatus::complete;
    case FieldId::connection:
    case FieldId::proxy_connection:
        note_connection(field.value);
        return HeadStatus::complete;
    case FieldId::expect:
        expect_continue_ = expect_continue_ || iequals(field.value, "100-continue");
        return HeadStatus::complete;
    case FieldId::upgrade:
        if (upgrade_.empty()) {
            upgrade_ = field.value;
        }
        return HeadStatus::complete;
    default:
        return HeadStatus::complete;
    }
}

void HeadParser::note_connection(std::string_view value) {
    for_each_item(value, [this](std::string_view item) {
        if (iequals(item, "close")) {
            connection_close_ = true;
        } else if (iequals(item, "keep-alive")) {
            connection_keep_alive_ = true;
        } else if (iequals(item, "upgrade")) {
            connection_upgrade_ = true;
        } else {
            named_.push_back(item);
        }
    });
}

HeadStatus HeadParser::finish(Kind kind) {
    if (kind == Kind::trailers) {
        return HeadStatus::complete;
    }
    if (has_transfer_encoding_ && has_content_length_) {
        if (kind == Kind::request) {
            return HeadStatus::conflicting_framing;
        }
        has_content_length_ = false;
        ambiguous_length_ = true;
    }
    // RFC 9112 6.1: a transfer coding in an HTTP/1.0 message is faulty framing.
    if (has_transfer_encoding_ && minor_ == 0) {
        return HeadStatus::bad_transfer_encoding;
    }
    // CONNECT carries its target in the request line; old clients send no Host with it.
    if (kind == Kind::request && hosts_ == 0 && minor_ >= 1 && method_ != "CONNECT") {
        return HeadStatus::host_missing;
    }
    return HeadStatus::complete;
}

bool HeadParser::named_by_connection(std::string_view name) const noexcept {
    for (const std::string_view item : named_) {
        if (iequals(item, name)) {
            return true;
        }
    }
    return false;
}

} // namespace k2s::httpproxy
