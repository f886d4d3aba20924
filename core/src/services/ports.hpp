// SPDX-License-Identifier: MIT
/// \file
/// What the services need from the rest of the core, as small function types, so that neither side
/// includes the other and tests can stand in for it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <k2s/abi/log.h>

#include "util/result.hpp"

namespace k2s::core {

/// Takes one record that has passed the threshold. `fields` are well-formed structs (no NULL text
/// with a length), but their text may be any bytes: cleaning it is the sink's part. [any-thread]
using LogSink = std::function<void(int32_t level, std::string_view plugin, std::string_view message,
                                   std::span<const k2s_field> fields)>;

/// The JSON text at an RFC 6901 pointer of the plugin's settings. [any-thread]
using ConfigReader =
    std::function<Result<std::string>(std::string_view plugin, std::string_view pointer)>;

/// Counts up with every change of the plugin's settings. [any-thread, no-block]
using ConfigGeneration = std::function<uint64_t(std::string_view plugin)>;

/// k2s_process_spec after validation; everything is borrowed for the call.
struct ProcessRequest {
    using Output = std::function<bool(std::string_view)>; ///< false ends the child

    std::vector<std::string> argv; ///< at least one; argv[0] is an absolute path
    std::vector<std::string> env;  ///< "NAME=value" adds, "NAME" removes
    std::string directory;         ///< empty: the host's
    std::string_view input;
    Output out; ///< empty: discarded
    Output err;
    uint64_t output_limit = 0; ///< bytes per stream, never 0
    std::chrono::milliseconds deadline{0};
};

struct ProcessOutcome {
    int32_t exit_code = 0;
    uint32_t signal = 0;
    bool timed_out = false;
};

/// Runs a child to its end; an error when it did not run or its output was cut short.
/// [any-thread, may-block]
using ProcessRunner =
    std::function<Result<ProcessOutcome>(std::string_view plugin, const ProcessRequest &request)>;

/// What Services is built from. An empty function means that the interface is not offered
/// (`k2s_host::get` answers NULL), except for `log`: records are dropped then.
struct Ports {
    std::string version; ///< the product's
    LogSink log;
    /// Shared with the log: what plugins compare with before they build a record. Has to outlive
    /// every scope. NULL: warnings and worse.
    const int32_t *log_threshold = nullptr;
    ConfigReader config;
    ConfigGeneration config_generation;
    ProcessRunner process;
    /// Tables that stand in for those of this process, by id: a worker passes on what belongs to
    /// its host. Empty, or NULL for an id: the usual one.
    std::function<const void *(std::string_view id)> replaced;
};

} // namespace k2s::core
