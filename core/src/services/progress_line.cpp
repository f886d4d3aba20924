// SPDX-License-Identifier: MIT
#include "services/progress_line.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "util/utf8.hpp"

namespace k2s::core {

namespace {

constexpr std::size_t k_longest_title = 256;
constexpr std::size_t k_longest_bar = 40;
constexpr std::size_t k_shortest_bar = 8;

/// Characters of well-formed UTF-8.
std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }));
}

/// The first characters of well-formed UTF-8.
std::string_view first_characters(std::string_view text, std::size_t count) {
    std::size_t end = 0;
    for (; end < text.size(); ++end) {
        if ((static_cast<uint8_t>(text[end]) & 0xC0) != 0x80 && count-- == 0) {
            break;
        }
    }
    return text.substr(0, end);
}

std::string amount(double value, bool bytes) {
    if (!bytes) {
        return fmt::format("{:.0f}", value);
    }
    constexpr std::array k_units{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    std::size_t unit = 0;
    while (value >= 1024 && unit + 1 < k_units.size()) {
        value /= 1024;
        ++unit;
    }
    return fmt::format("{:.{}f} {}", value, unit == 0 ? 0 : 1, k_units[unit]);
}

std::string clock_text(double seconds) {
    if (!(seconds < 359'999)) {
        return "--:--";
    }
    const auto whole = static_cast<uint64_t>(seconds);
    return whole >= 3600 ? fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60)
                         : fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::string figures(const ProgressState &state) {
    const double seconds = std::chrono::duration<double>(state.elapsed).count();
    const double done = static_cast<double>(state.done);
    const double rate = seconds > 0 ? done / seconds : 0;
    std::string text = amount(done, state.bytes);
    if (state.total != 0) {
        text += "/" + amount(static_cast<double>(state.total), state.bytes);
    }
    text += " " + amount(rate, state.bytes) + "/s";
    if (state.total != 0 && rate > 0) {
        const double left = static_cast<double>(state.total - std::min(state.done, state.total));
        text += " " + clock_text(left / rate);
    }
    return text;
}

std::string bar(double fraction, std::size_t width, bool color) {
    const auto full = static_cast<std::size_t>(fraction * static_cast<double>(width));
    std::string filled(full, '=');
    if (full < width && full > 0) {
        filled.back() = '>';
    }
    const std::string rest(width - full, ' ');
    return color ? "[\x1b[32m" + filled + "\x1b[0m" + rest + "]" : "[" + filled + rest + "]";
}

} // namespace

ProgressLine progress_line(const ProgressState &state) {
    const std::size_t columns = state.columns;
    const std::string_view title = first_characters(state.title, columns);
    ProgressLine line{std::string(title), width_of(title)};
    const auto add = [&](const std::string &text, std::size_t width) {
        const bool fits = line.columns + 1 + width <= columns;
        if (fits) {
            line.text += (line.text.empty() ? "" : " ") + text;
            line.columns = line.columns + width + (line.columns == 0 ? 0 : 1);
        }
        return fits;
    };

    const std::string behind = figures(state);
    if (state.total == 0) {
        add(behind, behind.size());
        return line;
    }
    const double fraction =
        std::min(1.0, static_cast<double>(state.done) / static_cast<double>(state.total));
    const std::string percent = fmt::format("{:3.0f}%", std::floor(fraction * 100));
    const std::size_t needed = line.columns + 1 + percent.size() + 1 + behind.size() + 3;
    if (columns >= needed + k_shortest_bar) {
        const std::size_t width = std::min(columns - needed, k_longest_bar);
        add(bar(fraction, width, state.color), width + 2);
    }
    if (add(percent, percent.size())) {
        add(behind, behind.size());
    }
    return line;
}

std::string clean_title(std::string_view title) {
    std::string clean = lossy_utf8(title.substr(0, k_longest_title));
    clean.resize(utf8_prefix(clean, k_longest_title));
    for (char &c : clean) {
        if (static_cast<uint8_t>(c) < 0x20 || c == 0x7F) {
            c = ' ';
        }
    }
    return clean;
}

} // namespace k2s::core
