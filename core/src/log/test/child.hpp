// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <boost/filesystem/path.hpp>

/// Starts this program again with `arguments`; returns a handle for wait_child().
intptr_t start_child(const std::string &program, const std::vector<std::string> &arguments);

/// The exit code.
int wait_child(intptr_t child);

/// Holds the lock of a RotatingFile as another process would, until it is destroyed.
class HeldLock {
  public:
    explicit HeldLock(const boost::filesystem::path &lock_file);
    HeldLock(const HeldLock &) = delete;
    HeldLock &operator=(const HeldLock &) = delete;
    ~HeldLock();

  private:
    intptr_t handle_;
};
