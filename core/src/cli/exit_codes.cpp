// SPDX-License-Identifier: MIT
#include <k2s/abi/base.h>

#include "cli/cli.hpp"

namespace k2s::core {

std::span<const CommonExitCode> common_exit_codes() {
    static constexpr CommonExitCode k_codes[] = {
        {0, "done"},
        {-K2S_E_FAILED, "failed for a reason without a code of its own"},
        {-K2S_E_USAGE, "wrong call: unknown option, missing or malformed value"},
        {-K2S_E_CONFIG, "configuration or manifest is wrong"},
        {-K2S_E_UNSUPPORTED, "not on this platform, not in this build, or switched off"},
        {-K2S_E_PERMISSION, "not allowed for this user or by policy"},
        {-K2S_E_NOT_FOUND, "the named thing does not exist"},
        {-K2S_E_TIMEOUT, "a deadline passed"},
        {-K2S_E_PARTIAL, "some of it was done; the message says what was not"},
    };
    return k_codes;
}

} // namespace k2s::core
