// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE probe
#include <boost/test/included/unit_test.hpp>

#include <cstdlib>

#include <boost/filesystem/operations.hpp>

#include "trust/binary_format.hpp"
#include "trust/probe.hpp"
#include "util/environment.hpp"
#include "util/path.hpp"

using namespace k2s::core;
using namespace k2s::core::trust;
using namespace std::chrono_literals;

namespace {

fs::path from_build(const char *name) {
    const auto value = environment(name);
    BOOST_REQUIRE_MESSAGE(value, name << " is not set: run it through meson test");
    return path_from_utf8(*value);
}

fs::path fixture(const std::string &way) {
    const std::string extension = this_platform().format == Format::Pe ? ".dll" : ".so";
    return from_build("K2S_PROBE_FIXTURES") / ("probe-" + way + extension);
}

ProbeResult must_probe(const fs::path &file, std::chrono::milliseconds deadline = 20s) {
    auto library = OpenLibrary::open(file);
    BOOST_REQUIRE_MESSAGE(library, (library ? "" : library.error().message));
    auto result = probe(from_build("K2S_WORKER"), *library, "fixture",
                        trust::ProbeRules{deadline, {}, false});
    BOOST_REQUIRE_MESSAGE(result, (result ? "" : result.error().message));
    // Whatever it did, the file itself was hashed before.
    BOOST_TEST(result->sha256.size() == 64u);
    BOOST_TEST_MESSAGE(result->message);
    return *result;
}

void expect_bad(const std::string &way, const std::string &stage, int code,
                const std::string &words, std::chrono::milliseconds deadline = 20s) {
    BOOST_TEST_CONTEXT(way) {
        const auto result = must_probe(fixture(way), deadline);
        BOOST_TEST(!result.good);
        BOOST_TEST(result.stage == stage);
        BOOST_TEST(result.code == code);
        BOOST_TEST(result.message.find(words) != std::string::npos, result.message);
        BOOST_TEST(result.message.find("probe-" + way) != std::string::npos, result.message);
    }
}

} // namespace

BOOST_AUTO_TEST_CASE(a_good_library) {
    const auto result = must_probe(fixture("good"));
    BOOST_TEST(result.good, result.message);
    BOOST_TEST(result.id == "fixture");
    BOOST_TEST(result.version == "1.2.3");
    // The same bytes under another name have the same hash; others do not.
    const auto copy = fs::temp_directory_path() / fs::unique_path("k2s-%%%%%%%%.so");
    fs::copy_file(fixture("good"), copy);
    BOOST_TEST(must_probe(copy).sha256 == result.sha256);
    fs::remove(copy);
    // A hash that is known is not made again.
    auto library = OpenLibrary::open(fixture("good"));
    const std::string known(64, 'a');
    auto probed = probe(from_build("K2S_WORKER"), *library, "fixture", {20s, known});
    BOOST_REQUIRE(probed);
    BOOST_TEST(probed->good, probed->message);
    BOOST_TEST(probed->sha256 == known);
    BOOST_TEST(must_probe(fixture("noisy")).sha256 != result.sha256);
}

BOOST_AUTO_TEST_CASE(prints_do_not_disturb_the_report) {
    const auto result = must_probe(fixture("noisy"));
    BOOST_TEST(result.good, result.message);
    BOOST_TEST(result.version == "1.2.3");
}

BOOST_AUTO_TEST_CASE(libraries_that_are_wrong) {
    expect_bad("no_entry", "symbol", K2S_E_CONFIG, "k2s_plugin_entry_v1");
    expect_bad("abi_2", "symbol", K2S_E_UNSUPPORTED, "ABI 2.x");
    expect_bad("fail", "entry", K2S_E_PERMISSION, "no licence \xef\xbf\xbd found");
    expect_bad("wrong_id", "descriptor", K2S_E_CONFIG, "'somebody'");
    expect_bad("new_minor", "descriptor", K2S_E_UNSUPPORTED, "newer host");
    expect_bad("short", "descriptor", K2S_E_FAILED, "incomplete");
    expect_bad("nothing", "descriptor", K2S_E_FAILED, "no descriptor");
}

BOOST_AUTO_TEST_CASE(libraries_that_take_the_worker_along) {
    expect_bad("crash", "entry", K2S_E_FAILED, "ended by");
    expect_bad("throw", "entry", K2S_E_FAILED, "in its entry function");
    expect_bad("exit_at_load", "load", K2S_E_FAILED, "exited with code 0");
    expect_bad("hang", "entry", K2S_E_TIMEOUT, "hung in its entry", 3s);
    expect_bad("hang_at_load", "load", K2S_E_TIMEOUT, "hung while it was being loaded", 3s);
}

BOOST_AUTO_TEST_CASE(a_worker_that_cannot_be_used) {
    auto library = OpenLibrary::open(fixture("good"));
    BOOST_REQUIRE(library);
    auto missing = probe(from_build("K2S_WORKER").parent_path() / "no-such-worker", *library, "x");
    BOOST_TEST_REQUIRE(!missing);
    BOOST_TEST(missing.error().code == K2S_E_NOT_FOUND);
    // A program that is no worker, and knows nothing of a report.
    auto other = probe(from_build("K2S_PROBE_FIXTURES") / "probe-no-worker", *library, "x");
    BOOST_TEST_REQUIRE(!other);
    BOOST_TEST(other.error().message.find("before it began") != std::string::npos,
               other.error().message);
}
