// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace k2s::httpproxy {

/// Header fields that the proxy itself understands; everything else is `other`.
enum class FieldId : uint8_t {
    other,
    connection,
    content_length,
    expect,
    host,
    http2_settings,
    keep_alive,
    max_forwards,
    proxy_authenticate,
    proxy_authentication_info,
    proxy_authorization,
    proxy_connection,
    te,
    trailer,
    transfer_encoding,
    upgrade,
    via,
};

struct HeaderField {
    std::string_view name;
    std::string_view value;
    FieldId id = FieldId::other;
};

/// Why a head was refused. `incomplete` is no error: more bytes are needed.
enum class HeadStatus : uint8_t {
    complete,
    incomplete,
    bare_line_feed,
    bare_carriage_return,
    bad_start_line,
    bad_method,
    bad_target,
    bad_version,
    unsupported_version,
    bad_status_code,
    bad_field_name,
    bad_field_value,
    line_folding,
    space_before_colon,
    bad_content_length,
    repeated_content_length,
    bad_transfer_encoding,
    conflicting_framing,
    host_missing,
    host_repeated,
    target_too_long,
    head_too_large,
};

/// One sentence for the client's answer and the log; never contains bytes of the message.
std::string_view describe(HeadStatus status) noexcept;

struct HeadLimits {
    size_t head_bytes = 64 * 1024;
    size_t target_bytes = 32 * 1024;
    size_t fields = 256;
};

/// The strict gate for HTTP/1.x heads (RFC 9112 sections 2 to 7), in front of everything else.
///
/// It refuses whatever two parsers could read differently: bare CR or LF, line folding, white space
/// before a colon, NUL and other controls, Transfer-Encoding together with Content-Length, any
/// transfer coding but exactly one `chunked`, repeated Content-Length, several Host fields.
///
/// One instance may be reused for any number of messages and then allocates nothing. All views
/// point into the parsed bytes and are valid as long as those are. Not thread-safe.
class HeadParser {
  public:
    /// Parses the request head at the start of `data`. `complete` makes the accessors valid.
    HeadStatus parse_request(std::string_view data, const HeadLimits &limits);

    /// As parse_request, for a status line. Repeated Content-Length fields with the same value are
    /// accepted here (RFC 9110 8.6), and `Transfer-Encoding: chunked` wins over Content-Length, but
    /// then `ambiguous_length()` says that the connection must not be used again.
    HeadStatus parse_response(std::string_view data, const HeadLimits &limits);

    /// Parses a trailer section: field lines up to and including the empty line.
    HeadStatus parse_trailers(std::string_view data, const HeadLimits &limits);

    size_t size() const noexcept { return size_; }

    std::string_view method() const noexcept { return method_; }
    std::string_view target() const noexcept { return target_; }
    unsigned status_code() const noexcept { return status_code_; }
    std::string_view reason() const noexcept { return reason_; }
    /// 0 or 1: HTTP/1.0 or HTTP/1.1 (and later 1.x).
    unsigned minor_version() const noexcept { return minor_; }

    const std::vector<HeaderField> &fields() const noexcept { return fields_; }

    bool chunked() const noexcept { return chunked_; }
    bool has_content_length() const noexcept { return has_content_length_; }
    uint64_t content_length() const noexcept { return content_length_; }
    bool ambiguous_length() const noexcept { return ambiguous_length_; }

    bool connection_close() const noexcept { return connection_close_; }
    bool connection_keep_alive() const noexcept { return connection_keep_alive_; }
    bool connection_upgrade() const noexcept { return connection_upgrade_; }
    bool expect_continue() const noexcept { return expect_continue_; }
    /// The value of the first Upgrade field, or empty.
    std::string_view upgrade() const noexcept { return upgrade_; }

    /// True when a Connection field names this field, so that it ends at this hop (RFC 9110 7.6.1).
    bool named_by_connection(std::string_view name) const noexcept;

  private:
    enum class Kind : uint8_t { request, response, trailers };

    void reset() noexcept;
    HeadStatus parse(std::string_view data, const HeadLimits &limits, Kind kind);
    HeadStatus parse_request_line(std::string_view line, const HeadLimits &limits);
    HeadStatus parse_status_line(std::string_view line);
    HeadStatus parse_field(std::string_view line);
    HeadStatus understand(const HeaderField &field, Kind kind);
    HeadStatus finish(Kind kind);
    void note_connection(std::string_view value);

    std::vector<HeaderField> fields_;
    std::vector<std::string_view> named_;
    std::string_view method_, target_, reason_, upgrade_;
    size_t size_ = 0;
    uint64_t content_length_ = 0;
    unsigned status_code_ = 0;
    unsigned minor_ = 1;
    unsigned hosts_ = 0;
    bool chunked_ = false;
    bool has_transfer_encoding_ = false;
    bool has_content_length_ = false;
    bool ambiguous_length_ = false;
    bool connection_close_ = false;
    bool connection_keep_alive_ = false;
    bool connection_upgrade_ = false;
    bool expect_continue_ = false;
};

} // namespace k2s::httpproxy
