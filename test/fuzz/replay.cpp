// SPDX-License-Identifier: MIT
// Runs a fuzz target without libFuzzer, so that every compiler can:
//   replay [-mutations=N] [-seed=N] [-keep] PATH…
// Each file (of each folder) is given to the target as it is and in N mutated forms. The mutations
// depend on the seed alone, so a failure comes again with -keep, which writes each input to the
// file "crash-input" before it runs.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <boost/filesystem.hpp>

namespace fs = boost::filesystem;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

namespace {

std::vector<std::string> read_corpus(const std::vector<fs::path> &paths) {
    std::vector<fs::path> files;
    for (const auto &path : paths) {
        if (!fs::is_directory(path)) {
            files.push_back(path);
            continue;
        }
        for (const auto &entry : fs::recursive_directory_iterator{path}) {
            if (fs::is_regular_file(entry.path())) {
                files.push_back(entry.path());
            }
        }
    }
    std::sort(files.begin(), files.end());
    std::vector<std::string> corpus;
    for (const auto &path : files) {
        FILE *const file = std::fopen(path.string().c_str(), "rb");
        if (file == nullptr) {
            std::fprintf(stderr, "replay: cannot read %s\n", path.string().c_str());
            std::exit(2);
        }
        std::string text;
        std::string block(64 * 1024, '\0');
        while (const size_t n = std::fread(block.data(), 1, block.size(), file)) {
            text.append(block, 0, n);
        }
        std::fclose(file);
        corpus.push_back(std::move(text));
    }
    return corpus;
}

class Mutator {
  public:
    Mutator(const std::vector<std::string> &corpus, uint64_t seed)
        : corpus_{corpus}, random_{seed} {}

    std::string mutate(const std::string &from) {
        std::string text = from;
        for (size_t steps = 1 + below(6); steps > 0; --steps) {
            step(text);
        }
        return text;
    }

  private:
    size_t below(size_t bound) { return bound == 0 ? 0 : random_() % bound; }

    void step(std::string &text) {
        // Bytes that mean something to a text format come more often than others.
        constexpr std::string_view k_special = "[]{},:-?&*!|>'\"%@`#~<=. \t\n\r\\0\xEF\xBB\xBF\xE2";
        const size_t at = below(text.size() + 1);
        const char special = k_special[below(k_special.size())];
        switch (below(7)) {
        case 0:
            text.insert(at, 1, special);
            break;
        case 1:
            text.erase(at, 1 + below(8));
            break;
        case 2:
            if (at < text.size()) {
                text[at] = below(4) == 0 ? static_cast<char>(random_()) : special;
            }
            break;
        case 3: // repeat a part
            text.insert(at, text.substr(at, 1 + below(20)));
            break;
        case 4: // a part from elsewhere
            text.insert(below(text.size() + 1), text.substr(at, 1 + below(20)));
            break;
        case 5: { // a part of another file
            const std::string &other = corpus_[below(corpus_.size())];
            text.insert(at, other.substr(below(other.size() + 1), 1 + below(40)));
            break;
        }
        default:
            text.resize(at);
            break;
        }
    }

    const std::vector<std::string> &corpus_;
    std::mt19937_64 random_;
};

void run(const std::string &text, bool keep) {
    FILE *const file = keep ? std::fopen("crash-input", "wb") : nullptr;
    if (file != nullptr) {
        std::fwrite(text.data(), 1, text.size(), file);
        std::fclose(file);
    }
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t *>(text.data()), text.size());
}

} // namespace

int main(int argc, char **argv) {
    constexpr std::string_view k_mutations = "-mutations=";
    constexpr std::string_view k_seed = "-seed=";
    size_t mutations = 0;
    uint64_t seed = 1;
    bool keep = false;
    std::vector<fs::path> paths;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument.starts_with(k_mutations)) {
            mutations = std::strtoull(argv[i] + k_mutations.size(), nullptr, 10);
        } else if (argument.starts_with(k_seed)) {
            seed = std::strtoull(argv[i] + k_seed.size(), nullptr, 10);
        } else if (argument == "-keep") {
            keep = true;
        } else {
            paths.emplace_back(argv[i]);
        }
    }
    const auto corpus = read_corpus(paths);
    if (corpus.empty()) {
        std::fputs("usage: replay [-mutations=N] [-seed=N] [-keep] PATH...\n", stderr);
        return 2;
    }
    Mutator mutator{corpus, seed};
    size_t runs = 0;
    for (const auto &text : corpus) {
        run(text, keep);
        ++runs;
        for (size_t i = 0; i < mutations; ++i, ++runs) {
            run(mutator.mutate(text), keep);
        }
    }
    if (keep) {
        std::remove("crash-input");
    }
    std::printf("%zu inputs\n", runs);
    return 0;
}
