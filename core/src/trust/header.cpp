// SPDX-License-Identifier: MIT
#include "trust/binary_format.hpp"
#include "trust/identity.hpp"
#include "util/path.hpp"

namespace k2s::core::trust {

namespace {

Result<void> check_header(const OpenLibrary &library) {
    const auto name = path_text(library.path());
    const auto size = library.identity().size;
    if (size == 0) {
        return fail(K2S_E_FAILED, "plugin library '{}' is empty; install the plugin again", name);
    }
    if (size > k_file_max) {
        return fail(K2S_E_FAILED, "plugin library '{}' has {} bytes; more than {} is not loaded",
                    name, size, k_file_max);
    }
    return check_binary([&](std::uint64_t offset, void *buffer,
                            std::size_t count) { return library.read_at(offset, buffer, count); },
                        size, this_platform(), name);
}

} // namespace

Result<OpenLibrary> OpenLibrary::open(const fs::path &library) {
    auto result = open_any(library);
    if (result) {
        if (auto header = check_header(*result); !header) {
            return pass(header);
        }
    }
    return result;
}

} // namespace k2s::core::trust
