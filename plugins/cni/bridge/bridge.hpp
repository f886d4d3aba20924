// SPDX-License-Identifier: MIT
#pragma once

// The plugin bridge of the system that is built for: on Linux a bridge of the kernel's, on Windows
// a network of HCN. They share verbs and results; their options have next to nothing in common.
#if defined(_WIN32)
#include "bridge/windows/bridge.hpp"
#else
#include "bridge/linux/bridge.hpp"
#endif
