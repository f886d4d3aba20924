// SPDX-License-Identifier: MIT
#pragma once

#include "validator.hpp"

namespace k2s::validator {

Verdict start_and_stop(const Subject &subject, std::uint64_t seed);
Verdict stop_in_use(const Subject &subject, std::uint64_t seed);
Verdict settings(const Subject &subject, std::uint64_t seed);

} // namespace k2s::validator
