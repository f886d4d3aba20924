// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "finding.hpp"
#include "iso_image.hpp"
#include "result.hpp"
#include "seed_check.hpp"

namespace k2s::cloudinitisobuilder {

enum class Validation {
    off,      ///< pack whatever is there
    standard, ///< what cloud-init cannot use stops the build; warnings do not
    strict,   ///< warnings stop it, too
};

struct Options {
    std::string source_dir; ///< UTF-8
    std::string target;     ///< UTF-8; replaced in one step
    Validation validation = Validation::standard;
    std::string label = "cidata";       ///< 1–16 of A–Z a–z 0–9 _ -
    int64_t epoch = 0;                  ///< every time in the image; see SOURCE_DATE_EPOCH
    size_t max_entries = 1000;          ///< files and directories in source_dir
    uint64_t max_bytes = 256ULL << 20U; ///< of all files together; they are held in memory
    unsigned file_mode = 0644;          ///< of a new target, less the umask (not on Windows)
};

/// What will be, or was, built.
struct Report {
    struct File {
        std::string name;
        uint64_t size = 0;
    };
    std::vector<File> files;          ///< sorted by name, as in the image
    std::vector<std::string> skipped; ///< directories
    Findings findings;
    uint64_t image_bytes = 0;
    bool passed = true; ///< false: findings that stop the build under the chosen validation
};

/// A seed that was read and checked. What was checked is what `write` packs: it reads nothing
/// again.
struct Plan {
    Options options;
    Report report;
    std::vector<SeedFile> files;
    IsoLayout layout;
};

/// Reads and checks the source directory; writes nothing. Findings are not an Error: see
/// `report.passed`. Errors: K2S_E_USAGE (options), K2S_E_NOT_FOUND, K2S_E_PERMISSION, K2S_E_IO
/// (source), K2S_E_NO_MEMORY (a bound), K2S_E_FAILED (a symbolic link or special file).
std::expected<Plan, Error> plan(const Options &options);

/// Writes the image. Fails with K2S_E_FAILED and the findings in the message when the plan has not
/// passed. A failure leaves an old target as it was, and nothing else.
std::expected<Report, Error> write(const Plan &plan);

/// Both in one.
std::expected<Report, Error> build(const Options &options);

} // namespace k2s::cloudinitisobuilder
