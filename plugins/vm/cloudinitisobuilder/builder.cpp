// SPDX-License-Identifier: MIT
#include "builder.hpp"

#include <algorithm>
#include <new>

#include <k2s/sdk/atomic_file.hpp>

#include "iso_names.hpp"
#include "source_file.hpp"

namespace k2s::cloudinitisobuilder {
namespace {

constexpr size_t k_name_limit = 255; // of a Rock Ridge name, and of a file name on Linux
constexpr size_t k_findings_in_message = 20;

std::expected<void, Error> check_options(const Options &options) {
    if (options.source_dir.empty() || options.target.empty()) {
        return fail(K2S_E_USAGE, options.source_dir.empty()
                                     ? "no source directory; name the one with the seed's files"
                                     : "no target file; name the image to write");
    }
    const bool label_ok = !options.label.empty() && options.label.size() <= k_label_limit &&
                          std::all_of(options.label.begin(), options.label.end(), [](char c) {
                              return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                     (c >= '0' && c <= '9') || c == '_' || c == '-';
                          });
    if (!label_ok) {
        return fail(K2S_E_USAGE, "volume label '" + options.label +
                                     "': 1 to 16 letters, digits, '_' and '-' are possible; "
                                     "cloud-init looks for 'cidata'");
    }
    if (options.epoch < 0 || options.epoch > k_latest_epoch) {
        return fail(K2S_E_USAGE, "time stamp " + std::to_string(options.epoch) +
                                     ": an ISO 9660 image takes 0 (1970) to " +
                                     std::to_string(k_latest_epoch) + " (2155)");
    }
    // The image would become part of the next build.
    if (same_directory(options.source_dir, parent_of(options.target))) {
        return fail(K2S_E_USAGE, "the target '" + options.target +
                                     "' lies in the source directory; write it elsewhere, or the "
                                     "next image holds this one");
    }
    return {};
}

std::expected<void, Error> check_name(const std::string &name) {
    const std::optional<std::u16string> wide = utf16(name);
    if (!wide) {
        return fail(K2S_E_FAILED, "the name of a file is not UTF-8: '" + name + "'; rename it");
    }
    const bool control =
        std::any_of(wide->begin(), wide->end(), [](char16_t c) { return c < 0x20 || c == 0x7f; });
    if (control || name.size() > k_name_limit) {
        return fail(K2S_E_FAILED, control
                                      ? "the name of a file has a control character; rename it"
                                      : "the name '" + name + "' has more than " +
                                            std::to_string(k_name_limit) + " bytes; shorten it");
    }
    return {};
}

std::expected<void, Error> read_files(Plan &plan) {
    const Options &options = plan.options;
    auto entries = list_directory(options.source_dir, options.max_entries);
    if (!entries) {
        return std::unexpected(entries.error());
    }
    std::sort(entries->begin(), entries->end(),
              [](const SourceEntry &a, const SourceEntry &b) { return a.name < b.name; });
    uint64_t left = std::min<uint64_t>(options.max_bytes, UINT32_MAX); // one extent per file
    for (const SourceEntry &entry : *entries) {
        const std::string path = join(options.source_dir, entry.name);
        if (entry.kind == EntryKind::directory) {
            plan.report.skipped.push_back(entry.name);
            plan.report.findings.push_back({Severity::notice, entry.name, 0, 0,
                                            "a directory, skipped: the image holds files only"});
            continue;
        }
        if (entry.kind != EntryKind::file) {
            return fail(K2S_E_FAILED,
                        "'" + path + "' is " +
                            (entry.kind == EntryKind::symbolic_link ? "a symbolic link"
                                                                    : "not a regular file") +
                            "; put a copy of the content there");
        }
        if (auto ok = check_name(entry.name); !ok) {
            return ok;
        }
        auto content = read_regular_file(path, left);
        if (!content) {
            return std::unexpected(content.error());
        }
        left -= content->size();
        plan.report.files.push_back({entry.name, content->size()});
        plan.files.push_back({entry.name, std::move(*content)});
        if (utf16(entry.name)->size() > k_joliet_limit) {
            plan.report.findings.push_back({Severity::warning, entry.name, 0, 0,
                                            "longer than the 64 characters of Joliet: a reader on "
                                            "Windows sees a shortened name"});
        }
    }
    return {};
}

} // namespace

std::expected<Plan, Error> plan(const Options &options) try {
    if (auto ok = check_options(options); !ok) {
        return std::unexpected(ok.error());
    }
    Plan plan;
    plan.options = options;
    if (auto ok = read_files(plan); !ok) {
        return std::unexpected(ok.error());
    }
    Findings &findings = plan.report.findings;
    if (options.validation != Validation::off) {
        Findings found = check_seed(plan.files);
        std::move(found.begin(), found.end(), std::back_inserter(findings));
        if (options.label != "cidata" && options.label != "CIDATA") {
            findings.push_back(
                {Severity::warning, "volume label", 0, 0,
                 "'" + options.label + "' is not what cloud-init looks for: cidata"});
        }
    }
    plan.report.passed = std::none_of(findings.begin(), findings.end(), [&](const Finding &f) {
        return f.severity == Severity::error ||
               (f.severity == Severity::warning && options.validation == Validation::strict);
    });
    std::vector<IsoFile> iso_files;
    for (const SeedFile &file : plan.files) {
        iso_files.push_back({file.name, static_cast<uint32_t>(file.content.size())});
    }
    auto layout = lay_out(options.label, options.epoch, iso_files);
    if (!layout) {
        return std::unexpected(layout.error());
    }
    plan.layout = std::move(*layout);
    plan.report.image_bytes = plan.layout.image_bytes;
    return plan;
} catch (const std::bad_alloc &) {
    return fail(K2S_E_NO_MEMORY, "the files of '" + options.source_dir +
                                     "' do not fit into memory; keep only the seed's files there");
}

std::expected<Report, Error> write(const Plan &plan) {
    if (!plan.report.passed) {
        std::string message = "'" + plan.options.target + "' was not written, because of";
        size_t shown = 0;
        for (const Finding &finding : plan.report.findings) {
            if (finding.severity != Severity::notice && shown++ < k_findings_in_message) {
                message += "\n" + finding.text();
            }
        }
        return fail(K2S_E_FAILED, std::move(message));
    }
    AtomicFile file;
    const std::string zeros(size_t{k_trailing_blocks} * k_block, '\0');
    bool ok = file.open(plan.options.target, plan.options.file_mode) &&
              file.write(plan.layout.header.data(), plan.layout.header.size());
    for (const SeedFile &seed : plan.files) {
        const size_t padding = blocks_of(seed.content.size()) * k_block - seed.content.size();
        ok = ok && file.write(seed.content.data(), seed.content.size()) &&
             file.write(zeros.data(), padding);
    }
    if (!ok || !file.write(zeros.data(), zeros.size()) || !file.commit()) {
        return std::unexpected(file.error());
    }
    return plan.report;
}

std::expected<Report, Error> build(const Options &options) {
    auto planned = plan(options);
    if (!planned) {
        return std::unexpected(planned.error());
    }
    return write(*planned);
}

} // namespace k2s::cloudinitisobuilder
