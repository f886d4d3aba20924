// SPDX-License-Identifier: MIT
#include "netlink/netns.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

namespace k2s::cni::netlink {
namespace {

constexpr const char *k_current = "/proc/thread-self/ns/net";
constexpr auto k_ns_magic = NSFS_MAGIC;

} // namespace

Result<NetworkNamespace> NetworkNamespace::open(const std::string &path, const char *shown) {
    NetworkNamespace result;
    result.file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (result.file_ < 0) {
        const unsigned code =
            errno == ENOENT || errno == ENOTDIR ? k_unknown_container : k_bad_netns;
        return fail(code, "{} cannot be opened: {}", shown, std::strerror(errno));
    }
    struct statfs system{};
    struct stat about{};
    if (fstatfs(result.file_, &system) != 0 || fstat(result.file_, &about) != 0 ||
        system.f_type != k_ns_magic) {
        return fail(k_bad_netns, "{} is no namespace", shown);
    }
    // Before Linux 4.11 it cannot be asked.
    if (const int type = ioctl(result.file_, NS_GET_NSTYPE); type >= 0 && type != CLONE_NEWNET) {
        return fail(k_bad_environment, "{} is a namespace, but no network namespace", shown);
    }
    result.device_ = about.st_dev;
    result.inode_ = about.st_ino;
    return result;
}

Result<NetworkNamespace> NetworkNamespace::open(const std::string &path) {
    return open(path, fmt::format("CNI_NETNS \"{}\"", path).c_str());
}

Result<NetworkNamespace> NetworkNamespace::current() {
    return open(k_current, "the plugin's own network namespace");
}

NetworkNamespace::NetworkNamespace(NetworkNamespace &&other) noexcept
    : file_(std::exchange(other.file_, -1)), device_(other.device_), inode_(other.inode_) {}

NetworkNamespace::~NetworkNamespace() {
    if (file_ >= 0) {
        close(file_);
    }
}

Result<Entered> Entered::enter(const NetworkNamespace &there, const NetworkNamespace &back) {
    if (setns(there.file_, CLONE_NEWNET) != 0) {
        return fail(k_bad_netns, "cannot enter CNI_NETNS: {}{}", std::strerror(errno),
                    errno == EPERM ? "; CAP_SYS_ADMIN is needed" : "");
    }
    return Entered(back);
}

Entered::~Entered() {
    // A plugin that cannot come back would go on in the container: rather no plugin.
    if (back_ != nullptr && setns(back_->file_, CLONE_NEWNET) != 0) {
        _exit(1);
    }
}

std::optional<std::string> read_sysctl(const std::string &name) {
    const int file = ::open(("/proc/sys/net/" + name).c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return std::nullopt;
    }
    std::array<char, 64> buffer{};
    const ssize_t got = read(file, buffer.data(), buffer.size());
    close(file);
    std::string value(buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    while (!value.empty() && value.back() == '\n') {
        value.pop_back();
    }
    return value;
}

Result<void> write_sysctl(const std::string &name, const std::string &value) {
    const std::string path = "/proc/sys/net/" + name;
    const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    const bool done = file >= 0 && write(file, value.data(), value.size()) >= 0;
    const int why = errno;
    if (file >= 0) {
        close(file);
    }
    return done ? Result<void>()
                : fail(k_internal, "cannot write {} to {}: {}", value, path, std::strerror(why));
}

} // namespace k2s::cni::netlink
