// SPDX-License-Identifier: MIT
#include "options.hpp"

#include <stdio.h>
#include <string.h>

namespace k2s::wincat {

const char k_help[] =
    "Usage: wincat [OPTION...] HOST PORT\n"
    "\n"
    "Connects to HOST:PORT, copies standard input there and what comes back to standard output.\n"
    "HOST is a name, an IPv4 or an IPv6 address, with or without brackets.\n"
    "\n"
    "  -4, -6                 only IPv4, only IPv6\n"
    "  -u, -udp               UDP: each read of standard input is one datagram\n"
    "  -connect-timeout TIME  for resolving and connecting (default 10s; 0: the system's own)\n"
    "  -idle-timeout TIME     end when neither side has sent anything (default 0: never)\n"
    "  -linger TIME           how long standard input may be silent after the peer has ended its\n"
    "                         side; with UDP, the peer after the end of standard input (default "
    "5s)\n"
    "  -version, -help\n"
    "\n"
    "TIME is a number with ms, s, m or h; without a unit it is seconds.\n"
    "\n"
    "Examples:\n"
    "  wincat 127.0.0.1 8080\n"
    "  wincat -connect-timeout 2s ::1 8080\n"
    "  wincat -u 10.0.0.10 53 < query.bin > answer.bin\n"
    "\n"
    "Exit codes: 0 done, 1 failed or reset, 2 wrong call, 6 no such host, 7 a time ran out\n";

namespace {

bool digits_only(const char *text) {
    return *text != '\0' && strspn(text, "0123456789") == strlen(text);
}

bool parse_time(const char *text, uint64_t &ms) {
    constexpr uint64_t k_max = uint64_t{1} << 31; // weeks; keeps the product below in range
    uint64_t value = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; ++at) {
        value = value * 10 + static_cast<uint64_t>(*at - '0');
        if (value > k_max) {
            return false;
        }
    }
    uint64_t unit = 1000;
    if (strcmp(at, "ms") == 0) {
        unit = 1;
    } else if (strcmp(at, "m") == 0) {
        unit = 60'000;
    } else if (strcmp(at, "h") == 0) {
        unit = 3'600'000;
    } else if (*at != '\0' && strcmp(at, "s") != 0) {
        return false;
    }
    ms = value * unit;
    return at != text && ms <= k_max;
}

bool set_host(const char *text, Options &options, char (&why)[512]) {
    size_t size = strlen(text);
    if (size > 1 && text[0] == '[' && text[size - 1] == ']') {
        ++text;
        size -= 2;
    }
    if (size == 0 || size >= sizeof(options.host)) {
        snprintf(why, sizeof(why), "the host has %zu characters: give a name or an address", size);
        return false;
    }
    memcpy(options.host, text, size);
    options.host[size] = '\0';
    return true;
}

bool set_port(const char *text, Options &options, char (&why)[512]) {
    options.port = text;
    uint32_t port = 0;
    if (!digits_only(text)) {
        if (*text != '\0' && *text != '-' && *text != '+') {
            return true; // the name of a service, or the resolver says that there is none
        }
    } else if (strlen(text) <= 5) {
        for (const char *at = text; *at != '\0'; ++at) {
            port = port * 10 + static_cast<uint32_t>(*at - '0');
        }
    }
    if (port < 1 || port > 65535) {
        snprintf(why, sizeof(why), "port '%.64s': give a number from 1 to 65535", text);
        return false;
    }
    return true;
}

} // namespace

bool parse(int argc, const char *const *argv, Options &options, char (&why)[512]) {
    struct {
        const char *name;
        uint64_t *value;
    } const times[] = {{"connect-timeout", &options.connect_ms},
                       {"idle-timeout", &options.idle_ms},
                       {"linger", &options.linger_ms}};
    const char *words[2] = {};
    int count = 0;
    bool options_end = false;
    for (int i = 1; i < argc; ++i) {
        const char *word = argv[i];
        if (options_end || word[0] != '-' || word[1] == '\0') {
            if (count == 2) {
                snprintf(why, sizeof(why), "'%.64s' is one argument too many: give HOST and PORT",
                         word);
                return false;
            }
            words[count++] = word;
            continue;
        }
        if (strcmp(word, "--") == 0) {
            options_end = true;
            continue;
        }
        const char *name = word + (word[1] == '-' ? 2 : 1);
        if (strcmp(name, "4") == 0 || strcmp(name, "6") == 0) {
            options.family = *name == '4' ? Family::ipv4 : Family::ipv6;
        } else if (strcmp(name, "u") == 0 || strcmp(name, "udp") == 0) {
            options.udp = true;
        } else if (strcmp(name, "version") == 0 || strcmp(name, "v") == 0) {
            options.version = true;
        } else if (strcmp(name, "help") == 0 || strcmp(name, "h") == 0) {
            options.help = true;
        } else {
            bool known = false;
            for (const auto &time : times) {
                const size_t size = strlen(time.name);
                if (strncmp(name, time.name, size) != 0 ||
                    (name[size] != '\0' && name[size] != '=')) {
                    continue;
                }
                const char *value = name[size] == '=' ? name + size + 1 : argv[++i];
                if (value == nullptr || !parse_time(value, *time.value)) {
                    snprintf(why, sizeof(why), "-%s '%.64s': give a time such as 10s or 500ms",
                             time.name, value != nullptr ? value : "");
                    return false;
                }
                known = true;
            }
            if (!known) {
                snprintf(why, sizeof(why), "unknown option '%.64s': see wincat -help", word);
                return false;
            }
        }
    }
    if (options.help || options.version) {
        return true;
    }
    if (count < 2) {
        snprintf(why, sizeof(why), "%s is missing: wincat HOST PORT, such as wincat 127.0.0.1 8080",
                 count == 0 ? "the host" : "the port");
        return false;
    }
    return set_host(words[0], options, why) && set_port(words[1], options, why);
}

} // namespace k2s::wincat
