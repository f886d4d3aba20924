// SPDX-License-Identifier: MIT
#include "install/package.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include <boost/filesystem/operations.hpp>

#include <k2s/sdk/host.hpp>

#include "install/archive_table.h"
#include "loader/module.hpp"
#include "trust/signature.hpp"
#include "util/path.hpp"
#include "util/read_file.hpp"
#include "util/utf8.hpp"

namespace k2s::core::install {
namespace {

constexpr std::size_t k_name_max = 200;

std::string lower(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return result;
}

/// CON, NUL.txt, COM1: Windows opens the device in place of the file.
bool is_device(std::string_view name) {
    const auto base = lower(name.substr(0, name.find('.')));
    constexpr std::array<std::string_view, 4> k_devices{"con", "prn", "aux", "nul"};
    return std::ranges::find(k_devices, base) != k_devices.end() ||
           (base.size() == 4 && (base.starts_with("com") || base.starts_with("lpt")) &&
            base[3] >= '0' && base[3] <= '9');
}

Result<const k2s_archive *> load(const fs::path &module) {
    auto entry = load_module<k2s_core_archive_v1_fn>(module, K2S_CORE_ARCHIVE_ENTRY);
    if (!entry) {
        return pass(entry);
    }
    return (*entry)();
}

/// What an archive turns out to contain, refused as soon as it is too much.
class Unpacking {
  public:
    explicit Unpacking(std::string name) : name_(std::move(name)) {}

    int32_t entry(std::string_view file, uint32_t kind) {
        if (kind != K2S_ARCHIVE_FILE) {
            return refuse(fmt::format(
                "\"{}\" is a {}; an archive of a plugin holds plain files only", lossy_utf8(file),
                kind == K2S_ARCHIVE_FOLDER ? "folder" : "link or device"));
        }
        if (auto good = check_file_name(file); !good) {
            return refuse(good.error().message);
        }
        const auto same = std::ranges::find_if(
            files, [&](const auto &one) { return lower(one.first) == lower(file); });
        if (same != files.end()) {
            return refuse(fmt::format("\"{}\" and \"{}\" are the same file", same->first, file));
        }
        if (files.size() == k_most_files) {
            return refuse(fmt::format("it has more than {} files", k_most_files));
        }
        current_ = &files[std::string(file)];
        return K2S_OK;
    }

    int32_t data(std::string_view piece) {
        if (piece.size() > k_unpacked_max - total_) {
            return refuse(fmt::format("unpacked it has more than {} bytes", k_unpacked_max));
        }
        total_ += piece.size();
        current_->append(piece);
        return K2S_OK;
    }

    std::map<std::string, std::string> files;
    std::optional<Error> why;

  private:
    int32_t refuse(std::string_view reason) {
        why = Error{K2S_E_CONFIG, fmt::format("'{}' is refused: {}", name_, reason)};
        return why->code;
    }

    std::string name_;
    std::size_t total_ = 0;
    std::string *current_ = nullptr;
};

} // namespace

Result<void> check_file_name(std::string_view name) {
    const bool plain = std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_' || c == '.';
    });
    if (name.empty() || name.size() > k_name_max || !plain || name.front() == '.' ||
        name.back() == '.' || is_device(name)) {
        return fail(K2S_E_CONFIG,
                    "\"{}\" is no name for a file of a plugin: letters, digits, \"-\", \"_\" and "
                    "\".\", without folders",
                    lossy_utf8(name.substr(0, k_name_max)));
    }
    return {};
}

Result<Package> read_package(const fs::path &module, const fs::path &archive) {
    const auto name = path_text(archive);
    auto bytes = read_file(archive, k_package_max);
    auto table = bytes ? load(module) : pass(bytes);
    if (!table) {
        return pass(table);
    }
    Unpacking unpacking(name);
    const k2s_archive_reader reader{
        &unpacking,
        [](void *context, k2s_str file, uint32_t kind) -> int32_t {
            return static_cast<Unpacking *>(context)->entry(from_abi(file), kind);
        },
        [](void *context, k2s_bytes piece) -> int32_t {
            return static_cast<Unpacking *>(context)->data(from_bytes(piece));
        }};
    k2s_error error = make_error();
    if ((*table)->read(to_bytes(*bytes), &reader, &error) < 0) {
        return unpacking.why ? Result<Package>(std::unexpected(*unpacking.why))
                             : fail(K2S_E_CONFIG, "'{}' is no plugin archive: {}", name,
                                    lossy_utf8(error.message));
    }
    const auto text = unpacking.files.find(std::string(k_manifest_name));
    if (text == unpacking.files.end()) {
        return fail(K2S_E_CONFIG, "'{}' is no plugin archive: there is no plugin.json in it", name);
    }
    auto manifest = read_manifest(text->second, fmt::format("plugin.json of {}", name));
    if (!manifest) {
        return pass(manifest);
    }
    return Package{std::move(*manifest), std::move(unpacking.files)};
}

Result<std::string> write_archive(const fs::path &module,
                                  const std::map<std::string, std::string> &files) {
    auto table = load(module);
    if (!table) {
        return pass(table);
    }
    std::vector<k2s_str> names;
    std::vector<k2s_bytes> contents;
    for (const auto &[name, content] : files) {
        names.push_back(to_abi(name));
        contents.push_back(to_bytes(content));
    }
    std::string archive;
    const k2s_sink sink = Host::string_sink(archive);
    k2s_error error = make_error();
    if ((*table)->write(names.data(), contents.data(), names.size(), &sink, &error) < 0) {
        return fail(K2S_E_IO, "cannot make the archive: {}", lossy_utf8(error.message));
    }
    return archive;
}

Result<std::string> make_package(const fs::path &module, const fs::path &folder) {
    auto names = trust::plugin_files(folder);
    if (!names) {
        return pass(names);
    }
    names->emplace_back(k_manifest_name);
    if (fs::exists(folder / path_from_utf8(trust::k_signature_name))) {
        names->emplace_back(trust::k_signature_name);
    }
    std::map<std::string, std::string> files;
    for (const auto &file : *names) {
        auto good = check_file_name(file);
        auto content = good ? read_file(folder / path_from_utf8(file), k_package_max) : pass(good);
        if (!content) {
            return pass(content);
        }
        files[file] = std::move(*content);
    }
    return write_archive(module, files);
}

} // namespace k2s::core::install
