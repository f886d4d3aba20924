// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE process
#define BOOST_TEST_NO_MAIN
#define BOOST_TEST_ALTERNATIVE_INIT_API
#include <boost/test/included/unit_test.hpp>

#include <cstdlib>
#include <thread>

#include <boost/filesystem/operations.hpp>

#include "process/command.hpp"
#include "process/process.hpp"
#include "process/test/child.hpp"
#include "util/path.hpp"

#ifndef _WIN32
#include <unistd.h>
#endif

using namespace k2s::core;
using namespace k2s::core::process;
using namespace std::chrono_literals;

namespace {

Spec self(std::vector<std::string> role) {
    Spec spec;
    spec.program = *executable_path();
    spec.arguments = {"--child"};
    spec.arguments.insert(spec.arguments.end(), role.begin(), role.end());
    spec.deadline = 30s;
    return spec;
}

Outcome must_run(Spec spec) {
    auto outcome = run(std::move(spec));
    BOOST_REQUIRE_MESSAGE(outcome, (outcome ? "" : outcome.error().message));
    return *outcome;
}

std::string output_of(Spec spec) {
    std::string text;
    spec.out = Output::append(text, 1 << 20);
    const auto outcome = must_run(std::move(spec));
    BOOST_TEST(outcome.succeeded(), describe(outcome));
    std::erase(text, '\r');
    return text;
}

bool dies(std::uint64_t process) {
    for (int n = 0; n < 200 && child::is_alive(process); ++n) {
        child::sleep_ms(20);
    }
    return !child::is_alive(process);
}

double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

const std::vector<std::string> k_odd_arguments = {"",
                                                  "plain",
                                                  "two words",
                                                  "a\"quote",
                                                  "back\\slash",
                                                  "end\\",
                                                  "end \\",
                                                  "\\\"",
                                                  "\\\\\" x",
                                                  "tab\there",
                                                  "*.txt",
                                                  "%PATH%",
                                                  "$(id)",
                                                  "a&b|c>d^e",
                                                  "--x=\"y z\\\"",
                                                  "Gr\xc3\xbc\xc3\x9f",
                                                  "\xf0\x9f\x98\x80",
                                                  "'"};

std::string hex_lines(const std::vector<std::string> &texts) {
    std::string result;
    for (const auto &text : texts) {
        for (unsigned char c : text) {
            result += fmt::format("{:02x}", c);
        }
        result += '\n';
    }
    return result;
}

} // namespace

BOOST_AUTO_TEST_CASE(arguments_arrive_unchanged) {
    std::vector<std::string> role{"arguments"};
    role.insert(role.end(), k_odd_arguments.begin(), k_odd_arguments.end());
    BOOST_TEST(output_of(self(role)) == hex_lines(k_odd_arguments));
}

#ifndef _WIN32
BOOST_AUTO_TEST_CASE(arguments_need_not_be_utf8) {
    BOOST_TEST(output_of(self({"arguments", "\xff\xfe\x80"})) == "fffe80\n");
}

BOOST_AUTO_TEST_CASE(no_other_descriptor_is_inherited) {
    const int low = ::dup(0);
    const int high = ::dup2(0, 200);
    BOOST_TEST(output_of(self({"handles"})) == "0 1 2 ");
    auto spec = self({"handles", "", ""});
    std::string report;
    spec.report = Output::append(report, 100);
    spec.report_argument = 2;
    spec.passed = {{high, 3}};
    BOOST_TEST(output_of(std::move(spec)) == "0 1 2 3 4 ");
    ::close(low);
    ::close(high);
}
#endif

BOOST_AUTO_TEST_CASE(exit_codes_and_crashes) {
    auto outcome = must_run(self({"exit", "7"}));
    BOOST_TEST(outcome.exit_code == 7);
    BOOST_TEST((outcome.end == End::Exited));
    BOOST_TEST(describe(outcome) == "exited with code 7");
    outcome = must_run(self({"crash"}));
    BOOST_TEST((outcome.end == End::Crashed));
#ifdef _WIN32
    BOOST_TEST(outcome.signal == 0xC0000005u);
    BOOST_TEST(describe(outcome) == "was ended by exception 0xC0000005 (access violation)");
#else
    BOOST_TEST(outcome.signal == 6u);
    BOOST_TEST(describe(outcome) == "was ended by signal 6 (Aborted)");
#endif
}

BOOST_AUTO_TEST_CASE(streams_are_apart) {
    std::string out;
    std::string err;
    std::string report;
    auto spec = self({"both"});
    spec.out = Output::append(out, 100);
    spec.err = Output::append(err, 100);
    must_run(std::move(spec));
    BOOST_TEST(out == "to out");
    BOOST_TEST(err == "to err");

    out.clear();
    spec = self({"report", "?"});
    spec.out = Output::append(out, 100);
    spec.report = Output::append(report, 100);
    spec.report_argument = 2;
    must_run(std::move(spec));
    BOOST_TEST(out == "noise");
    BOOST_TEST(report == "result");
}

BOOST_AUTO_TEST_CASE(input_of_any_size) {
    for (std::size_t size : {0, 1, 300000}) {
        auto spec = self({"cat"});
        spec.input = std::string(size, 'i');
        BOOST_TEST(output_of(std::move(spec)).size() == size);
    }
    // A child that does not read its input is no error.
    auto spec = self({"exit", "0"});
    spec.input = std::string(300000, 'i');
    BOOST_TEST(must_run(std::move(spec)).succeeded());
}

BOOST_AUTO_TEST_CASE(environment_is_changed_as_asked) {
    auto spec = self({"environment", "K2S_TEST_ADDED"});
    spec.set_environment = {{"K2S_TEST_ADDED", "v\xc3\xa4lue = 1"}};
    BOOST_TEST(output_of(spec) == "v\xc3\xa4lue = 1");
    spec.arguments.back() = "PATH";
    BOOST_TEST(output_of(spec) != "(unset)");
    spec.unset_environment = {"PATH"};
    BOOST_TEST(output_of(spec) == "(unset)");
    spec.set_environment = {{"bad=name", "x"}};
    BOOST_TEST(run(spec).error().code == K2S_E_USAGE);
}

BOOST_AUTO_TEST_CASE(deadline_ends_the_whole_tree) {
    std::string out;
    auto spec = self({"parent"});
    spec.out = Output::append(out, 100);
    spec.deadline = 1500ms;
    const auto start = std::chrono::steady_clock::now();
    const auto outcome = must_run(std::move(spec));
    BOOST_TEST((outcome.end == End::Deadline));
    BOOST_TEST(seconds_since(start) < 8.0);
    const auto escaped = std::strtoull(out.c_str(), nullptr, 10);
    BOOST_TEST_REQUIRE(escaped != 0u);
    BOOST_TEST(!child::is_alive(escaped));
}

BOOST_AUTO_TEST_CASE(what_a_program_leaves_behind_ends_with_it) {
    std::string out;
    auto spec = self({"leaver"});
    spec.out = Output::append(out, 100);
    const auto start = std::chrono::steady_clock::now();
    BOOST_TEST(must_run(std::move(spec)).succeeded());
    BOOST_TEST(seconds_since(start) < 8.0); // although the descendant holds the output open
    const auto escaped = std::strtoull(out.c_str(), nullptr, 10);
    BOOST_TEST_REQUIRE(escaped != 0u);
    BOOST_TEST(!child::is_alive(escaped));
}

BOOST_AUTO_TEST_CASE(cancellation_from_another_thread) {
    std::stop_source source;
    auto spec = self({"hang"});
    spec.cancel = source.get_token();
    const auto start = std::chrono::steady_clock::now();
    std::jthread other([&] {
        child::sleep_ms(200);
        source.request_stop();
    });
    BOOST_TEST((must_run(std::move(spec)).end == End::Cancelled));
    BOOST_TEST(seconds_since(start) < 8.0);
}

BOOST_AUTO_TEST_CASE(going_away_ends_the_tree) {
    std::uint64_t pid = 0;
    {
        auto process = Process::start(self({"hang"}));
        BOOST_REQUIRE(process);
        pid = process->id();
        BOOST_TEST(child::is_alive(pid));
    }
    BOOST_TEST(dies(pid));
}

BOOST_AUTO_TEST_CASE(death_of_the_host_ends_the_tree) {
    // The host is started past the code under test, so that nobody else cleans up.
    const auto file = fs::temp_directory_path() / fs::unique_path("k2s-process-%%%%%%%%");
    auto spec = self({"exit", "0"});
    const auto host = child::start_plain({"--child", "host", path_to_utf8(file)});
    BOOST_TEST_REQUIRE(host != 0u);
    std::uint64_t escaped = 0;
    for (int n = 0; n < 500 && escaped == 0; ++n) {
        child::sleep_ms(20);
        if (FILE *in = std::fopen(file.string().c_str(), "r")) {
            unsigned long long pid = 0;
            if (std::fscanf(in, "%llu\n", &pid) == 1) {
                escaped = pid;
            }
            std::fclose(in);
        }
    }
    BOOST_TEST_REQUIRE(escaped != 0u);
    BOOST_TEST(child::is_alive(escaped));
    child::kill_only(host);
    BOOST_TEST(dies(escaped));
    fs::remove(file);
}

BOOST_AUTO_TEST_CASE(output_is_bounded) {
    std::string out;
    auto spec = self({"flood", "100"});
    spec.out = Output::append(out, 100000);
    auto outcome = must_run(spec);
    BOOST_TEST(outcome.succeeded());
    BOOST_TEST(outcome.truncated);
    BOOST_TEST(out.size() == 100000u);

    out.clear();
    spec = self({"flood", "1000000"});
    spec.out = Output::append(out, 100000, true);
    outcome = must_run(spec);
    BOOST_TEST((outcome.end == End::OutputLimit));
    BOOST_TEST(out.size() == 100000u);

    spec.out = Output::deliver([](std::string_view) { return false; }, 1 << 30);
    BOOST_TEST((must_run(spec).end == End::OutputLimit));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_started) {
    Spec spec;
    spec.program = "k2s-no-such-program";
    auto outcome = run(spec);
    BOOST_TEST_REQUIRE(!outcome);
    BOOST_TEST(outcome.error().code == K2S_E_NOT_FOUND);
    BOOST_TEST(outcome.error().message.find("k2s-no-such-program") != std::string::npos);

    spec.program = executable_path()->parent_path() / "k2s-no-such-program";
    BOOST_TEST(run(spec).error().code == K2S_E_NOT_FOUND);

    spec = self({"exit", "0"});
    spec.directory = "k2s-no-such-directory";
    outcome = run(spec);
    BOOST_TEST_REQUIRE(!outcome);
    BOOST_TEST(outcome.error().code == K2S_E_NOT_FOUND);
    BOOST_TEST(outcome.error().message.find("k2s-no-such-directory") != std::string::npos);

    spec = self({"exit", std::string("a\0b", 3)});
    BOOST_TEST(run(spec).error().code == K2S_E_USAGE);

    const auto folder = fs::temp_directory_path() / fs::unique_path("k2s-process-%%%%%%%%");
    fs::create_directory(folder);
    const auto file = folder / "not-a-program.exe";
    if (FILE *out = std::fopen(file.string().c_str(), "w")) {
        std::fputs("no program at all, and long enough to be looked at", out);
        std::fclose(out);
    }
    spec.program = file;
    spec.arguments.clear();
#ifndef _WIN32
    BOOST_TEST(run(spec).error().code == K2S_E_PERMISSION);
    fs::permissions(file, fs::owner_all);
#endif
    BOOST_TEST(run(spec).error().code == K2S_E_UNSUPPORTED);
    fs::remove_all(folder);
#ifdef _WIN32
    spec.program = "anything.bat";
    BOOST_TEST(run(spec).error().code == K2S_E_UNSUPPORTED);
#endif
}

BOOST_AUTO_TEST_CASE(command_line_as_windows_splits_it) {
    BOOST_TEST(windows_command_line("C:\\a b\\x.exe", {"a", "", "b c", "d\"e", "f\\", "g h\\"}) ==
               R"("C:\a b\x.exe" a "" "b c" "d\"e" f\ "g h\\")");
}

BOOST_AUTO_TEST_CASE(many_at_once) {
    std::vector<std::jthread> threads;
    std::atomic<int> good{0};
    for (int n = 0; n < 8; ++n) {
        threads.emplace_back([&, n] {
            for (int round = 0; round < 5; ++round) {
                std::string text;
                auto spec = self({"arguments", std::to_string(n)});
                spec.out = Output::append(text, 100);
                const auto outcome = run(std::move(spec));
                good += outcome && outcome->succeeded() && text.starts_with("3") ? 1 : 0;
            }
        });
    }
    threads.clear();
    BOOST_TEST(good == 40);
}

int main(int argc, char **argv) {
    auto arguments = child::arguments(argc, argv);
    if (arguments.size() > 2 && arguments[1] == "--child") {
        arguments.erase(arguments.begin(), arguments.begin() + 2);
        return child::play(arguments);
    }
    return boost::unit_test::unit_test_main(init_unit_test, argc, argv);
}
