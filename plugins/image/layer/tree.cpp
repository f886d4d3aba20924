// SPDX-License-Identifier: MIT
#include "layer/tree.hpp"

#include <algorithm>

#include <boost/filesystem/directory.hpp>
#include <boost/filesystem/operations.hpp>

#include "base/file.hpp"
#include "common/text.hpp"
#include "layer/names.hpp"

namespace k2s::image {
namespace {

constexpr int k_max_depth = 200;

Result<LayerTree::Node *> insert(LayerTree &tree, LayerTree::Node node) {
    if (tree.nodes.size() >= LayerTree::k_max_nodes) {
        return fail(K2S_E_FAILED, "the layer has more than {} entries", LayerTree::k_max_nodes);
    }
    const auto [at, fresh] = tree.nodes.try_emplace(node.entry.path);
    if (!fresh && (at->second.entry.type != EntryType::directory ||
                   node.entry.type != EntryType::directory)) {
        return fail(K2S_E_USAGE, "'/{}' would be in the layer twice; add each path once",
                    node.entry.path);
    }
    at->second = std::move(node);
    return &at->second;
}

class Scan {
  public:
    Scan(LayerTree &tree, const TreeOptions &options, const Watch &watch)
        : tree_(tree), options_(options), watch_(watch) {}

    Done folder(const fs::path &source, const std::string &into, int depth) {
        if (depth > k_max_depth) {
            return fail(K2S_E_FAILED, "'{}' is nested deeper than {} folders", from_path(source),
                        k_max_depth);
        }
        boost::system::error_code failed;
        for (fs::directory_iterator at(source, failed), end; !failed && at != end;
             at.increment(failed)) {
            if (watch_.stop()) {
                return stopped();
            }
            const std::string name = from_path(at->path().filename());
            if (auto done = one(at->path(), into.empty() ? name : into + "/" + name, depth);
                !done) {
                return done;
            }
        }
        if (failed) {
            return fail(K2S_E_IO, "cannot read the folder '{}': {}", from_path(source),
                        failed.message());
        }
        return {};
    }

    Done one(const fs::path &source, const std::string &path, int depth) {
        boost::system::error_code failed;
        const fs::file_status status = fs::symlink_status(source, failed);
        if (failed) {
            return fail(failed == boost::system::errc::no_such_file_or_directory ? K2S_E_NOT_FOUND
                                                                                 : K2S_E_IO,
                        "cannot look at '{}': {}", from_path(source), failed.message());
        }
        if (auto wrong = check_layer_name(path); !wrong) {
            return fail(K2S_E_USAGE, "'{}' cannot be added: {}", from_path(source),
                        wrong.error().message);
        }
        LayerTree::Node node;
        node.entry.path = path;
        node.entry.uid = options_.uid;
        node.entry.gid = options_.gid;
        node.entry.mtime = time_of(source);
#if defined(_WIN32)
        const uint32_t mode = 0755; // Windows knows no bits
#else
        const auto mode = static_cast<uint32_t>(status.permissions()) & 07777U;
#endif
        switch (status.type()) {
        case fs::directory_file:
            node.entry.type = EntryType::directory;
            node.entry.mode = mode;
            if (auto done = insert(tree_, std::move(node)); !done) {
                return pass(done);
            }
            return folder(source, path, depth + 1);
        case fs::symlink_file:
            node.entry.type = EntryType::symlink;
            node.entry.mode = 0777;
            node.entry.link = from_path(fs::read_symlink(source, failed));
            break;
        case fs::regular_file: {
            node.entry.mode = options_.mode.value_or(mode);
            node.entry.size = fs::file_size(source, failed);
            node.source = from_path(source);
            if (std::string capability = file_capability(node.source); !capability.empty()) {
                node.entry.pax["SCHILY.xattr.security.capability"] = std::move(capability);
            }
            break;
        }
        default:
            return fail(K2S_E_USAGE,
                        "'{}' cannot be added: it is a device, pipe, socket or junction; an image "
                        "holds files, folders and links",
                        from_path(source));
        }
        if (failed) {
            return fail(K2S_E_IO, "cannot look at '{}': {}", from_path(source), failed.message());
        }
        if (auto done = insert(tree_, std::move(node)); !done) {
            return pass(done);
        }
        return {};
    }

  private:
    int64_t time_of(const fs::path &source) const {
        boost::system::error_code failed;
        if (!options_.keep_times || fs::is_symlink(source, failed)) {
            return options_.epoch;
        }
        const auto time = static_cast<int64_t>(fs::last_write_time(source, failed));
        return failed ? options_.epoch : std::clamp<int64_t>(time, 0, options_.epoch);
    }

    LayerTree &tree_;
    const TreeOptions &options_;
    const Watch &watch_;
};

} // namespace

Result<std::string> clean_path(std::string_view path) {
    std::string clean;
    while (!path.empty()) {
        const size_t slash = path.find('/');
        const std::string_view part = path.substr(0, slash);
        path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
        if (part.empty() || part == ".") {
            continue;
        }
        if (part == "..") {
            return fail(K2S_E_USAGE, "a path in an image cannot have '..'");
        }
        clean += (clean.empty() ? "" : "/") + std::string(part);
    }
    return clean;
}

Done add_to_tree(LayerTree &tree, const std::string &spec, const TreeOptions &options,
                 const Watch &watch) {
    const size_t colon = spec.rfind(":/"); // the last one: C:/folder:/in/image
#if defined(_WIN32)
    const size_t drive = 1;
#else
    const size_t drive = std::string::npos;
#endif
    if (colon == std::string::npos || colon == 0 || colon == drive) {
        return fail(K2S_E_USAGE,
                    "'{}' does not say where it belongs in the image; give SOURCE:/DESTINATION",
                    spec);
    }
    const std::string source = spec.substr(0, colon);
    std::string destination = spec.substr(colon + 1);
    const bool into = destination.ends_with('/');
    auto path = clean_path(destination);
    if (!path) {
        return fail(K2S_E_USAGE, "'{}': {}", spec, path.error().message);
    }
    boost::system::error_code failed;
    const fs::path from = to_path(source);
    Scan scan(tree, options, watch);
    if (fs::symlink_status(from, failed).type() == fs::directory_file) {
        return scan.folder(from, *path, 0);
    }
    if (into || path->empty()) {
        *path += (path->empty() ? "" : "/") + from_path(from.filename());
    }
    return scan.one(from, *path, 0);
}

Done add_removal(LayerTree &tree, const std::string &path, const TreeOptions &options) {
    auto clean = clean_path(path);
    if (!clean || clean->empty()) {
        return fail(K2S_E_USAGE, "'{}' names nothing that could be removed from an image", path);
    }
    const size_t slash = clean->rfind('/');
    const size_t name = slash == std::string::npos ? 0 : slash + 1;
    if (auto wrong = check_layer_name(*clean); !wrong) {
        return fail(K2S_E_USAGE, "'{}' cannot be removed: {}", path, wrong.error().message);
    }
    LayerTree::Node node;
    node.entry.path = clean->substr(0, name) + ".wh." + clean->substr(name);
    node.entry.mode = 0;
    node.entry.mtime = options.epoch;
    if (auto done = insert(tree, std::move(node)); !done) {
        return pass(done);
    }
    return {};
}

Done add_opaque(LayerTree &tree, const std::string &path, const TreeOptions &options) {
    auto clean = clean_path(path);
    if (!clean || clean->empty()) {
        return fail(K2S_E_USAGE, "'{}' names no folder that could be emptied", path);
    }
    LayerTree::Node node;
    node.entry.path = *clean + "/.wh..wh..opq";
    node.entry.mode = 0;
    node.entry.mtime = options.epoch;
    if (auto done = insert(tree, std::move(node)); !done) {
        return pass(done);
    }
    return {};
}

Done finish_tree(LayerTree &tree, const TreeOptions &options) {
    std::map<std::string, LayerTree::Node> missing;
    std::map<std::string, std::string> folded;
    for (const auto &[path, node] : tree.nodes) {
        for (size_t slash = path.find('/'); slash != std::string::npos;
             slash = path.find('/', slash + 1)) {
            const std::string parent = path.substr(0, slash);
            const auto at = tree.nodes.find(parent);
            if (at == tree.nodes.end()) {
                TarEntry entry{parent, EntryType::directory, 0755, options.uid, options.gid,
                               0,      options.epoch,        {},   {}};
                missing.try_emplace(parent, LayerTree::Node{std::move(entry), {}, {}});
            } else if (at->second.entry.type != EntryType::directory) {
                return fail(K2S_E_USAGE, "'/{}' lies below '/{}', which is no folder in this layer",
                            path, parent);
            }
        }
    }
    tree.nodes.merge(missing);
    if (!options.windows) {
        return {};
    }
    for (const auto &[path, node] : tree.nodes) {
        const auto [at, fresh] = folded.try_emplace(to_lower(path), path);
        if (!fresh) {
            return fail(K2S_E_USAGE,
                        "'/{}' and '/{}' differ by case alone, which Windows cannot keep apart",
                        at->second, path);
        }
    }
    return place_for_windows(tree, options.epoch);
}

} // namespace k2s::image
