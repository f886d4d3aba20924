// SPDX-License-Identifier: MIT
/// \file
/// k2s-worker runs plugin code that the host does not want in its own process. It is started by the
/// host, never by a person; its command line is between the two and may change with any version.
#include "../common/arguments.hpp"

#include <charconv>
#include <cstdio>

#include "platform.hpp"
#include "probe.hpp"
#include "serve.hpp"

namespace k2s::worker {

namespace {

bool parse_number(const std::string &text, Inherited &number) {
    const auto *end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number);
    return parsed.ec == std::errc() && parsed.ptr == end;
}

} // namespace
} // namespace k2s::worker

/// 2: a wrong call.
int k2s::host::run(const std::vector<std::string> &arguments) {
    using namespace k2s::worker;
    Inherited report = 0;
    Inherited file = 0;
    const bool probes = arguments.size() == 6 && arguments[1].starts_with("probe");
    const auto kind = probes ? arguments[1].substr(5) : std::string();
    const bool known = kind.empty() || kind == "-hashed" || kind == "-foreign";
    if (probes && known && parse_number(arguments[4], report) && parse_number(arguments[5], file)) {
        be_quiet();
        probe({arguments[2], arguments[3], report, file, kind == "-hashed", kind == "-foreign"});
    }
    if (arguments.size() == 4 && arguments[1] == "serve" && parse_number(arguments[2], report) &&
        parse_number(arguments[3], file)) {
        be_quiet();
        serve(report, file);
    }
    std::fputs("k2s-worker is started by the K2s host; there is nothing to run by hand.\n"
               "usage: k2s-worker probe[-hashed|-foreign] LIBRARY PLUGIN-ID REPORT-HANDLE "
               "LIBRARY-HANDLE\n"
               "       k2s-worker serve LINE-HANDLE LIBRARY-HANDLE\n",
               stderr);
    return 2;
}
