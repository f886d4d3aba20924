// SPDX-License-Identifier: MIT
#include "layer/layer_check.hpp"

#include <vector>

#include "layer/entry_rules.hpp"

namespace k2s::image {
namespace {

Done drain(Source &source) {
    std::vector<char> rest(64U << 10U);
    for (;;) {
        const auto got = source.read(rest.data(), rest.size());
        if (!got) {
            return std::unexpected(got.error());
        }
        if (*got == 0) {
            return {};
        }
    }
}

/// Says how far the blob is read.
class Watched final : public Source {
  public:
    Watched(Source &inner, const Watch &watch) : inner_(inner), watch_(watch) {}
    Result<size_t> read(void *into, size_t size) override {
        if (watch_.stop()) {
            return stopped();
        }
        auto got = inner_.read(into, size);
        if (got) {
            watch_.done(*got);
        }
        return got;
    }

  private:
    Source &inner_;
    const Watch &watch_;
};

} // namespace

Result<LayerFacts> check_layer(Source &blob, bool windows, uint64_t limit, const Watch &watch) {
    Watched watched(blob, watch);
    Compression kind{};
    auto expanded = expand(watched, limit, kind);
    if (!expanded) {
        return pass(expanded);
    }
    HashedSource archive(**expanded);
    auto reader = TarReader::open(archive);
    if (!reader) {
        return pass(reader);
    }
    EntryRules rules(EntryRules::Links::as_in_layer, windows);
    uint64_t entries = 0;
    uint64_t bytes = 0;
    for (ArchiveEntry entry;;) {
        const auto more = (*reader)->next(entry);
        if (!more) {
            return std::unexpected(more.error());
        }
        if (!*more) {
            break;
        }
        if (auto path = rules.check(entry); !path) {
            return pass(path);
        }
        // The name claims a size; only what is there counts.
        if (entry.size > limit) {
            return fail(K2S_E_FAILED,
                        "the entry '{:.200}' claims {} bytes, more than the limit of {}",
                        entry.path, entry.size, limit);
        }
        entries += 1;
        bytes += entry.size;
    }
    // What follows the archive belongs to the digest.
    if (auto done = drain(archive); !done) {
        return pass(done);
    }
    if (auto done = drain(watched); !done) {
        return pass(done);
    }
    return LayerFacts{archive.finish(), kind, entries, bytes};
}

} // namespace k2s::image
