// SPDX-License-Identifier: MIT
#include "app/admin.hpp"

#include <algorithm>
#include <thread>

#include "admin/client.hpp"
#include "admin/server.hpp"
#include "app/app.hpp"
#include "app/host_client.hpp"
#include "app/service_host.hpp"
#include "log/system.hpp"
#include "util/directories.hpp"
#include "util/path.hpp"

namespace k2s::core {
namespace {

using Json = nlohmann::ordered_json;

constexpr auto k_answer_time = std::chrono::seconds(60); // a reload may drain a service
constexpr auto k_busy_pause = std::chrono::milliseconds(20);

admin::Response json_response(int status, const Json &body) {
    return {status, body.dump() + "\n", "application/json"};
}

admin::Response answer(App &app, ServiceHost &host, const admin::Request &request) {
    if (request.method == "GET" || request.method == "HEAD") {
        if (request.path == "/healthz") {
            return json_response(200, {{"status", "ok"}});
        }
        if (request.path == "/readyz") {
            const bool ready = host.ready();
            return json_response(ready ? 200 : 503, {{"ready", ready}});
        }
        if (request.path == "/metrics") {
            for (const PluginInstance *plugin : app.plugins().active()) {
                plugin->collect_metrics();
            }
            return {200, app.services().metrics.text(), std::string(Metrics::k_content_type)};
        }
        if (request.path == "/state") {
            return json_response(200, host.state());
        }
        if (request.path == "/diagnostics" && request.trusted) {
            return json_response(200, host.diagnostics());
        }
    } else if (request.method == "POST" && request.trusted) {
        if (request.path == "/reload") {
            const auto done = host.reload_now();
            return done ? json_response(200, {{"reloaded", true}})
                        : json_response(500, {{"reloaded", false},
                                              {"code", done.error().code},
                                              {"error", done.error().message}});
        }
        if (request.path == "/stop") {
            app.services().cancellation.request(StopReason::requested);
            return json_response(202, {{"stopping", true}});
        }
    }
    return json_response(404, {{"error", "there is nothing at " + request.path}});
}

/// The endpoint's path if the configuration says it.
const std::string *configured_endpoint(const App &app) {
    const auto *socket = app.config()->find("/admin/socket");
    return socket != nullptr ? socket->get_ptr<const std::string *>() : nullptr;
}

Result<fs::path> endpoint_path(const App &app, const std::string &name) {
    if (const auto *path = configured_endpoint(app)) {
        return path_from_utf8(*path);
    }
    auto folder = run_dir();
    return folder ? admin::endpoint_of(name, *folder) : folder;
}

} // namespace

struct AdminEndpoint::Impl {
    admin::Server server;
};

AdminEndpoint::AdminEndpoint(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

AdminEndpoint::~AdminEndpoint() = default;

Result<std::unique_ptr<AdminEndpoint>> AdminEndpoint::open(App &app, ServiceHost &host,
                                                           const std::string &name) {
    admin::ServerOptions options;
    const auto *socket = app.config()->find("/admin/socket");
    const bool switched_off = socket != nullptr && socket->is_boolean() && !socket->get<bool>();
    if (!name.empty() && !switched_off) {
        auto path = endpoint_path(app, name);
        if (!path) {
            return pass(path);
        }
        options.endpoint = *path;
#ifndef _WIN32 // a pipe has no folder
        if (auto made = make_private_folder(path->parent_path()); !made) {
            return pass(made);
        }
#endif
    }
    if (const auto *http = app.config()->find("/admin/http")) {
        options.http_address = http->get<std::string>();
    }
    if (options.endpoint.empty() && options.http_address.empty()) {
        return nullptr;
    }
    options.handler = [&app, &host](const admin::Request &request) {
        return answer(app, host, request);
    };
    auto server = admin::Server::start(std::move(options));
    if (!server) {
        return pass(server);
    }
    return std::unique_ptr<AdminEndpoint>(
        new AdminEndpoint(std::make_unique<Impl>(std::move(*server))));
}

std::vector<std::string> host_names(const App &app) {
    const std::string usual(admin::k_default_instance);
    const auto folder = run_dir();
    if (!folder || configured_endpoint(app) != nullptr) {
        return {usual};
    }
    auto names = admin::running_instances(*folder);
    if (std::ranges::find(names, usual) == names.end()) {
        names.push_back(usual);
    }
    return names;
}

Result<Json> call_host(App &app, const std::string &name, std::string_view method,
                       std::string_view path) {
    const auto endpoint = endpoint_path(app, name);
    const auto ask = [&] { return admin::request(*endpoint, method, path, {}, k_answer_time); };
    auto response = endpoint ? ask() : std::unexpected(endpoint.error());
    const auto patience = std::chrono::steady_clock::now() + k_answer_time;
    while (response && response->status == admin::k_busy &&
           std::chrono::steady_clock::now() < patience) {
        std::this_thread::sleep_for(k_busy_pause); // another operator's change
        response = ask();
    }
    if (!response) {
        return pass(response);
    }
    auto body = Json::parse(response->body, nullptr, false);
    if (!body.is_object()) {
        return fail(K2S_E_FAILED, "the host answered {} without a JSON object", response->status);
    }
    if (response->status >= 400) {
        return fail(body.value("code", K2S_E_FAILED), "{}",
                    body.value("error", fmt::format("the host answered {}", response->status)));
    }
    return body;
}

} // namespace k2s::core
