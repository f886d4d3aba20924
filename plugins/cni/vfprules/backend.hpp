// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "vfprules/vfprules.hpp"

namespace k2s::vfprules {

using Clock = std::chrono::steady_clock;
using Deadline = Clock::time_point;

inline std::chrono::milliseconds left(Deadline deadline) {
    const auto rest =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    return rest.count() > 0 ? rest : std::chrono::milliseconds(0);
}

template <class... Arguments>
std::unexpected<Error> fail(int32_t code, fmt::format_string<Arguments...> text,
                            Arguments &&...arguments) {
    return std::unexpected(Error{code, fmt::format(text, std::forward<Arguments>(arguments)...)});
}

/// What puts rules on ports. Each call ends about at its deadline. K2S_E_NOT_FOUND: the port is not
/// there (yet).
class Backend {
  public:
    virtual ~Backend() = default;
    virtual std::string_view name() const = 0;

    /// `known` are the names that this port got before; what is no longer wanted goes.
    virtual Expected<std::vector<Finding>> ensure(const std::string &port,
                                                  const std::vector<Rule> &rules,
                                                  const std::vector<std::string> &known,
                                                  Deadline deadline) = 0;
    virtual Expected<std::vector<Finding>> inspect(const std::string &port,
                                                   const std::vector<Rule> &rules,
                                                   const std::vector<std::string> &known,
                                                   Deadline deadline) = 0;
    virtual Expected<std::vector<Finding>>
    remove(const std::string &port, const std::vector<std::string> &known, Deadline deadline) = 0;
    /// What `ensure` does on a port without rules, for a person to read.
    virtual std::vector<std::string> commands(const std::string &port,
                                              const std::vector<Rule> &rules) = 0;
};

/// The system's backend, chosen by what is there. K2S_E_UNSUPPORTED names what is missing,
/// K2S_E_USAGE an unknown name.
Expected<std::unique_ptr<Backend>> open_backend(const Options &options, const Config &config,
                                                Deadline deadline);

/// False: it cannot be the id of a port on this system.
bool is_port_id(std::string_view text);

/// True: a port may appear a little after its id is known, also after it was away.
bool ports_come_back();

/// True: rules may stay behind when their port is gone, for the next one of that name.
bool rules_outlive_ports();

/// False: it cannot be the name of a rule, which ends up in a line of words that vfpctrl takes
/// apart.
bool is_rule_name(std::string_view text);

/// Where ports are remembered when the options do not say.
std::string default_records();

} // namespace k2s::vfprules
