// SPDX-License-Identifier: MIT
#include "build/pause.hpp"

#include <boost/filesystem/operations.hpp>

#include <k2s/sdk/program_folder.hpp>

#include "command/common.hpp"

namespace k2s::image {
namespace {

/// The exe as it was named, or where an installed tree has it.
std::string exe(const Invocation &call, std::string_view option, const std::string &name) {
    if (call.given(option)) {
        return call.text(option);
    }
    const std::string here = program_folder();
    for (const std::string &path : {here + "/" + name, here + "/bin/" + name}) {
        if (boost::system::error_code failed; fs::is_regular_file(to_path(path), failed)) {
            return path;
        }
    }
    return {};
}

} // namespace

Status run_build_pause(const Invocation &call, const Host &host) {
    const auto name = Reference::parse(call.text("tag"));
    if (!name) {
        return name.error();
    }
    const auto epoch = source_date_epoch(host);
    if (!epoch) {
        return epoch.error();
    }
    PauseOptions options;
    options.linux_pause = exe(call, "pause", "pause");
    options.windows_pause = exe(call, "pause-exe", "pause.exe");
    options.wincat = exe(call, "wincat-exe", "wincat.exe");
    options.windows_bases = call.list("windows-base");
    options.epoch = *epoch;
    if (!options.windows_bases.empty() && options.windows_pause.empty()) {
        return Error{K2S_E_USAGE, "there is no pause.exe for the bases of --windows-base; name one "
                                  "with --pause-exe"};
    }
    const auto store = open_store(call, Access::write);
    if (!store) {
        return store.error();
    }
    const Progress progress(host, "building " + name->name());
    const auto image = build_pause(*store, options, progress.watch());
    if (!image) {
        return image.error();
    }
    if (auto tagged = store->tag(name->name(), *image); !tagged) {
        return tagged.error();
    }
    for (const auto &[path, what] : {std::pair{options.linux_pause, "linux/amd64 (--pause)"},
                                     {options.windows_pause, "windows/amd64 (--pause-exe)"}}) {
        if (path.empty()) {
            call.err(fmt::format("left out, as its exe is not beside k2s: {}\n", what));
        }
    }
    Json result{{"name", name->name()}, {"digest", image->digest.text()}};
    const auto text = store->read_document(*image);
    const auto index =
        text ? Index::parse(*text, "index") : Result<Index>(std::unexpected(text.error()));
    if (!index) {
        return index.error();
    }
    result["platforms"] = Json::array();
    for (const auto &entry : index->manifests) {
        result["platforms"].push_back(entry.platform->text());
    }
    call.data(result.dump());
    return K2S_OK;
}

} // namespace k2s::image
