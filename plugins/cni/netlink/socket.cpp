// SPDX-License-Identifier: MIT
#include "netlink/socket.hpp"

#include <cerrno>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netlink/attributes.hpp"

namespace k2s::cni::netlink {
namespace {

constexpr std::size_t k_buffer = 64 * 1024; // more than the largest message of a dump
// The kernel answers before send returns; this is for a kernel that does not.
constexpr int k_answer_ms = 30'000;

std::unexpected<Failure> broken(std::string_view what) {
    return fail(k_internal, "netlink: cannot {}: {}", what, std::strerror(errno));
}

} // namespace

std::string reason(const nlmsghdr *error, int code) {
    std::string text = std::strerror(code);
    const auto payload = header_of<nlmsgerr>(error);
    std::size_t offset = sizeof(nlmsgerr);
    if ((error->nlmsg_flags & NLM_F_CAPPED) == 0 && payload.msg.nlmsg_len > sizeof(nlmsghdr)) {
        offset += payload.msg.nlmsg_len - sizeof(nlmsghdr);
    }
    if ((error->nlmsg_flags & NLM_F_ACK_TLVS) == 0 || offset > bytes_of(error).size()) {
        return text;
    }
    each(error, offset, [&](uint16_t type, const nlattr *attribute) {
        if (type == NLMSGERR_ATTR_MSG) {
            text += fmt::format(" ({})", text_of(attribute));
        }
    });
    return text;
}

void Batch::add(Message &message, std::string what, int tolerated) {
    const nlmsghdr *header = message.header();
    fits_ = fits_ && message.fits();
    const std::size_t at = bytes_.size();
    bytes_.resize(at + aligned(header->nlmsg_len));
    std::memcpy(bytes_.data() + at, header, header->nlmsg_len);
    parts_.push_back({std::move(what), tolerated, (header->nlmsg_flags & NLM_F_ACK) != 0});
}

Result<Socket> Socket::open(int family) {
    Socket result(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, family));
    if (result.file_ < 0) {
        return broken("open a socket");
    }
    const int on = 1;
    for (const int option : {NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK}) {
        setsockopt(result.file_, SOL_NETLINK, option, &on, sizeof(on)); // old kernels: fewer words
    }
    const sockaddr_nl any{AF_NETLINK, 0, 0, 0};
    if (bind(result.file_, reinterpret_cast<const sockaddr *>(&any), sizeof(any)) != 0) {
        return broken("bind a socket");
    }
    return result;
}

Socket::Socket(Socket &&other) noexcept
    : file_(std::exchange(other.file_, -1)), sequence_(other.sequence_),
      buffer_(std::move(other.buffer_)) {}

Socket &Socket::operator=(Socket &&other) noexcept {
    std::swap(file_, other.file_);
    std::swap(sequence_, other.sequence_);
    std::swap(buffer_, other.buffer_);
    return *this;
}

Socket::~Socket() {
    if (file_ >= 0) {
        close(file_);
    }
}

char *Socket::buffer() {
    if (buffer_ == nullptr) {
        // Not cleared: most answers are short, and what is not touched costs nothing.
        buffer_ = std::make_unique_for_overwrite<char[]>(k_buffer);
    }
    return buffer_.get();
}

Result<std::size_t> Socket::receive() {
    pollfd waiting{file_, POLLIN, 0};
    for (;;) {
        const ssize_t got = recv(file_, buffer(), k_buffer, MSG_DONTWAIT | MSG_TRUNC);
        if (got >= 0 && static_cast<std::size_t>(got) <= k_buffer) {
            return static_cast<std::size_t>(got);
        }
        if (got >= 0) {
            errno = EMSGSIZE;
            return broken("receive an answer");
        }
        if (errno == EAGAIN) {
            const int ready = poll(&waiting, 1, k_answer_ms);
            if (ready > 0 || (ready < 0 && errno == EINTR)) {
                continue;
            }
            errno = ready == 0 ? ETIMEDOUT : errno;
        } else if (errno == EINTR) {
            continue;
        }
        return broken("receive an answer");
    }
}

Result<void> Socket::send(const Batch &batch, const Reader &reader, std::vector<int> *errors) {
    if (!batch.fits_) {
        return fail(k_internal, "netlink: a request is longer than its buffer");
    }
    std::vector<char> bytes = batch.bytes_;
    const uint32_t first = sequence_ + 1;
    std::size_t expected = 0;
    std::size_t at = 0;
    for (const auto &part : batch.parts_) {
        auto *header = reinterpret_cast<nlmsghdr *>(bytes.data() + at);
        header->nlmsg_seq = ++sequence_;
        at += aligned(header->nlmsg_len);
        expected += part.acknowledged ? 1 : 0;
    }
    const sockaddr_nl kernel{AF_NETLINK, 0, 0, 0};
    while (sendto(file_, bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr *>(&kernel),
                  sizeof(kernel)) < 0) {
        if (errno != EINTR) {
            return broken("send a request");
        }
    }
    Result<void> outcome;
    if (errors != nullptr) {
        errors->assign(batch.parts_.size(), 0);
    }
    while (expected > 0) {
        auto got = receive();
        if (!got) {
            return pass(got);
        }
        std::string_view left(buffer(), *got);
        while (const nlmsghdr *message = take_message(left)) {
            const uint32_t number = message->nlmsg_seq - first;
            if (number >= batch.parts_.size()) {
                continue; // a notification
            }
            if (message->nlmsg_type != NLMSG_ERROR) {
                if (reader) {
                    reader(message);
                }
                continue;
            }
            const auto &part = batch.parts_[number];
            const int code = -header_of<nlmsgerr>(message).error;
            expected -= part.acknowledged ? 1 : 0;
            if (errors != nullptr) {
                (*errors)[number] = code;
            }
            if (code != 0 && code != part.tolerated && outcome) {
                outcome = fail(k_internal, "cannot {}: {}", part.what, reason(message, code));
            }
            if (!part.acknowledged && code != 0) {
                return outcome; // the end of a transaction that was refused as a whole
            }
        }
    }
    return outcome;
}

Result<void> Socket::ask(Message &message, std::string_view what, const Reader &reader,
                         int tolerated) {
    if (!message.fits()) {
        return fail(k_internal, "netlink: a request is longer than its buffer");
    }
    const bool dump = (message.header()->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
    message.header()->nlmsg_seq = ++sequence_;
    if (::send(file_, message.header(), message.header()->nlmsg_len, 0) < 0) {
        return broken("send a request");
    }
    for (;;) {
        auto got = receive();
        if (!got) {
            return pass(got);
        }
        std::string_view left(buffer(), *got);
        while (const nlmsghdr *part = take_message(left)) {
            if (part->nlmsg_seq != sequence_) {
                continue;
            }
            if (part->nlmsg_type == NLMSG_DONE) {
                return {};
            }
            if (part->nlmsg_type == NLMSG_ERROR) {
                const int code = -header_of<nlmsgerr>(part).error;
                return code == 0 || code == tolerated
                           ? Result<void>()
                           : fail(k_internal, "cannot {}: {}", what, reason(part, code));
            }
            reader(part);
            if (!dump) {
                return {};
            }
        }
    }
}

Result<void> Socket::join(unsigned group) {
    if (setsockopt(file_, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) != 0) {
        return broken("listen for changes");
    }
    return {};
}

Result<bool> Socket::wait(const std::function<bool(const nlmsghdr *)> &reader,
                          std::chrono::milliseconds deadline) {
    const auto end = std::chrono::steady_clock::now() + deadline;
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            end - std::chrono::steady_clock::now());
        pollfd waiting{file_, POLLIN, 0};
        const int ready = left.count() <= 0 ? 0 : poll(&waiting, 1, static_cast<int>(left.count()));
        if (ready == 0) {
            return false;
        }
        if (ready < 0 && errno != EINTR) {
            return broken("wait for changes");
        }
        const ssize_t got = recv(file_, buffer(), k_buffer, MSG_DONTWAIT);
        std::string_view messages(buffer(), got > 0 ? static_cast<std::size_t>(got) : 0);
        while (const nlmsghdr *message = take_message(messages)) {
            if (reader(message)) {
                return true;
            }
        }
        if (got < 0 && errno == ENOBUFS && reader(nullptr)) {
            return true; // notifications were lost; the reader looks for itself
        }
    }
}

} // namespace k2s::cni::netlink
