// SPDX-License-Identifier: MIT
/// \file
/// Whether what `k2s run` would listen on is free. What of a service's settings is such an address
/// its schema says: "format": "listen".
#include <charconv>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "app/doctor.hpp"
#include "app/service_host.hpp"
#include "config/schema.hpp"

namespace k2s::core {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using State = Finding::State;

/// "127.0.0.1:80", ":80", "[::1]:80", each also behind "tcp://". Nothing for what is no TCP
/// address, is a name, is in another network namespace, or lets the system choose the port.
std::optional<tcp::endpoint> parse_tcp(std::string_view text) {
    constexpr std::string_view k_scheme = "tcp://";
    if (text.starts_with(k_scheme)) {
        text.remove_prefix(k_scheme.size());
    }
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    std::uint16_t port = 0;
    const char *end = text.data() + text.size();
    if (std::from_chars(text.data() + colon + 1, end, port).ptr != end || port == 0) {
        return std::nullopt;
    }
    auto host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    }
    if (host.empty()) {
        return tcp::endpoint(tcp::v4(), port);
    }
    boost::system::error_code failed;
    const auto address = asio::ip::make_address(std::string(host), failed);
    return failed ? std::nullopt : std::optional(tcp::endpoint(address, port));
}

boost::system::error_code try_to_bind(const tcp::endpoint &endpoint) {
    asio::io_context context;
    tcp::acceptor acceptor(context);
    boost::system::error_code failed;
    acceptor.open(endpoint.protocol(), failed);
#ifndef _WIN32 // where the option would take the port away from who has it
    if (!failed) {
        acceptor.set_option(tcp::acceptor::reuse_address(true), failed);
    }
#endif
    if (!failed) {
        acceptor.bind(endpoint, failed);
    }
    if (!failed) {
        acceptor.listen(1, failed); // Linux lets two bind, but not listen
    }
    return failed;
}

} // namespace

void examine_ports(const App &app, const Config &config, const std::set<std::string> &running,
                   std::vector<Finding> &list) {
    const auto wanted = services_to_run(app, config);
    if (!wanted) {
        list.push_back({"ports", State::fail, wanted.error().message, "mend the configuration"});
        return;
    }
    const auto schemas = app.feature_schemas();
    for (const auto &spec : *wanted) {
        const auto schema = std::ranges::find(schemas, spec.feature, &FeatureSchema::id);
        if (running.contains(spec.instance) || schema == schemas.end()) {
            continue;
        }
        auto settings = nlohmann::json::parse(spec.settings);
        visit_schema(schema->schema, settings,
                     [&](const std::string &, const nlohmann::json &part, nlohmann::json &at) {
                         if (!at.is_string() || !part.is_object() || !part.contains("format") ||
                             part["format"] != "listen") {
                             return;
                         }
                         const auto &text = at.get_ref<const std::string &>();
                         const auto endpoint = parse_tcp(text);
                         if (const auto failed =
                                 endpoint ? try_to_bind(*endpoint) : boost::system::error_code()) {
                             list.push_back({"ports", State::fail,
                                             fmt::format("service '{}' cannot listen on {}: {}",
                                                         spec.instance, text, failed.message()),
                                             failed == boost::asio::error::address_in_use
                                                 ? "end what uses it, or configure another address"
                                                 : "configure another address, or start it as a "
                                                   "user who may"});
                         }
                     });
    }
}

} // namespace k2s::core
