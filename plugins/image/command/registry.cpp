// SPDX-License-Identifier: MIT
#include <k2s/sdk/read_file.hpp>

#include "command/common.hpp"
#include "command/program.hpp"
#include "registry/transfer.hpp"
#include "store/walk.hpp"

namespace k2s::image {
namespace {

/// User and password from two variables, else from a file as `docker login` or `podman login` write
/// it. Never from an argument, which every user of the machine can read.
Result<std::optional<Credentials>> credentials(const Invocation &call, const Host &host,
                                               const Reference &reference) {
    if (std::string user = host.environment("K2S_REGISTRY_USER"); !user.empty()) {
        return Credentials{std::move(user), host.environment("K2S_REGISTRY_PASSWORD"), {}};
    }
    const auto below = [&](const char *name, const char *rest) {
        const std::string folder = host.environment(name);
        return folder.empty() ? folder : folder + rest;
    };
    std::vector<std::string> files;
    if (call.given("auth-file")) {
        files.push_back(call.text("auth-file"));
    } else {
        files = {host.environment("REGISTRY_AUTH_FILE"),
                 below("XDG_RUNTIME_DIR", "/containers/auth.json"),
                 below("HOME", "/.docker/config.json"),
                 below("USERPROFILE", "/.docker/config.json")};
    }
    for (const auto &file : files) {
        std::string text;
        if (file.empty()) {
            continue;
        }
        if (const Status status = read_file(file, k_max_document, text); !status.ok()) {
            if (status.value() == K2S_E_NOT_FOUND && !call.given("auth-file")) {
                continue;
            }
            return std::unexpected(status.error());
        }
        auto found = credentials_from(text, reference.registry, reference.path);
        if (!found || *found) {
            return found;
        }
    }
    return std::nullopt;
}

Result<RegistrySettings> settings_of(const Invocation &call, const Host &host,
                                     const Reference &reference) {
    RegistrySettings settings;
    settings.plain_http = call.flag("plain-http");
    settings.tls.skip_verify = call.flag("skip-verify");
    settings.tls.ca_file = call.text("ca");
    settings.deadlines.idle = std::chrono::milliseconds(call.integer("timeout"));
    auto proxies = ProxySettings::read([&](const char *name) { return host.environment(name); });
    if (!proxies) {
        return pass(proxies);
    }
    settings.proxies = std::move(*proxies);
    auto found = credentials(call, host, reference);
    if (!found) {
        return pass(found);
    }
    settings.credentials = std::move(*found);
    return settings;
}

} // namespace

Status run_pull(const Invocation &call, const Host &host) {
    const auto reference = Reference::parse(call.text("image"));
    if (!reference) {
        return reference.error();
    }
    auto settings = settings_of(call, host, *reference);
    if (!settings) {
        return settings.error();
    }
    auto platform = platform_option(call);
    if (!platform) {
        return platform.error();
    }
    PullOptions options{std::move(*settings), call.list("mirror"), std::move(*platform)};
    if (!options.platform && !call.flag("all-platforms")) {
        options.platform = Platform::here();
    }
    const auto store = open_store(call, Access::write);
    if (!store) {
        return store.error();
    }
    const Progress progress(host, "pulling " + reference->text());
    const auto image = pull_image(*store, *reference, options, progress.watch());
    if (!image) {
        return image.error();
    }
    const std::string name = reference->digest ? reference->text() : reference->name();
    if (auto tagged = store->tag(name, *image); !tagged) {
        return tagged.error();
    }
    call.data(Json{{"name", name}, {"digest", image->digest.text()}}.dump());
    return K2S_OK;
}

Status run_push(const Invocation &call, const Host &host) {
    const auto wanted = one_name(call, "image", "name");
    if (!wanted) {
        return wanted.error();
    }
    const auto found = find_image(call, Access::read, *wanted);
    if (!found) {
        return found.error();
    }
    const auto &[store, image] = *found;
    const std::string target = call.text("target");
    const auto reference = Reference::parse(target.empty() ? Store::name_of(image) : target);
    if (!reference) {
        return reference.error();
    }
    if (reference->digest && *reference->digest != image.digest) {
        return Error{K2S_E_USAGE, fmt::format("the target has the digest {}, the image {}",
                                              reference->digest->text(), image.digest.text())};
    }
    const auto settings = settings_of(call, host, *reference);
    if (!settings) {
        return settings.error();
    }
    const Progress progress(host, "pushing " + reference->text());
    if (auto pushed = push_image(store, image, *reference, *settings, progress.watch()); !pushed) {
        return pushed.error();
    }
    call.data(Json{{"name", reference->text()}, {"digest", image.digest.text()}}.dump());
    return K2S_OK;
}

} // namespace k2s::image
