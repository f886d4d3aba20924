// SPDX-License-Identifier: MIT
#include "util/real.hpp"

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <locale.h>
#include <string>

namespace k2s::core {

// Not std::from_chars: that of libstdc++ needs libm, which nothing else here does.
std::optional<double> parse_real(std::string_view text) {
    static const locale_t plain = ::newlocale(LC_ALL_MASK, "C", nullptr);
    if (text.empty() || text.front() == '+' ||
        text.find_first_not_of("0123456789.eE+-") != std::string_view::npos) {
        return std::nullopt;
    }
    const std::string terminated(text);
    char *end = nullptr;
    errno = 0;
    const double value = ::strtod_l(terminated.c_str(), &end, plain);
    const bool fits = errno == 0 || (value != 0 && std::isfinite(value)); // also a denormal number
    return fits && end == terminated.c_str() + terminated.size() ? std::optional(value)
                                                                 : std::nullopt;
}

} // namespace k2s::core
