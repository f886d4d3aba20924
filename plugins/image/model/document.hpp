// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.hpp"
#include "base/json.hpp"
#include "model/media_type.hpp"
#include "model/platform.hpp"

// The documents of the OCI image specification 1.1. Reading checks; bytes that came from elsewhere
// are kept as they are, since their digest names them.
namespace k2s::image {

using Annotations = std::map<std::string, std::string>;

inline constexpr const char *k_ref_name = "org.opencontainers.image.ref.name";
inline constexpr const char *k_full_name = "io.containerd.image.name";

struct Descriptor {
    std::string media_type;
    Digest digest;
    uint64_t size = 0;
    std::optional<Platform> platform;
    Annotations annotations;

    static Result<Descriptor> read(const Json &object, const std::string &what);
    Json json() const;
};

struct Index {
    std::vector<Descriptor> manifests;
    Annotations annotations;

    static constexpr size_t k_max_entries = 10'000;

    static Result<Index> parse(std::string_view text, const std::string &what);
    std::string text() const;
};

struct Manifest {
    std::string media_type;
    Descriptor config;
    std::vector<Descriptor> layers;
    Annotations annotations;

    static constexpr size_t k_max_layers = 1000;

    static Result<Manifest> parse(std::string_view text, const std::string &what);
    std::string text() const;
};

/// What runs, and how. Keeps what it does not know.
struct ImageConfig {
    Platform platform;
    std::vector<Digest> diff_ids; // of the layers, uncompressed
    Json document;

    static Result<ImageConfig> parse(std::string_view text, const std::string &what);
};

} // namespace k2s::image
