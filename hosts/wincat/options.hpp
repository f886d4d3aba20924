// SPDX-License-Identifier: MIT
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace k2s::wincat {

enum class Family : uint8_t { any, ipv4, ipv6 };

struct Options {
    char host[256] = {};        ///< name or address; an IPv6 literal without its brackets
    const char *port = nullptr; ///< number or name of a service
    Family family = Family::any;
    bool udp = false;
    bool help = false;
    bool version = false;
    uint64_t connect_ms = 10'000; ///< for all addresses of the host together; 0: the system's
    uint64_t idle_ms = 0;         ///< no byte in either direction; 0: no limit
    uint64_t linger_ms = 5'000;   ///< silence of our side after the peer has ended its own
};

/// False: `why` says what is wrong and what to give instead.
bool parse(int argc, const char *const *argv, Options &options, char (&why)[512]);

extern const char k_help[];

} // namespace k2s::wincat
