// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <boost/filesystem/path.hpp>

namespace k2s::zap {

namespace fs = boost::filesystem;
using Name = fs::path::string_type; ///< of one entry: bytes on Linux, UTF-16 on Windows

struct Entry {
    Name name;
    bool directory = false; ///< a real one: neither a link, a junction nor a volume's mount point
    uint64_t bytes = 0;     ///< only when sizes were asked for
};

/// An open directory. Everything is relative to it, so nobody can lead us elsewhere by replacing
/// a folder with a link while we work. Not for use by two threads at a time, except the const
/// functions.
class Dir {
  public:
    Dir() noexcept = default;
    Dir(Dir &&other) noexcept : handle_{std::exchange(other.handle_, -1)}, listed_{other.listed_} {}
    Dir &operator=(Dir &&other) noexcept {
        std::swap(handle_, other.handle_);
        std::swap(listed_, other.listed_);
        return *this;
    }
    ~Dir() { close(); }

    /// The path's last component is not followed.
    static Dir open(const fs::path &path, std::error_code &failed);

    /// Neither follows a link nor enters what is mounted there: std::errc::not_a_directory and
    /// std::errc::device_or_resource_busy.
    [[nodiscard]] Dir open_child(const Name &name, std::error_code &failed) const;

    /// The next entries; none at the end. Begins anew for each Dir.
    bool list(std::vector<Entry> &batch, bool sizes, std::error_code &failed);

    /// Takes read-only, immutable and append-only attributes away where they stop it.
    [[nodiscard]] std::error_code remove(const Name &name, bool directory) const;

    /// Never replaces anything.
    [[nodiscard]] std::error_code move(const Name &name, const Dir &to, const Name &as) const;

    [[nodiscard]] bool is_open() const noexcept { return handle_ != -1; }
    void close() noexcept;

  private:
    intptr_t handle_ = -1;
    bool listed_ = false; ///< Windows: the listing has begun
};

/// For messages and results; UTF-8.
std::string text_of(const fs::path &path);

} // namespace k2s::zap
