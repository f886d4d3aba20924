// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/digest.hpp"

namespace k2s::image {

/// `[HOST[:PORT]/]PATH[:TAG][@DIGEST]`, completed as Docker, containerd and the kubelet do it:
/// `pause` is `docker.io/library/pause:latest`.
struct Reference {
    std::string registry; // "docker.io", "localhost:5000"
    std::string path;     // "library/pause"
    std::string tag;      // empty only beside a digest
    std::optional<Digest> digest;

    static Result<Reference> parse(std::string_view text);

    /// Without the digest: what the store keeps an image under.
    std::string name() const;
    std::string text() const { return name() + (digest ? "@" + digest->text() : ""); }
};

} // namespace k2s::image
