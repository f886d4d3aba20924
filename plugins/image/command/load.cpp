// SPDX-License-Identifier: MIT
#include <boost/filesystem/operations.hpp>

#include "command/common.hpp"
#include "command/program.hpp"
#include "store/walk.hpp"
#include "transfer/export.hpp"

namespace k2s::image {
namespace {

constexpr uint64_t k_deadline_ms = 30 * 60 * 1000;

/// A file that goes with the object.
class Temporary {
  public:
    Temporary(const Store &store)
        : path_(store.folder() + "/" + fs::unique_path(".load-%%%%%%%%%%%%.tar").string()) {}
    ~Temporary() {
        boost::system::error_code ignored;
        fs::remove(to_path(path_), ignored);
    }
    Temporary(const Temporary &) = delete;
    Temporary &operator=(const Temporary &) = delete;
    const std::string &path() const noexcept { return path_; }

  private:
    std::string path_;
};

struct Runtime {
    std::string name;
    std::vector<std::string> before; // program and arguments, then the archive
};

/// The runtimes that are there and wanted.
Result<std::vector<Runtime>> runtimes(const Invocation &call, const Host &host) {
    const std::string into = call.text("into");
    std::vector<Runtime> found;
    if (const std::string ctr = find_program(host, "ctr"); !ctr.empty() && into != "podman") {
        std::vector<std::string> words{ctr};
        if (call.given("address")) {
            words.insert(words.end(), {"--address", call.text("address")});
        }
        words.insert(words.end(), {"--namespace", call.text("namespace"), "images", "import"});
        found.push_back({"containerd", std::move(words)});
    }
    if (const std::string podman = find_program(host, "podman");
        !podman.empty() && into != "containerd") {
        std::vector<std::string> words{podman};
        if (call.given("storage")) {
            words.insert(words.end(), {"--root", call.text("storage")});
        }
        words.insert(words.end(), {"load", "--quiet", "--input"});
        found.push_back({"podman", std::move(words)});
    }
    if (found.empty()) {
        return fail(K2S_E_NOT_FOUND, "no {} is on this machine; install it, or export the image",
                    into == "containerd" ? "containerd (ctr)"
                    : into == "podman"   ? "podman"
                                         : "containerd (ctr) and no podman");
    }
    return found;
}

std::string last_line(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) {
        text.pop_back();
    }
    return text.substr(text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1);
}

} // namespace

Status run_load(const Invocation &call, const Host &host) {
    const auto wanted = runtimes(call, host);
    if (!wanted) {
        return wanted.error();
    }
    auto platform = platform_option(call);
    if (!platform) {
        return platform.error();
    }
    const auto found = find_image(call, Access::read, call.text("image"));
    if (!found) {
        return found.error();
    }
    const auto &[store, image] = *found;
    // A runtime has use for what this machine can run alone.
    const auto chosen = pick(documents_of(store), image, platform->value_or(Platform::here()));
    if (!chosen) {
        return chosen.error();
    }
    const std::string name = Store::name_of(image);
    const Temporary archive(store);
    {
        const Progress progress(host, "loading " + name);
        if (auto done = export_image(store, *chosen, name, ArchiveKind::oci_archive, archive.path(),
                                     {}, progress.watch());
            !done) {
            return done.error();
        }
    }
    Json into = Json::array();
    std::string failures;
    for (const auto &runtime : *wanted) {
        auto words = runtime.before;
        words.push_back(archive.path());
        const auto ended = run_to_end(host, words, k_deadline_ms);
        if (ended && ended->exit_code == 0) {
            into.push_back(runtime.name);
            continue;
        }
        failures += fmt::format("{}{}: {}", failures.empty() ? "" : "; ", runtime.name,
                                ended ? last_line(ended->err) : ended.error().message);
    }
    if (into.empty()) {
        return Error{K2S_E_FAILED, fmt::format("'{}' was not loaded: {}", name, failures)};
    }
    call.data(Json{{"name", name}, {"digest", chosen->digest.text()}, {"into", into}}.dump());
    if (failures.empty()) {
        return K2S_OK;
    }
    call.err(fmt::format("image: '{}' was loaded, but not everywhere: {}\n", name, failures));
    return -K2S_E_PARTIAL; // with an Error it would not be shown where it is
}

} // namespace k2s::image
