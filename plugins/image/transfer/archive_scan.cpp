// SPDX-License-Identifier: MIT
#include "transfer/archive_scan.hpp"

#include "base/json.hpp"
#include "layer/compression.hpp"
#include "layer/entry_rules.hpp"

namespace k2s::image {
namespace {

class FileSource final : public Source {
  public:
    FileSource(File file, const Watch &watch) : file_(std::move(file)), watch_(watch) {}
    Result<size_t> read(void *into, size_t size) override {
        if (watch_.stop()) {
            return stopped();
        }
        return file_.read(into, size);
    }

  private:
    File file_;
    const Watch &watch_;
};

} // namespace

Done scan_archive(const std::string &path, const VisitEntry &visit, const Watch &watch) {
    auto file = File::open(path);
    if (!file) {
        return pass(file);
    }
    const auto explain = [&](const Error &error) {
        return std::unexpected(Error{error.code, fmt::format("'{}': {}", path, error.message)});
    };
    FileSource source(std::move(*file), watch);
    auto expanded = expand(source, k_max_archive);
    if (!expanded) {
        return explain(expanded.error());
    }
    auto reader = TarReader::open(**expanded);
    if (!reader) {
        return explain(reader.error());
    }
    // Names that differ by case alone have no place in an archive of blobs on any system.
    EntryRules rules(EntryRules::Links::symbolic, true);
    for (ArchiveEntry entry;;) {
        const auto more = (*reader)->next(entry);
        if (!more) {
            return explain(more.error());
        }
        if (!*more) {
            return {};
        }
        const auto clean = rules.check(entry);
        if (!clean) {
            return explain(clean.error());
        }
        if (auto visited = visit(*clean, entry, **reader); !visited) {
            return explain(visited.error());
        }
    }
}

Result<std::string> read_entry(const std::string &path, const ArchiveEntry &entry,
                               Source &content) {
    if (entry.size > k_max_document) {
        return fail(K2S_E_FAILED, "its file '{}' has {} bytes, more than the limit of {}", path,
                    entry.size, k_max_document);
    }
    std::string text(static_cast<size_t>(entry.size), '\0');
    size_t done = 0;
    while (done < text.size()) {
        const auto got = content.read(text.data() + done, text.size() - done);
        if (!got) {
            return std::unexpected(got.error());
        }
        if (*got == 0) {
            return fail(K2S_E_FAILED, "its file '{}' ends too early", path);
        }
        done += *got;
    }
    return text;
}

} // namespace k2s::image
