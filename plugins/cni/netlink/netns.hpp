// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "netlink/socket.hpp"

namespace k2s::cni::netlink {

/// A network namespace that is held open.
class NetworkNamespace {
  public:
    /// Code 3 when there is none at the path, 4 when it is a namespace of another kind, 8 when it
    /// is something else.
    static Result<NetworkNamespace> open(const std::string &path);
    /// The one that this thread is in.
    static Result<NetworkNamespace> current();

    NetworkNamespace(NetworkNamespace &&other) noexcept;
    ~NetworkNamespace();

    int file() const { return file_; }
    bool operator==(const NetworkNamespace &other) const {
        return device_ == other.device_ && inode_ == other.inode_;
    }

  private:
    friend class Entered;
    static Result<NetworkNamespace> open(const std::string &path, const char *shown);
    NetworkNamespace() = default;

    int file_ = -1;
    uint64_t device_ = 0, inode_ = 0;
};

/// The calling thread is in the namespace while the object lives.
class Entered {
  public:
    static Result<Entered> enter(const NetworkNamespace &there, const NetworkNamespace &back);
    Entered(Entered &&other) noexcept : back_(std::exchange(other.back_, nullptr)) {}
    ~Entered();

  private:
    explicit Entered(const NetworkNamespace &back) : back_(&back) {}
    const NetworkNamespace *back_;
};

/// /proc/sys/net/… of the namespace that the thread is in. nullopt: not there.
std::optional<std::string> read_sysctl(const std::string &name);
Result<void> write_sysctl(const std::string &name, const std::string &value);

} // namespace k2s::cni::netlink
