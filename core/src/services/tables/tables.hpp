// SPDX-License-Identifier: MIT
/// \file
/// The function tables that plugins call. Every function is noexcept, checks its arguments, and
/// leads to the service of the same name.
#pragma once

#include <string_view>

#include <k2s/abi/draft/config.h>
#include <k2s/abi/draft/events.h>
#include <k2s/abi/draft/registry.h>
#include <k2s/abi/executor.h>
#include <k2s/abi/host.h>
#include <k2s/abi/log.h>
#include <k2s/abi/metrics.h>
#include <k2s/abi/process.h>
#include <k2s/abi/progress.h>
#include <k2s/abi/stdio.h>

#include "services/ports.hpp"

namespace k2s::core::tables {

extern const k2s_config config;
extern const k2s_events events;
extern const k2s_executor executor;
extern const k2s_metrics metrics;
extern const k2s_process process;
extern const k2s_progress progress;
extern const k2s_registry registry;
extern const k2s_stdio stdio;

/// k2s.log holds a pointer to the threshold, so each scope has its own table.
k2s_log make_log(const int32_t *threshold) noexcept;

/// All but k2s.log; NULL for an unknown id or an interface that the ports do not carry.
const void *find(const Ports &ports, std::string_view id) noexcept;

/// k2s_host::get.
const void *K2S_CALL get(const k2s_host *host, k2s_str id) noexcept;

} // namespace k2s::core::tables
