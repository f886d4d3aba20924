// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/failure.hpp"

namespace k2s::cni {

/// A folder of small files, locked against other processes (the reference's, too) as long as the
/// object lives. Every call may block.
class Directory {
  public:
    /// What the folder's identity and time of change are. `stamp` 0: not known.
    struct State {
        uint64_t device = 0, inode = 0, stamp = 0;
        bool operator==(const State &) const = default;
    };

    /// nullopt: it does not exist and `create` is false.
    static Result<std::optional<Directory>> open(const std::string &path, bool create);

    Directory(Directory &&other) noexcept;
    Directory &operator=(Directory &&) = delete;
    ~Directory();

    const std::string &path() const { return path_; }

    /// False when the name is taken, by whatever it is.
    Result<bool> create(const std::string &name, std::string_view content);
    Result<void> replace(const std::string &name, std::string_view content);
    /// nullopt: no such regular file, unreadable, or longer than a reservation can be.
    std::optional<std::string> read(const std::string &name) const;
    /// True when it was there. A name that is gone already is no failure.
    Result<bool> remove(const std::string &name);
    std::vector<std::string> names() const;

    /// What an Index is compared with. On Windows there is no index, and the stamp is 0.
    State state() const;
    /// Gives the folder a time of change that no other change can have, and returns it. Whoever
    /// adds or removes a file afterwards cannot help changing it. 0 when the system refuses.
    uint64_t mark();

  private:
    /// A file descriptor, or a HANDLE as a number.
#if defined(_WIN32)
    using File = intptr_t;
#else
    using File = int;
#endif
    static constexpr File k_none = -1;

    Directory(std::string path, File folder, File lock)
        : path_(std::move(path)), folder_(folder), lock_(lock) {}

    std::string path_;
    File folder_ = k_none; // on Windows the name is used instead
    File lock_ = k_none;
};

} // namespace k2s::cni
