// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <utility>

#include <k2s/abi/base.h>

namespace k2s {

/// What went wrong, for a person: the message names the thing, the reason and the remedy.
/// `code` is a negative K2S_E_* status; `exit_code(code)` is what a command ends with.
struct Error {
    int32_t code = K2S_E_FAILED;
    std::string message;
};

/// The process exit code of a status: documented per status in abi/base.h, 1 for the others.
constexpr int exit_code(int32_t status) noexcept {
    if (status >= 0) {
        return status;
    }
    return status >= K2S_E_PARTIAL ? -status : 1;
}

} // namespace k2s
