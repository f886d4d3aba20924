// SPDX-License-Identifier: MIT
#include "layer/names.hpp"

#include <algorithm>

namespace k2s::image {
namespace {

// Binary security descriptors in base64, as layers carry them in MSWINDOWS.rawsd: full control for
// SYSTEM and Administrators, reading and running for Users.
// O:BAG:SYD:(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)(A;;FA;;;BA)(A;OICIIO;GA;;;CO)(A;OICI;0x1200a9;;;BU)
// (A;CI;LC;;;BU)(A;CI;DC;;;BU)
constexpr const char *k_folder_access =
    "AQAEgBQAAAAkAAAAAAAAADAAAAABAgAAAAAABSAAAAAgAgAAAQEAAAAAAAUSAAAAAgCoAAcAAAAAAxgA/"
    "wEfAAECAAAAAAAFIAAAACACAAAAAxQA/wEfAAEBAAAAAAAFEgAAAAAAGAD/"
    "AR8AAQIAAAAAAAUgAAAAIAIAAAALFAAAAAAQAQEAAAAAAAMAAAAAAAMYAKkAEgABAgAAAAAABSAAAAAhAgAAAAIYAAQAAA"
    "ABAgAAAAAABSAAAAAhAgAAAAIYAAIAAAABAgAAAAAABSAAAAAhAgAA";
// O:BAG:SYD:(A;;FA;;;BA)(A;;FA;;;SY)(A;;0x1200a9;;;BU)
constexpr const char *k_file_access =
    "AQAEgBQAAAAkAAAAAAAAADAAAAABAgAAAAAABSAAAAAgAgAAAQEAAAAAAAUSAAAAAgBMAAMAAAAAABgA/"
    "wEfAAECAAAAAAAFIAAAACACAAAAABQA/wEfAAEBAAAAAAAFEgAAAAAAGACpABIAAQIAAAAAAAUgAAAAIQIAAA==";

void add_windows_records(TarEntry &entry) {
    const bool folder = entry.type == EntryType::directory;
    entry.pax["MSWINDOWS.fileattr"] = folder ? "16" : "32"; // FILE_ATTRIBUTE_DIRECTORY, _ARCHIVE
    entry.pax["MSWINDOWS.rawsd"] = folder ? k_folder_access : k_file_access;
    entry.pax["LIBARCHIVE.creationtime"] = std::to_string(entry.mtime);
}

} // namespace

bool is_utf8(std::string_view text) {
    size_t i = 0;
    while (i < text.size()) {
        const auto lead = static_cast<unsigned char>(text[i]);
        const size_t length = lead < 0x80                   ? 1
                              : lead >= 0xC2 && lead < 0xE0 ? 2
                              : lead >= 0xE0 && lead < 0xF0 ? 3
                              : lead >= 0xF0 && lead < 0xF5 ? 4
                                                            : 0;
        if (length == 0 || i + length > text.size()) {
            return false;
        }
        uint32_t point = length == 1 ? lead : lead & (0x7FU >> length);
        for (size_t k = 1; k < length; ++k) {
            const auto next = static_cast<unsigned char>(text[i + k]);
            if ((next & 0xC0U) != 0x80U) {
                return false;
            }
            point = point << 6U | (next & 0x3FU);
        }
        if ((length == 3 && (point < 0x800 || (point >= 0xD800 && point < 0xE000))) ||
            (length == 4 && (point < 0x10000 || point > 0x10FFFF))) {
            return false;
        }
        i += length;
    }
    return true;
}

Done check_layer_name(std::string_view path) {
    if (path.size() > 4096) {
        return fail(K2S_E_USAGE, "its path has more than 4096 bytes");
    }
    if (!is_utf8(path)) {
        return fail(K2S_E_USAGE, "its name is no UTF-8");
    }
    if (std::ranges::any_of(path, [](char c) { return static_cast<unsigned char>(c) < 0x20; })) {
        return fail(K2S_E_USAGE, "its name has a control character");
    }
    if (path.starts_with(".wh.") || path.find("/.wh.") != std::string_view::npos) {
        return fail(K2S_E_USAGE, "names that begin with .wh. mark removals in a layer");
    }
    return {};
}

Done place_for_windows(LayerTree &tree, int64_t epoch) {
    LayerTree placed;
    for (const char *name : {"Files", "Hives"}) {
        LayerTree::Node root;
        root.entry = {name, EntryType::directory, 0755, 0, 0, 0, epoch, {}, {}};
        add_windows_records(root.entry);
        placed.nodes.emplace(name, std::move(root));
    }
    for (auto &[path, node] : tree.nodes) {
        if (node.entry.type == EntryType::symlink) {
            return fail(K2S_E_USAGE,
                        "'/{}' is a symbolic link, which layers for Windows get as reparse points; "
                        "add the file itself",
                        path);
        }
        node.entry.path = "Files/" + path;
        if (path.find(".wh.") == std::string::npos) {
            add_windows_records(node.entry);
        }
        placed.nodes.emplace(node.entry.path, std::move(node));
    }
    tree = std::move(placed);
    return {};
}

} // namespace k2s::image
