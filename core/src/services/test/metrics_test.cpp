// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <array>
#include <cmath>
#include <limits>

#include "services/metrics.hpp"
#include "services/metrics_labels.hpp"
#include "services/process_metrics.hpp"

using namespace k2s::core;

namespace {

int32_t code_of(const auto &result) {
    return result ? K2S_OK : result.error().code;
}

Metrics::Description counter(std::string_view name, std::string_view labels = {}) {
    return {MetricKind::counter, name, "Help.", labels, {}};
}

constexpr std::array k_bounds{0.1, 1.0, 2.5};

} // namespace

BOOST_AUTO_TEST_SUITE(metrics)

BOOST_AUTO_TEST_CASE(text_is_prometheus_0_0_4) {
    Metrics metrics;
    const auto requests_b = metrics.open("proxy", counter("requests_total", "code=\"404\""));
    const auto requests_a = metrics.open("proxy", counter("requests_total", "code=\"200\""));
    const auto other =
        metrics.open("bridge", {MetricKind::counter, "requests_total", "Another help.", {}, {}});
    const auto open = metrics.open(
        "proxy", {MetricKind::gauge, "connections", "Open \\ with\nline feed.", {}, {}});
    const auto silent = metrics.open("proxy", {MetricKind::gauge, "z", {}, {}, {}});
    const auto seconds =
        metrics.open("proxy", {MetricKind::histogram, "seconds", "Time.", "a=\"\\\"\"", k_bounds});
    BOOST_TEST_REQUIRE((requests_a && requests_b && other && open && silent && seconds));
    metrics.add(*requests_a, 3);
    metrics.add(*requests_a, -1); // counters do not go down
    metrics.set(*requests_b, 41);
    metrics.add(*requests_b, 1);
    metrics.set(*open, 10);
    metrics.add(*open, -12);
    for (const double value : {0.05, 0.1, 0.5, 7.0}) {
        metrics.observe(*seconds, value);
    }
    metrics.observe(*seconds, std::nan(""));
    metrics.add(*seconds, 1);  // not a histogram's
    metrics.observe(*open, 1); // histograms only
    BOOST_TEST(metrics.text(false) ==
               "# HELP k2s_connections Open \\\\ with\\nline feed.\n"
               "# TYPE k2s_connections gauge\n"
               "k2s_connections{plugin=\"proxy\"} -2\n"
               "# HELP k2s_requests_total Help.\n"
               "# TYPE k2s_requests_total counter\n"
               "k2s_requests_total{plugin=\"bridge\"} 0\n"
               "k2s_requests_total{plugin=\"proxy\",code=\"200\"} 3\n"
               "k2s_requests_total{plugin=\"proxy\",code=\"404\"} 42\n"
               "# HELP k2s_seconds Time.\n"
               "# TYPE k2s_seconds histogram\n"
               "k2s_seconds_bucket{plugin=\"proxy\",a=\"\\\"\",le=\"0.1\"} 2\n"
               "k2s_seconds_bucket{plugin=\"proxy\",a=\"\\\"\",le=\"1\"} 3\n"
               "k2s_seconds_bucket{plugin=\"proxy\",a=\"\\\"\",le=\"2.5\"} 3\n"
               "k2s_seconds_bucket{plugin=\"proxy\",a=\"\\\"\",le=\"+Inf\"} 4\n"
               "k2s_seconds_sum{plugin=\"proxy\",a=\"\\\"\"} 7.65\n"
               "k2s_seconds_count{plugin=\"proxy\",a=\"\\\"\"} 4\n"
               "# TYPE k2s_z gauge\n"
               "k2s_z{plugin=\"proxy\"} 0\n");
}

BOOST_AUTO_TEST_CASE(finds_what_exists) {
    Metrics metrics;
    const auto first = metrics.open("a", counter("x"));
    BOOST_TEST(*metrics.open("a", counter("x")) == *first);
    BOOST_TEST(*metrics.open("b", counter("x")) != *first);
    BOOST_TEST(code_of(metrics.open("b", {MetricKind::gauge, "x", {}, {}, {}})) == K2S_E_EXISTS);
    const Metrics::Description histogram{MetricKind::histogram, "h", {}, {}, k_bounds};
    BOOST_TEST(*metrics.open("a", histogram) == *metrics.open("a", histogram));
    Metrics::Description fewer = histogram;
    fewer.bounds = std::span(k_bounds).first(2);
    BOOST_TEST(code_of(metrics.open("a", fewer)) == K2S_E_EXISTS);
    BOOST_TEST(code_of(metrics.open("a", counter("h_count"))) == K2S_E_EXISTS);
    BOOST_TEST_REQUIRE(metrics.open("a", counter("y_sum")).has_value());
    BOOST_TEST(code_of(metrics.open("a", {MetricKind::histogram, "y", {}, {}, {}})) ==
               K2S_E_EXISTS);
}

BOOST_AUTO_TEST_CASE(bad_descriptions_are_refused) {
    Metrics metrics;
    for (const char *name : {"", "X", "1x", "a-b", "a b", "a\xC3\xA4"}) {
        BOOST_TEST(code_of(metrics.open("a", counter(name))) == K2S_E_USAGE, name);
    }
    BOOST_TEST(code_of(metrics.open("a", counter(std::string(129, 'x')))) == K2S_E_USAGE);
    const std::array descending{2.0, 1.0};
    const std::array infinite{1.0, std::numeric_limits<double>::infinity()};
    for (const std::span<const double> bounds :
         {std::span<const double>(descending), std::span<const double>(infinite)}) {
        BOOST_TEST(code_of(metrics.open("a", {MetricKind::histogram, "h", {}, {}, bounds})) ==
                   K2S_E_USAGE);
    }
    BOOST_TEST(code_of(metrics.open("a", {MetricKind::gauge, "g", {}, {}, k_bounds})) ==
               K2S_E_USAGE);
    BOOST_TEST(code_of(metrics.open("a", {MetricKind::gauge, "g", "\xFF", {}, {}})) == K2S_E_USAGE);
    BOOST_TEST(metrics.text(false).empty());
}

BOOST_AUTO_TEST_CASE(labels_are_checked) {
    for (const char *good :
         {"", "a=\"\"", "a=\"x\",b_1=\"y\"", "A=\"\\\\ \\\" \\n\"", "a=\"\xC3\xA4,=}\""}) {
        BOOST_TEST(code_of(check_labels(good, false)) == K2S_OK, good);
    }
    for (const char *bad : {"a", "a=", "a=b", "a=\"x", "a=\"\\t\"", "a=\"\n\"", "1=\"x\"", "=\"x\"",
                            "a=\"x\" ", "a=\"x\",", ",a=\"x\"", "a=\"x\"b=\"y\"", "a=\"x\",a=\"y\"",
                            "plugin=\"x\"", "__a=\"x\"", "a=\"\\", "a=\"x\"} 1\n", "a=\"\xFF\""}) {
        BOOST_TEST(code_of(check_labels(bad, false)) == K2S_E_USAGE, bad);
    }
    BOOST_TEST(code_of(check_labels("le=\"1\"", false)) == K2S_OK);
    BOOST_TEST(code_of(check_labels("le=\"1\"", true)) == K2S_E_USAGE);
    BOOST_TEST(code_of(check_labels("a=\"" + std::string(1024, 'x') + "\"", false)) == K2S_E_USAGE);
}

BOOST_AUTO_TEST_CASE(unknown_handles_are_ignored) {
    Metrics metrics;
    const auto gone = metrics.open("a", counter("x"));
    metrics.remove_plugin("a");
    BOOST_TEST(metrics.text(false).empty());
    const auto next = metrics.open("b", counter("y")); // in the cell of the one that is gone
    BOOST_TEST(*next != *gone);
    for (const k2s_handle handle :
         {*gone, k2s_handle{0}, k2s_handle{1} << 32, *next + 1, *next + 300, ~k2s_handle{0}}) {
        metrics.add(handle, 5);
        metrics.set(handle, 5);
        metrics.observe(handle, 5);
    }
    BOOST_TEST(metrics.text(false).ends_with("k2s_y{plugin=\"b\"} 0\n"));
}

BOOST_AUTO_TEST_CASE(plugins_have_a_limit) {
    Metrics metrics;
    for (std::size_t i = 0; i < Metrics::k_max_per_plugin; ++i) {
        BOOST_TEST_REQUIRE(
            metrics.open("a", counter("x", "n=\"" + std::to_string(i) + "\"")).has_value());
    }
    BOOST_TEST(code_of(metrics.open("a", counter("y"))) == K2S_E_NO_MEMORY);
    BOOST_TEST(code_of(metrics.open("b", counter("y"))) == K2S_OK);
    metrics.remove_plugin("a");
    BOOST_TEST(code_of(metrics.open("a", counter("y"))) == K2S_OK);
}

BOOST_AUTO_TEST_CASE(the_process_is_measured) {
    const ProcessFacts facts = process_facts();
    BOOST_TEST_REQUIRE(facts.start_time_seconds.has_value());
    BOOST_TEST(*facts.start_time_seconds > 1.7e9); // after 2023
    BOOST_TEST(facts.resident_bytes.value_or(0) > 100'000U);
    BOOST_TEST(facts.open_descriptors.has_value()); // wine 8 counts none
    BOOST_TEST(facts.cpu_seconds.has_value());
    const std::string text = Metrics().text();
    BOOST_TEST(text.find("# TYPE process_start_time_seconds gauge\n") != std::string::npos);
    BOOST_TEST(text.find("\nprocess_resident_memory_bytes ") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
