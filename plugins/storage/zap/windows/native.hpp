// SPDX-License-Identifier: MIT
/// \file
/// The few calls of ntdll that open a file relative to a directory's handle; Win32 has none.
/// Documented as NtCreateFile (winternl.h) and in the driver kit.
#pragma once

#include <system_error>

#include <windows.h>
#include <winternl.h>

#include "../dir.hpp"

namespace k2s::zap {

constexpr ULONG k_share_all = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

/// Opens `name` in the directory, the link itself where it is one, with backup rights where the
/// process has them. INVALID_HANDLE_VALUE: `failed` has the reason.
HANDLE open_at(HANDLE directory, const Name &name, ACCESS_MASK access, std::error_code &failed);

std::error_code windows_error(DWORD error);

/// A path that may be longer than 260 characters.
std::wstring long_form(const fs::path &path);

} // namespace k2s::zap
