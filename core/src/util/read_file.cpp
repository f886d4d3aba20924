// SPDX-License-Identifier: MIT
#include "util/read_file.hpp"

namespace k2s::core {

Result<std::string> read_file(const fs::path &path, std::size_t max_bytes) {
    auto content = read_file_if_exists(path, max_bytes);
    if (!content) {
        return pass(content);
    }
    if (!*content) {
        return fail(K2S_E_NOT_FOUND, "cannot read {}: it does not exist", path_text(path));
    }
    return std::move(**content);
}

} // namespace k2s::core
