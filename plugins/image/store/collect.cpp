// SPDX-License-Identifier: MIT
#include <set>

#include <boost/filesystem/directory.hpp>
#include <boost/filesystem/operations.hpp>

#include "store/store.hpp"
#include "store/walk.hpp"

namespace k2s::image {

Result<Store::Collected> Store::collect() const {
    const auto index = this->index();
    if (!index) {
        return std::unexpected(index.error());
    }
    std::set<Digest> needed;
    const ReadDocument read = documents_of(*this);
    for (const auto &image : index->manifests) {
        // A document that cannot be read hides what it needs: removing nothing is the safe side.
        const auto marked =
            walk(read, image, [&](const Descriptor &blob, Kind, const std::string &) {
                needed.insert(blob.digest);
                return Done();
            });
        if (!marked) {
            return fail(marked.error().code,
                        "nothing was removed, because the image '{}' is damaged: {}; remove that "
                        "image first",
                        name_of(image).empty() ? image.digest.text() : name_of(image),
                        marked.error().message);
        }
    }
    Collected collected;
    boost::system::error_code failed;
    const auto sweep = [&](const std::string &folder, std::string_view algorithm) {
        for (fs::directory_iterator at(to_path(folder), failed), end; !failed && at != end;
             at.increment(failed)) {
            if (!algorithm.empty()) {
                const auto digest = Digest::parse(
                    fmt::format("{}:{}", algorithm, from_path(at->path().filename())));
                if (!digest || needed.contains(*digest)) {
                    continue; // what is no blob is not ours to remove
                }
            }
            boost::system::error_code unknown;
            const uint64_t size = fs::file_size(at->path(), unknown);
            if (fs::remove(at->path(), unknown)) {
                collected.blobs += 1;
                collected.bytes += size == static_cast<uint64_t>(-1) ? 0 : size;
            }
        }
    };
    for (const std::string_view algorithm : {"sha256", "sha512"}) {
        sweep(folder_ + "/blobs/" + std::string(algorithm), algorithm);
        failed.clear();
    }
    sweep(ingest(), {});
    return collected;
}

} // namespace k2s::image
