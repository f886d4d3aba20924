// SPDX-License-Identifier: MIT
#include "validator.hpp"

#include <algorithm>
#include <charconv>
#include <random>

#include <boost/filesystem/operations.hpp>

#include "../common/arguments.hpp"
#include "app/output.hpp"
#include "app/tree.hpp"
#include "install/package.hpp"
#include "process/process.hpp"
#include "util/path.hpp"
#include "util/utf8.hpp"
#include "util/write_file.hpp"

namespace k2s::validator {

using namespace core;

namespace {

constexpr std::string_view k_usage =
    R"(Usage: k2s-plugin-validator FOLDER|FILE.k2splugin [--json|--junit] [--seed N] [--case NAME]

Checks a plugin against the rules of docs/abi, each case in a process of its own.

  --json         the report as JSON
  --junit        the report as JUnit XML
  --seed N       repeat a run: the seed that its report shows
  --case NAME    only this case; may be repeated

Examples:
  k2s-plugin-validator ./hello
  k2s-plugin-validator hello-1.0.0.k2splugin --junit >report.xml

Exit codes: 0 nothing failed, 1 a case failed or crashed, 2 wrong call, 3 plugin.json or the archive is
wrong, 6 not found. The plugin runs with your rights: validate strangers' plugins in a container.
)";
constexpr std::size_t k_report_max = 64 * 1024;
constexpr std::size_t k_noise_max = 2000;
constexpr std::string_view k_child = "--child";
constexpr std::string_view k_mark = "k2s-validator-verdict:"; // what a plugin prints is not this

struct Call {
    std::string target;
    Style style = Style::text;
    std::uint64_t seed = std::random_device()();
    std::vector<std::string> cases;
};

bool parse_seed(const std::string &text, std::uint64_t &seed) {
    const char *end = text.data() + text.size();
    return !text.empty() && std::from_chars(text.data(), end, seed).ptr == end;
}

const Case *find_case(std::string_view name) {
    const auto cases = all_cases();
    const auto found = std::ranges::find(cases, name, &Case::name);
    return found == cases.end() ? nullptr : &*found;
}

bool parse(const std::vector<std::string> &arguments, Call &call) {
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        const auto &word = arguments[i];
        const bool has_value = i + 1 < arguments.size();
        if (word == "--json" || word == "--junit") {
            call.style = word == "--json" ? Style::json : Style::junit;
        } else if (word == "--seed" && has_value && parse_seed(arguments[i + 1], call.seed)) {
            ++i;
        } else if (word == "--case" && has_value && find_case(arguments[i + 1]) != nullptr) {
            call.cases.push_back(arguments[++i]);
        } else if (!word.starts_with('-') && call.target.empty()) {
            call.target = word;
        } else {
            return false;
        }
    }
    return !call.target.empty();
}

/// One case, in the process that was started for it.
int run_child(const std::vector<std::string> &arguments) {
    const Case *one = find_case(arguments[2]);
    std::uint64_t seed = 0;
    parse_seed(arguments[4], seed);
    const auto subject = read_subject(path_from_utf8(arguments[3]));
    auto verdict = subject ? one->check(*subject, seed) : failed(subject.error().message);
    if (const auto broken = first_violation(); verdict.outcome < Outcome::fail && !broken.empty()) {
        verdict = failed("it " + broken);
    }
    // Past whatever the plugin printed, and past its destructors.
    write_out(fmt::format("\n{}{}{}\n", k_mark, static_cast<int>(verdict.outcome),
                          lossy_utf8(verdict.message)));
    end_process(0);
}

std::string last_words(std::string noise) {
    auto text = lossy_utf8(noise);
    for (auto &c : text) {
        c = static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
    return text.find_first_not_of(' ') == std::string::npos ? std::string()
                                                            : "; it printed: " + text;
}

Verdict run_case(const Case &one, const Subject &subject, std::uint64_t seed,
                 const fs::path &program) {
    std::string out;
    std::string err;
    process::Spec spec;
    spec.program = program;
    spec.arguments = {std::string(k_child), std::string(one.name), path_to_utf8(subject.folder),
                      std::to_string(seed)};
    spec.out = process::Output::append(out, k_report_max);
    spec.err = process::Output::append(err, k_noise_max);
    spec.set_environment = {{"K2S_DEBUG_THREADS", "1"}};
    spec.deadline = one.limit;
    const auto outcome = process::run(std::move(spec));
    if (!outcome) {
        return {Outcome::crash, outcome.error().message};
    }
    if (outcome->end == process::End::Deadline) {
        return failed(
            fmt::format("it hung and was ended after {} s{}", one.limit.count(), last_words(err)));
    }
    const auto at = out.rfind(k_mark);
    if (!outcome->succeeded() || at == std::string::npos || at + k_mark.size() >= out.size()) {
        return {Outcome::crash,
                fmt::format("its process {}{}", process::describe(*outcome), last_words(err))};
    }
    auto text = out.substr(at + k_mark.size());
    const int number = text.front() - '0';
    while (text.ends_with('\n') || text.ends_with('\r')) {
        text.pop_back();
    }
    return number >= 0 && number <= static_cast<int>(Outcome::crash)
               ? Verdict{static_cast<Outcome>(number), text.substr(1)}
               : Verdict{Outcome::crash, "it wrote into the validator's report"};
}

/// The folder of an archive's files, gone at the end.
class Unpacked {
  public:
    Unpacked() = default;
    Unpacked(const Unpacked &) = delete;
    Unpacked &operator=(const Unpacked &) = delete;
    ~Unpacked() {
        boost::system::error_code ignored;
        if (!folder_.empty()) {
            fs::remove_all(folder_, ignored);
        }
    }
    Result<fs::path> unpack(const fs::path &archive) {
        const Tree tree(executable_path().value_or(fs::path()).parent_path().parent_path());
        auto package = install::read_package(tree.archive, archive);
        if (!package) {
            return pass(package);
        }
        boost::system::error_code failed;
        const auto temporary = fs::temp_directory_path(failed);
        if (!failed) {
            folder_ = temporary / fs::unique_path("k2s-validator-%%%%%%%%");
            fs::create_directory(folder_, failed);
        }
        if (failed) {
            return fail(K2S_E_IO, "cannot make a folder for the files of '{}': {}",
                        path_text(archive), failed.message());
        }
        for (const auto &[name, content] : package->files) {
            if (auto done = write_file(folder_ / path_from_utf8(name), content); !done) {
                return pass(done);
            }
        }
        return folder_;
    }

  private:
    fs::path folder_;
};

int complain(const Error &why) {
    write_err(fmt::format("k2s-plugin-validator: {}\n", why.message));
    return exit_code(why.code);
}

} // namespace
} // namespace k2s::validator

/// 0: nothing failed or crashed; 1: something did; 2: wrong call; 3, 4, 6: there is no plugin.
int k2s::host::run(const std::vector<std::string> &arguments) {
    using namespace k2s::validator;
    if (arguments.size() == 5 && arguments[1] == k_child && find_case(arguments[2]) != nullptr) {
        return run_child(arguments);
    }
    Call call;
    if (arguments.size() == 2 && (arguments[1] == "--help" || arguments[1] == "-h")) {
        return write_out(k_usage) ? 0 : 1;
    }
    if (!parse(arguments, call)) {
        write_err(k_usage);
        return exit_code(K2S_E_USAGE);
    }
    Unpacked unpacked;
    Result<fs::path> folder = fs::absolute(path_from_utf8(call.target));
    boost::system::error_code not_seen;
    if (!fs::is_directory(*folder, not_seen)) {
        folder = unpacked.unpack(*folder);
    }
    auto subject = folder ? read_subject(*folder) : pass(folder);
    const auto &program = executable_path();
    if (!subject || !program) {
        return complain(subject ? program.error() : subject.error());
    }
    std::vector<Finding> findings;
    for (const auto &one : all_cases()) {
        if (!call.cases.empty() && std::ranges::find(call.cases, one.name) == call.cases.end()) {
            continue;
        }
        const auto begin = std::chrono::steady_clock::now();
        auto verdict = run_case(one, *subject, call.seed, *program);
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
        findings.push_back({&one, std::move(verdict), took.count()});
    }
    write_out(report(*subject, call.seed, findings, call.style));
    return std::ranges::any_of(
        findings, [](const Finding &one) { return one.verdict.outcome >= Outcome::fail; });
}
