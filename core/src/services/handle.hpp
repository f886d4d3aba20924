// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

#include <k2s/abi/base.h>

namespace k2s::core {

/// What a handle stands for, in its top byte: a handle of the wrong kind is never taken for
/// another.
enum class HandleKind : uint8_t { timer = 1, thread, provided, lease, subscription, bar };

/// The rest of a handle counts up over the whole process: none is used twice, and the order in
/// which a plugin made its things can be read off their handles (release in reverse order needs
/// it).
inline k2s_handle make_handle(HandleKind kind) noexcept {
    static std::atomic<uint64_t> last{0};
    return static_cast<uint64_t>(kind) << 56 | (last.fetch_add(1, std::memory_order_relaxed) + 1);
}

constexpr HandleKind handle_kind(k2s_handle handle) noexcept {
    return static_cast<HandleKind>(handle >> 56);
}

constexpr uint64_t handle_age(k2s_handle handle) noexcept {
    return handle & ((uint64_t{1} << 56) - 1);
}

} // namespace k2s::core
