// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

// OCI image spec 1.1, media types; Docker's are the same documents under older names.
namespace k2s::image::media_type {

inline constexpr std::string_view index = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view manifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view config = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view layer = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view layer_gzip = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view layer_zstd = "application/vnd.oci.image.layer.v1.tar+zstd";

inline constexpr std::string_view docker_index =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view docker_manifest =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view docker_config = "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view docker_layer_gzip =
    "application/vnd.docker.image.rootfs.diff.tar.gzip";

constexpr bool is_index(std::string_view type) {
    return type == index || type == docker_index;
}
constexpr bool is_manifest(std::string_view type) {
    return type == manifest || type == docker_manifest;
}
constexpr bool is_config(std::string_view type) {
    return type == config || type == docker_config;
}

/// A tar of files, however compressed. The "nondistributable" and "foreign" ones are Windows' base
/// layers of earlier years.
constexpr bool is_layer(std::string_view type) {
    return type.starts_with(layer) || type.starts_with("application/vnd.docker.image.rootfs.") ||
           type.starts_with("application/vnd.oci.image.layer.nondistributable.v1.tar");
}

} // namespace k2s::image::media_type
