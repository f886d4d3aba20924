// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/source.hpp"
#include "layer/tar_writer.hpp"

namespace k2s::image {

/// What a layer will hold, by path; so it is sorted and no path is there twice.
struct LayerTree {
    struct Node {
        TarEntry entry;
        std::string source; // the file with the content; empty: `content` is it
        std::string content;
    };
    std::map<std::string, Node> nodes;

    static constexpr size_t k_max_nodes = 2'000'000;
};

struct TreeOptions {
    bool windows = false; // the image's system: names differ by more than their case
    uint64_t uid = 0;
    uint64_t gid = 0;
    std::optional<uint32_t> mode; // of files, instead of their own
    int64_t epoch = 0;            // no entry is younger
    bool keep_times = false;      // up to `epoch`; otherwise every entry has that time
};

/// Adds SOURCE:DESTINATION. A file becomes DESTINATION, or gets into it when it ends with '/'; the
/// content of a folder gets into DESTINATION. Links stay links; nothing is followed. Refused are
/// devices, pipes, sockets, names that mean something to layers (`.wh.`) or are no UTF-8, and paths
/// that another addition has as something else.
Done add_to_tree(LayerTree &tree, const std::string &spec, const TreeOptions &options,
                 const Watch &watch);

/// Adds the mark that takes a path of the layers below away (OCI image spec, layer: whiteouts).
Done add_removal(LayerTree &tree, const std::string &path, const TreeOptions &options);

/// Adds the mark that hides all that the layers below have in this folder, and the folder.
Done add_opaque(LayerTree &tree, const std::string &path, const TreeOptions &options);

/// Checks what only the whole tree shows: folders that are missing are added; for Windows names
/// that differ by case alone are refused, and everything gets its place below Files.
Done finish_tree(LayerTree &tree, const TreeOptions &options);

/// Relative, without `.`, `..` and empty parts; an error names what is wrong.
Result<std::string> clean_path(std::string_view path);

/// linux/, windows/: the capability record of a file, or empty.
std::string file_capability(const std::string &path);

} // namespace k2s::image
