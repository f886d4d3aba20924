// SPDX-License-Identifier: MIT
#include "transfer/copy.hpp"

#include <vector>

#include "store/walk.hpp"

namespace k2s::image {

Done store_blob(Intact &to, Source &source, const Descriptor &expected, const Watch &watch) {
    auto writer = to.store().write(expected.digest.algorithm());
    if (!writer) {
        return pass(writer);
    }
    std::vector<char> buffer(256U << 10U);
    for (;;) {
        const auto got = source.read(buffer.data(), buffer.size());
        if (!got) {
            return std::unexpected(got.error());
        }
        if (*got == 0) {
            break;
        }
        if (watch.stop()) {
            return stopped();
        }
        if (writer->size() + *got > expected.size) {
            return fail(K2S_E_FAILED, "the blob {} came with more than its {} bytes",
                        expected.digest.text(), expected.size);
        }
        if (auto written = writer->write(buffer.data(), *got); !written) {
            return written;
        }
        watch.done(*got);
    }
    if (auto digest = writer->commit(&expected); !digest) {
        return pass(digest);
    }
    to.add(expected.digest);
    return {};
}

Done copy_image(const Store &from, Intact &to, const Descriptor &image, const Watch &watch) {
    return walk(documents_of(from), image,
                [&](const Descriptor &blob, Kind, const std::string &document) -> Done {
                    const auto intact = to.check(blob, watch);
                    if (!intact) {
                        return std::unexpected(intact.error());
                    }
                    if (*intact) {
                        watch.done(blob.size);
                        return {};
                    }
                    if (!document.empty()) {
                        auto put = to.store().put(document, blob.media_type);
                        if (!put) {
                            return pass(put);
                        }
                        return {};
                    }
                    auto reader = from.read(blob);
                    if (!reader) {
                        return pass(reader);
                    }
                    return store_blob(to, *reader, blob, watch);
                });
}

} // namespace k2s::image
