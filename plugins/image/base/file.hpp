// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <boost/filesystem/path.hpp>

#include "base/result.hpp"

// Files as the store needs them: 64-bit, locked, flushed. Paths are UTF-8 on Windows, bytes
// elsewhere.
namespace k2s::image {

namespace fs = boost::filesystem;

/// For Boost.Filesystem; long paths work.
fs::path to_path(const std::string &path);
/// Back again, with '/' between the parts on every system.
std::string from_path(const fs::path &path);

enum class LockKind { shared, exclusive };

/// An open file; closes itself. Errors name the path.
class File {
  public:
    /// A regular file, for reading; a device or pipe is refused.
    static Result<File> open(const std::string &path);
    /// A new file; it is an error that one exists.
    static Result<File> create(const std::string &path);
    /// For reading and writing, made when it is missing.
    static Result<File> open_or_create(const std::string &path);

    File(File &&other) noexcept;
    File &operator=(File &&other) noexcept;
    ~File();

    /// Bytes read; fewer than asked for only at the end.
    Result<size_t> read(void *into, size_t size);
    Done write(const void *data, size_t size);
    Done seek(uint64_t position);
    Result<uint64_t> size() const;
    Done truncate(uint64_t size);
    /// Waits until the bytes are on the disk.
    Done sync();
    /// True: locked until the file is closed. False: others hold it for longer than `wait`.
    Result<bool> lock(LockKind kind, std::chrono::milliseconds wait);

    const std::string &path() const noexcept { return path_; }

  private:
    File(std::string path, intptr_t handle) noexcept : path_(std::move(path)), handle_(handle) {}
    Result<bool> try_lock(LockKind kind);

    std::string path_;
    intptr_t handle_;
};

/// Gives a file its final name, in one step and durably; replaces what has that name.
Done rename_durably(const std::string &from, const std::string &to);

/// Makes the folder and those above it.
Done make_folders(const std::string &path);

/// The folder that keeps this user's images; empty when the environment names no home.
std::string default_store(const std::string &override_folder);

/// The error of the system's last failed call, as "cannot WHAT 'PATH': REASON".
Error system_error(const char *what, const std::string &path);

} // namespace k2s::image
