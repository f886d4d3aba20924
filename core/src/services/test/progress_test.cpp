// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <thread>

#include "services/progress.hpp"
#include "services/progress_line.hpp"
#include "services/test/support.hpp"

using namespace k2s::core;
using namespace k2s::core::test;

namespace {

struct Screen {
    uint32_t columns = 80;
    std::string written;
    Progress progress{Progress::Terminal{[this] { return columns; },
                                         [this](std::string_view text) { written += text; },
                                         [] { return false; }}};
    int owner = 0;

    /// Longer than the pause between two drawings.
    static void pause() { std::this_thread::sleep_for(110ms); }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(progress_, Screen)

BOOST_AUTO_TEST_CASE(a_bar_is_drawn_now_and_then_and_cleared) {
    const k2s_handle bar = progress.begin(&owner, "copy", 100, K2S_UNIT_ITEMS);
    BOOST_TEST_REQUIRE(bar != 0U);
    progress.advance(&owner, bar, 10);
    BOOST_TEST(written.empty()); // short work shows nothing at all
    pause();
    for (uint64_t i = 0; i < 1000; ++i) {
        progress.advance(&owner, bar, 50);
    }
    BOOST_TEST(written.starts_with("\rcopy ["));
    BOOST_TEST(written.find(" 50% 50/100 ") != std::string::npos);
    BOOST_TEST(std::count(written.begin(), written.end(), '\r') == 1); // rate-limited
    const std::size_t drawn = written.size() - 1;
    written.clear();
    progress.end(&owner, bar);
    BOOST_TEST(written == "\r" + std::string(drawn, ' ') + "\r");
    written.clear();
    pause();
    progress.advance(&owner, bar, 60); // gone
    progress.end(&owner, bar);
    BOOST_TEST(written.empty());
}

BOOST_AUTO_TEST_CASE(nothing_is_written_without_a_terminal) {
    columns = 0;
    const k2s_handle bar = progress.begin(&owner, "copy", 100, K2S_UNIT_BYTES);
    BOOST_TEST(bar != 0U);
    pause();
    progress.advance(&owner, bar, 50);
    progress.clear_line();
    progress.end(&owner, bar);
    BOOST_TEST(written.empty());
}

BOOST_AUTO_TEST_CASE(the_youngest_bar_is_shown) {
    const k2s_handle outer = progress.begin(&owner, "outer", 2, K2S_UNIT_ITEMS);
    const k2s_handle inner = progress.begin(&owner, "inner", 2, K2S_UNIT_ITEMS);
    pause();
    progress.advance(&owner, outer, 1);
    BOOST_TEST(written.starts_with("\rinner"));
    progress.end(&owner, inner);
    written.clear();
    pause();
    progress.advance(&owner, outer, 1);
    BOOST_TEST(written.starts_with("\router"));
    written.clear();
    progress.clear_line();
    BOOST_TEST(written.ends_with(" \r"));
    progress.end_all(&owner);
}

BOOST_AUTO_TEST_CASE(bars_belong_to_their_owner_and_are_bounded) {
    int other = 0;
    const k2s_handle bar = progress.begin(&owner, "mine", 10, K2S_UNIT_ITEMS);
    pause();
    progress.advance(&other, bar, 5);
    progress.end(&other, bar);
    BOOST_TEST(written.empty());
    for (std::size_t i = 1; i < Progress::k_max_bars; ++i) {
        BOOST_TEST_REQUIRE(progress.begin(&other, "x", 1, K2S_UNIT_ITEMS) != 0U);
    }
    BOOST_TEST(progress.begin(&owner, "x", 1, K2S_UNIT_ITEMS) == 0U);
    progress.end_all(&other);
    BOOST_TEST(progress.begin(&owner, "x", 1, K2S_UNIT_ITEMS) != 0U);
    progress.end_all(&owner);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(progress_lines)

BOOST_AUTO_TEST_CASE(fits_its_columns) {
    ProgressState state{.title = "image.tar",
                        .done = 3 * 1024 * 1024,
                        .total = 12 * 1024 * 1024,
                        .bytes = true,
                        .elapsed = std::chrono::seconds(2),
                        .columns = 80,
                        .color = false};
    BOOST_TEST(progress_line(state).text ==
               "image.tar [======>                        ]  25% 3.0 MiB/12.0 MiB 1.5 MiB/s 0:06");
    BOOST_TEST(progress_line(state).columns == 80U);
    state.columns = 50;
    BOOST_TEST(progress_line(state).text == "image.tar  25% 3.0 MiB/12.0 MiB 1.5 MiB/s 0:06");
    state.columns = 20;
    BOOST_TEST(progress_line(state).text == "image.tar  25%");
    state.columns = 5;
    BOOST_TEST(progress_line(state).text == "image");
    for (uint32_t columns = 0; columns < 120; ++columns) {
        state.columns = columns;
        const ProgressLine line = progress_line(state);
        BOOST_TEST(line.columns <= columns);
        BOOST_TEST(line.columns == line.text.size());
    }
}

BOOST_AUTO_TEST_CASE(says_what_is_known) {
    BOOST_TEST(
        progress_line({.title = "scan", .done = 7, .elapsed = std::chrono::seconds(7)}).text ==
        "scan 7 1/s");
    BOOST_TEST(
        progress_line({.title = "x", .done = 9, .total = 3, .elapsed = {}, .columns = 20}).text ==
        "x 100% 9/3 0/s");
    const ProgressLine colored = progress_line({.title = "x",
                                                .done = 1,
                                                .total = 2,
                                                .elapsed = std::chrono::seconds(1),
                                                .columns = 40,
                                                .color = true});
    BOOST_TEST(colored.text.find("\x1b[32m") != std::string::npos);
    BOOST_TEST(colored.columns == colored.text.size() - 9); // the escape sequences take no room
}

BOOST_AUTO_TEST_CASE(titles_are_cleaned) {
    BOOST_TEST(clean_title("a\x1b[2J\nb") == "a [2J b");
    BOOST_TEST(clean_title("\xFFx") == "\xEF\xBF\xBDx");
    BOOST_TEST(clean_title(std::string(1000, 'x')).size() == 256U);
    const ProgressLine line = progress_line({.title = "\xC3\xA4\xC3\xB6\xC3\xBC", .columns = 2});
    BOOST_TEST(line.text == "\xC3\xA4\xC3\xB6");
    BOOST_TEST(line.columns == 2U);
}

BOOST_AUTO_TEST_SUITE_END()
