// SPDX-License-Identifier: MIT
// Fuzz target of what images are described by: an input is read as an index, a manifest, a
// configuration and a file with credentials, its first line as a name, a platform and a digest.
#include <cstdint>
#include <string>

#include "model/document.hpp"
#include "model/reference.hpp"
#include "registry/auth.hpp"
#include "require.hpp"
#include "store/walk.hpp"

using namespace k2s::image;

namespace {

/// What was read and written is read the same again.
template <class Document> void written_as_read(const std::string &text) {
    const auto document = Document::parse(text, "input");
    if (!document) {
        require(!document.error().message.empty());
        return;
    }
    const std::string once = document->text();
    const auto again = Document::parse(once, "itself");
    require(again && again->text() == once);
}

/// Every document that is asked for is the input itself: cycles end.
void walked(const std::string &text) {
    const ReadDocument read = [&](const Descriptor &) { return Result<std::string>(text); };
    for (const auto type : {media_type::index, media_type::manifest}) {
        const Descriptor root{std::string(type), Digest::of(text), text.size(), {}, {}};
        size_t blobs = 0;
        (void)walk(read, root, [&](const Descriptor &, Kind, const std::string &) {
            ++blobs;
            return Done();
        });
        require(blobs <= 2 * (text.size() / 64 + 1)); // a descriptor is longer than a digest
        (void)pick(read, root, Platform::here());
    }
}

void named(const std::string &line) {
    if (const auto reference = Reference::parse(line)) {
        const auto again = Reference::parse(reference->text());
        require(again && again->text() == reference->text());
    }
    if (const auto platform = Platform::parse(line)) {
        const auto again = Platform::parse(platform->text());
        require(again && again->text() == platform->text() && platform->matches(*again));
    }
    if (const auto digest = Digest::parse(line)) {
        require(digest->text() == line);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const std::string text(reinterpret_cast<const char *>(data), size);
    written_as_read<Index>(text);
    written_as_read<Manifest>(text);
    if (const auto config = ImageConfig::parse(text, "input")) {
        require(!config->platform.os.empty());
    }
    if (const auto found = credentials_from(text, "registry.local", "a/b"); found && *found) {
        require(!(*found)->user.empty() || !(*found)->identity_token.empty());
    }
    walked(text);
    named(text.substr(0, text.find('\n')));
    return 0;
}
