// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "netlink/message.hpp"
#include "spec/failure.hpp"

namespace k2s::cni::netlink {

/// Several requests that the kernel gets in one system call. It works each one off, also after one
/// that failed.
class Batch {
  public:
    /// `what` is what the failure will say: "cannot <what>: …". `tolerated` is an errno that is
    /// none.
    void add(Message &message, std::string what, int tolerated = 0);
    bool empty() const { return parts_.empty(); }

  private:
    friend class Socket;
    struct Part {
        std::string what;
        int tolerated;
        bool acknowledged;
    };
    std::vector<char> bytes_;
    std::vector<Part> parts_;
    bool fits_ = true;
};

/// A netlink socket. It belongs to the network namespace that the thread was in when it was opened.
class Socket {
  public:
    /// `family` is NETLINK_ROUTE or NETLINK_NETFILTER.
    static Result<Socket> open(int family);

    Socket(Socket &&other) noexcept;
    Socket &operator=(Socket &&other) noexcept;
    ~Socket();

    using Reader = std::function<void(const nlmsghdr *)>;

    /// Sends all and waits for all answers. The first failure is returned; `errors`, when given,
    /// gets the errno of each part (0: done). `reader` sees whatever is no acknowledgement.
    Result<void> send(const Batch &batch, const Reader &reader = {},
                      std::vector<int> *errors = nullptr);

    /// A request, without NLM_F_ACK, with an answer of any number of messages (NLM_F_DUMP) or of
    /// one. `what` and `tolerated` as in Batch.
    Result<void> ask(Message &message, std::string_view what, const Reader &reader,
                     int tolerated = 0);

    /// Notifications of a group (RTNLGRP_*) from now on.
    Result<void> join(unsigned group);
    /// Calls `reader` for notifications until it returns true. False at the deadline.
    Result<bool> wait(const std::function<bool(const nlmsghdr *)> &reader,
                      std::chrono::milliseconds deadline);

  private:
    explicit Socket(int file) : file_(file) {}
    Result<std::size_t> receive();
    char *buffer();

    int file_ = -1;
    uint32_t sequence_ = 0;
    std::unique_ptr<char[]> buffer_; // what is received
};

/// An error message of the kernel with the reason that it adds (extended acknowledgement).
std::string reason(const nlmsghdr *error, int code);

} // namespace k2s::cni::netlink
