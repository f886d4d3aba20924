// SPDX-License-Identifier: MIT
#include <algorithm>

#include "common/text.hpp"
#include "registry/registry.hpp"

namespace k2s::image {
namespace {

constexpr size_t k_piece = 16U << 20U;
constexpr size_t k_largest_piece = 512U << 20U;
constexpr int k_attempts = 5; // without progress

/// "Range: 0-N": how many bytes the registry has.
uint64_t received(const HttpResponse &response) {
    const std::string header = response.header("range");
    std::string_view range = header;
    range.remove_prefix(range.starts_with("bytes=") ? 6 : 0);
    const size_t dash = range.find('-');
    const auto last =
        dash == range.npos ? std::nullopt : parse_decimal<uint64_t>(range.substr(dash + 1));
    return last && *last > 0 ? *last + 1 : 0; // "0-0" is what registries say of nothing
}

bool may_pass(const Result<HttpResponse> &response) {
    return response ? response->status == 429 || response->status == 416 || response->status >= 500
                    : response.error().code == K2S_E_IO || response.error().code == K2S_E_TIMEOUT;
}

} // namespace

/// Distribution spec, pushing a blob in chunks. After a break the registry is asked how far it
/// came.
Done Registry::put_blob(const Descriptor &blob,
                        const std::function<Result<std::string>(uint64_t, size_t)> &read_at) {
    const auto begun = insist(request("POST", "blobs/uploads/"));
    if (!begun) {
        return std::unexpected(begun.error());
    }
    if (begun->status != 202) {
        return refusal(*begun, "an upload");
    }
    auto place = next_place(base_, *begun);
    if (!place) {
        return pass(place);
    }
    size_t piece = k_piece;
    if (const auto least = parse_decimal<uint64_t>(begun->header("oci-chunk-min-length"))) {
        piece = std::clamp<size_t>(*least, k_piece, k_largest_piece);
    }
    uint64_t done = 0;
    for (int attempt = 0; blob.size > piece && done < blob.size;) {
        const auto bytes =
            read_at(done, static_cast<size_t>(std::min<uint64_t>(piece, blob.size - done)));
        if (!bytes) {
            return std::unexpected(bytes.error());
        }
        HttpRequest patch{"PATCH", *place, {}, *bytes};
        patch.headers = {{"Content-Type", "application/octet-stream"},
                         {"Content-Range", fmt::format("{}-{}", done, done + bytes->size() - 1)}};
        auto response = send(patch);
        if (response && response->status == 202) {
            done += bytes->size();
            watch_->done(bytes->size());
            attempt = 0;
            if (auto next = next_place(*place, *response); next) {
                place = std::move(next);
            }
            continue;
        }
        if (!may_pass(response) || ++attempt == k_attempts) {
            return response ? refusal(*response, "a piece of " + blob.digest.text())
                            : Done(std::unexpected(response.error()));
        }
        if (auto waited = wait(attempt); !waited) {
            return waited;
        }
        const auto status = insist(HttpRequest{"GET", *place, {}, {}});
        if (!status) {
            return std::unexpected(status.error());
        }
        if (status->status / 100 != 2) {
            return refusal(*status, "going on with an upload");
        }
        done = std::min(received(*status), blob.size);
        if (auto next = next_place(*place, *status); next) {
            place = std::move(next);
        }
    }
    std::string last;
    if (done == 0) {
        auto bytes = read_at(0, static_cast<size_t>(blob.size));
        if (!bytes) {
            return pass(bytes);
        }
        last = std::move(*bytes);
    }
    HttpRequest put{"PUT", *place, {}, last};
    put.url.target += (place->target.find('?') == std::string::npos ? "?" : "&");
    put.url.target += "digest=" + encode_query(blob.digest.text());
    put.headers = {{"Content-Type", "application/octet-stream"}};
    const auto finished = insist(put);
    if (!finished) {
        return std::unexpected(finished.error());
    }
    watch_->done(last.size());
    if (finished->status == 201) {
        return {};
    }
    // The answer to an earlier attempt may have been lost.
    if (const auto there = has_blob(blob.digest); there && *there) {
        return {};
    }
    return refusal(*finished, "the blob " + blob.digest.text());
}

} // namespace k2s::image
