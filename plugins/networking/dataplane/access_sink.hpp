// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "net.hpp"

// What an access log needs of the system: linux/access_sink.cpp, windows/access_sink.cpp.
namespace k2s::dataplane {

/// A file that is only appended to. It may be renamed and deleted while it is open.
class AppendFile {
  public:
    /// Makes the file when there is none, readable by owner and group.
    static std::expected<std::unique_ptr<AppendFile>, error_code> open(const std::string &path);
    virtual ~AppendFile() = default;

    /// All of it, or an error; what was written before the error is counted in `written`.
    virtual error_code append(std::string_view bytes, size_t &written) = 0;
    /// An ordinary file; devices and pipes have no size and are not rotated.
    virtual bool regular() const = 0;
    virtual uint64_t size() const = 0;
};

/// Renames, replacing what has the new name.
error_code replace_file(const std::string &from, const std::string &to);

/// Datagrams to a local socket, such as journald's.
class DatagramSink {
  public:
    /// Errors: not_found and the like; operation_not_supported where there is no such thing.
    static std::expected<std::unique_ptr<DatagramSink>, error_code> open(const std::string &path);
    virtual ~DatagramSink() = default;

    /// Never waits.
    virtual error_code send(std::string_view datagram) = 0;
};

} // namespace k2s::dataplane
