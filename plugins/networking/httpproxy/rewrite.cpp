// SPDX-License-Identifier: MIT
#include "rewrite.hpp"

#include <charconv>

#include "common/text.hpp"
#include "vocabulary.hpp"

namespace k2s::httpproxy {
namespace {

void append_number(std::string &out, uint64_t value) {
    char digits[24];
    const auto [end, ec] = std::to_chars(digits, digits + sizeof digits, value);
    static_cast<void>(ec);
    out.append(digits, end);
}

void append_field(std::string &out, const HeaderField &field) {
    out += field.name;
    out += ": ";
    out += field.value;
    out += "\r\n";
}

void append_via(std::string &out, unsigned received_minor, std::string_view name) {
    out += received_minor == 0 ? "Via: 1.0 " : "Via: 1.1 ";
    out += name;
    out += "\r\n";
}

// Fields that end at this hop whatever Connection says, or that the writer makes itself.
bool ends_here(FieldId id) noexcept {
    switch (id) {
    case FieldId::connection:
    case FieldId::content_length:
    case FieldId::host:
    case FieldId::http2_settings:
    case FieldId::keep_alive:
    case FieldId::proxy_authenticate:
    case FieldId::proxy_authentication_info:
    case FieldId::proxy_authorization:
    case FieldId::proxy_connection:
    case FieldId::te:
    case FieldId::transfer_encoding:
    case FieldId::upgrade:
        return true;
    default:
        return false;
    }
}

bool accepts_trailers(const HeadParser &head) {
    bool found = false;
    for (const HeaderField &field : head.fields()) {
        if (field.id == FieldId::te) {
            for_each_item(field.value,
                          [&found](std::string_view item) { found |= iequals(item, "trailers"); });
        }
    }
    return found;
}

void append_target(std::string &out, const Target &target, bool absolute) {
    if (absolute) {
        out += "http://";
        out += target.authority;
        if (target.path == "*") { // RFC 9112 3.2.4: a proxy spells OPTIONS * without a path
            return;
        }
    }
    if (target.path.front() == '?') {
        out += '/';
    }
    out += target.path;
}

} // namespace

void write_request_head(std::string &out, const HeadParser &head, const Target &target,
                        const RequestRewrite &how) {
    out.clear();
    out += head.method();
    out += ' ';
    append_target(out, target, how.absolute_form);
    out += " HTTP/1.1\r\nHost: ";
    out += target.authority;
    out += "\r\n";
    const bool counts_hops = head.method() == "OPTIONS" || head.method() == "TRACE";
    for (const HeaderField &field : head.fields()) {
        if (ends_here(field.id) || head.named_by_connection(field.name) ||
            (field.id == FieldId::expect && head.minor_version() == 0)) {
            continue;
        }
        if (field.id == FieldId::max_forwards && counts_hops) {
            const auto hops = parse_decimal<uint32_t>(field.value);
            out += "Max-Forwards: ";
            append_number(out, hops && *hops > 0 ? *hops - 1 : 0);
            out += "\r\n";
            continue;
        }
        append_field(out, field);
    }
    append_via(out, head.minor_version(), how.via_name);
    if (head.chunked()) {
        out += "Transfer-Encoding: chunked\r\n";
    } else if (head.has_content_length()) {
        out += "Content-Length: ";
        append_number(out, head.content_length());
        out += "\r\n";
    }
    if (!how.proxy_authorization.empty()) {
        out += "Proxy-Authorization: ";
        out += how.proxy_authorization;
        out += "\r\n";
    }
    const bool trailers = head.minor_version() >= 1 && accepts_trailers(head);
    if (trailers) {
        out += "TE: trailers\r\n";
    }
    if (how.pass_upgrade) {
        out += "Upgrade: ";
        out += head.upgrade();
        out += trailers ? "\r\nConnection: Upgrade, TE\r\n" : "\r\nConnection: Upgrade\r\n";
    } else if (trailers) {
        out += "Connection: TE\r\n";
    }
    out += "\r\n";
}

void write_via(std::string &out, const HeadParser &head, std::string_view name) {
    out.clear();
    for (const HeaderField &field : head.fields()) {
        if (field.id == FieldId::via) {
            append_field(out, field);
        }
    }
    append_via(out, head.minor_version(), name);
}

void write_response_head(std::string &out, const HeadParser &head, const ResponseRewrite &how) {
    out.clear();
    out += "HTTP/1.1 ";
    append_number(out, head.status_code());
    out += ' ';
    out += head.reason();
    out += "\r\n";
    for (const HeaderField &field : head.fields()) {
        // Host has no meaning in a response, but it is no hop-by-hop field either.
        if ((ends_here(field.id) && field.id != FieldId::host) ||
            head.named_by_connection(field.name)) {
            continue;
        }
        append_field(out, field);
    }
    append_via(out, head.minor_version(), how.via_name);
    if (how.chunked) {
        out += "Transfer-Encoding: chunked\r\n";
    } else if (how.content_length) {
        out += "Content-Length: ";
        append_number(out, head.content_length());
        out += "\r\n";
    }
    if (how.pass_upgrade) {
        out += "Upgrade: ";
        out += head.upgrade();
        out += "\r\nConnection: Upgrade\r\n";
    } else if (how.close) {
        out += "Connection: close\r\n";
    } else if (how.http10_keep_alive) {
        out += "Connection: keep-alive\r\n";
    }
    out += "\r\n";
}

void write_trailers(std::string &out, const HeadParser &trailers) {
    out.clear();
    for (const HeaderField &field : trailers.fields()) {
        // RFC 9110 6.5.1: framing, routing and authentication have no business here.
        if (!ends_here(field.id) && field.id != FieldId::expect && field.id != FieldId::trailer &&
            field.id != FieldId::max_forwards) {
            append_field(out, field);
        }
    }
    out += "\r\n";
}

} // namespace k2s::httpproxy
