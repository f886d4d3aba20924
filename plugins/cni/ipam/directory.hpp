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
    /// What the folder's identity and time of change are. `stamp` is never 0.
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

    State state() const;
    /// Gives the folder a time of change that no other change can have, and returns it. Whoever
    /// adds or removes a file afterwards cannot help changing it. 0 when the system refuses.
    uint64_t mark();

  private:
    Directory(std::string path, int folder, int lock)
        : path_(std::move(path)), folder_(folder), lock_(lock) {}

    std::string path_;
    int folder_ = -1;
    int lock_ = -1;
};

} // namespace k2s::cni
