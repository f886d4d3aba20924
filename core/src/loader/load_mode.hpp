// SPDX-License-Identifier: MIT
#pragma once

#include <boost/dll/shared_library.hpp>

#ifdef _WIN32
#include <windows.h> // Boost declares only the flags it knows itself
#endif

namespace k2s::core {

#ifdef _WIN32
// The library's own folder and System32, never the current folder or PATH.
constexpr auto k_load_mode = static_cast<boost::dll::load_mode::type>(
    LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | LOAD_LIBRARY_SEARCH_SYSTEM32);
#else
constexpr auto k_load_mode = boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local;
#endif

} // namespace k2s::core
