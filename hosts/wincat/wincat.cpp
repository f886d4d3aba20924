// SPDX-License-Identifier: MIT
/// \file
/// One TCP (or UDP) connection as a pipe. The kubelet's port forwarding runs it inside Windows
/// pods, so it stands alone: no core, no plugin, no C++ runtime.
#include <stdio.h>
#include <string.h>

#include "options.hpp"
#include "platform.hpp"
#include "relay.hpp"

#include "version.h"

namespace {

int complain(int code, const char *message) {
    fprintf(stderr, "wincat: %s\n", message);
    fflush(stderr);
    return code;
}

int run(int argc, char **argv) {
    using namespace k2s::wincat;
    Options options;
    char why[512];
    if (!parse(argc, argv, options, why)) {
        return complain(2, why);
    }
    if (options.help || options.version) {
        if (options.help) {
            fputs(k_help, stdout);
        } else {
            printf("wincat: %s\n%s", k2s_version_string, k2s_version_details);
        }
        return fflush(stdout) == 0 ? 0 : 1;
    }
    if (int error = 0; !start_network(error)) {
        error_text(error, why, sizeof(why));
        return complain(1, why);
    }
    Outcome outcome;
    const Socket socket = dial(options, outcome);
    if (socket != -1) {
        outcome = relay(socket, options);
    }
    return outcome.code == 0 ? 0 : complain(outcome.code, outcome.message);
}

} // namespace

int main(int argc, char **argv) {
    k2s::wincat::end_process(run(argc, argv));
}
