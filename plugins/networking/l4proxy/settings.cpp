// SPDX-License-Identifier: MIT
#include "settings.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include "common/text.hpp"

namespace k2s::l4proxy {
namespace {

constexpr size_t k_most_forwards = 1000;
constexpr size_t k_most_listeners = 64; // of a forward
constexpr size_t k_most_targets = 1000; // of a forward
constexpr unsigned k_most_workers = 64;
constexpr unsigned k_heaviest = 1000;
constexpr size_t k_longest_name = 63;

std::unexpected<Error> wrong(std::string message, int32_t code = K2S_E_CONFIG) {
    return std::unexpected(Error{code, std::move(message)});
}

bool usable_name(std::string_view name) {
    return !name.empty() && name.size() <= k_longest_name &&
           std::all_of(name.begin(), name.end(),
                       [](char c) { return ascii_alnum(c) || c == '.' || c == '-' || c == '_'; });
}

/// Checks one forward; `in_` begins every message.
class ForwardCheck {
  public:
    explicit ForwardCheck(ForwardConfig config)
        : in_("forward \"" + config.name + "\": "), out_(std::make_shared<ForwardSettings>()) {
        out_->config = std::move(config);
    }

    std::expected<std::shared_ptr<const ForwardSettings>, Error> run() {
        for (const auto step : {&ForwardCheck::listeners, &ForwardCheck::targets,
                                &ForwardCheck::words, &ForwardCheck::ranges, &ForwardCheck::numbers,
                                &ForwardCheck::health, &ForwardCheck::combinations}) {
            if (auto ok = (this->*step)(); !ok) {
                return std::unexpected(std::move(ok.error()));
            }
        }
        return out_;
    }

  private:
    using Checked = std::expected<void, Error>;

    Checked no(const std::string &message, int32_t code = K2S_E_CONFIG) const {
        return wrong(in_ + message, code);
    }

    Checked listeners() {
        const auto &texts = out_->config.listen;
        if (texts.empty() || texts.size() > k_most_listeners) {
            return no("listen must name 1 to " + std::to_string(k_most_listeners) + " addresses");
        }
        for (const std::string &text : texts) {
            auto url = EndpointUrl::parse_listen(text);
            if (!url) {
                return no("listen " + url.error().message, url.error().code);
            }
            out_->listen.push_back(std::move(*url));
        }
        out_->datagrams = out_->listen.front().datagrams();
        return {};
    }

    Checked targets() {
        const auto &configured = out_->config.targets;
        if (configured.empty() || configured.size() > k_most_targets) {
            return no("targets must name 1 to " + std::to_string(k_most_targets) + " of them");
        }
        for (const TargetConfig &each : configured) {
            auto url = EndpointUrl::parse_target(each.to);
            if (!url) {
                return no("target " + url.error().message, url.error().code);
            }
            if (each.weight < 1 || each.weight > k_heaviest) {
                return no("the weight of " + each.to + " is " + std::to_string(each.weight) +
                          "; it must be from 1 to " + std::to_string(k_heaviest));
            }
            for (const TargetSpec &other : out_->targets) {
                if (other.name == each.to) {
                    return no("the target " + each.to + " is listed twice; use weight instead");
                }
            }
            TargetSpec spec;
            spec.name = each.to;
            spec.weight = each.weight;
            spec.backup = each.backup;
            spec.data = std::make_shared<TargetSettings>(with_addresses(std::move(*url)));
            out_->targets.push_back(std::move(spec));
        }
        return {};
    }

    static TargetSettings with_addresses(EndpointUrl url) {
        TargetSettings target{std::move(url), {}};
        const EndpointUrl &from = target.url;
        if (from.unix_socket) {
            target.addresses.push_back(from.unix_socket->endpoint());
        } else if (from.host.empty()) {
            namespace ip = boost::asio::ip;
            target.addresses.push_back(Endpoint(ip::address_v4::loopback(), from.port));
            target.addresses.push_back(Endpoint(ip::address_v6::loopback(), from.port));
        } else if (const auto address = parse_address(from.host)) {
            target.addresses.push_back(Endpoint(*address, from.port));
        }
        return target;
    }

    Checked words() {
        const ForwardConfig &config = out_->config;
        constexpr std::pair<std::string_view, Balance> k_balances[] = {
            {"round_robin", Balance::round_robin},
            {"least_connections", Balance::least_connections},
            {"source_hash", Balance::source_hash}};
        const auto balance = std::find_if(std::begin(k_balances), std::end(k_balances),
                                          [&](const auto &b) { return b.first == config.balance; });
        if (balance == std::end(k_balances)) {
            return no("balance is \"" + config.balance +
                      "\"; it must be round_robin, least_connections or source_hash");
        }
        out_->balance = balance->second;
        if (config.proxy_protocol_accept != "off" && config.proxy_protocol_accept != "required") {
            return no("proxy_protocol.accept is \"" + config.proxy_protocol_accept +
                      "\"; it must be off or required");
        }
        out_->expect_proxy_header = config.proxy_protocol_accept == "required";
        if (config.proxy_protocol_send == "v1") {
            out_->send_proxy_header = ProxyVersion::v1;
        } else if (config.proxy_protocol_send == "v2") {
            out_->send_proxy_header = ProxyVersion::v2;
        } else if (config.proxy_protocol_send != "off") {
            return no("proxy_protocol.send is \"" + config.proxy_protocol_send +
                      "\"; it must be off, v1 or v2");
        }
        return {};
    }

    Checked ranges() {
        for (auto [name, texts, out] :
             {std::tuple{"allowed_cidrs", &out_->config.allowed_cidrs, &out_->allowed},
              std::tuple{"proxy_protocol.trusted", &out_->config.proxy_protocol_trusted,
                         &out_->trusted}}) {
            for (const std::string &text : *texts) {
                auto range = Cidr::parse(text);
                if (!range) {
                    return no(std::string(name) + ": " + range.error().message, range.error().code);
                }
                out->push_back(*range);
            }
        }
        return {};
    }

    Checked numbers() {
        const ForwardConfig &config = out_->config;
        for (const auto &[name, value] :
             {std::pair{"max_connections", config.max_connections},
              std::pair{"max_connections_per_client", config.max_connections_per_client},
              std::pair{"max_udp_sessions", config.max_udp_sessions},
              std::pair{"max_udp_sessions_per_client", config.max_udp_sessions_per_client}}) {
            if (value < 1 || value > 1000000) {
                return no(std::string(name) + " is " + std::to_string(value) +
                          "; it must be from 1 to 1000000");
            }
        }
        for (const auto &[name, value] : {std::pair{"connect_timeout", config.connect_timeout},
                                          std::pair{"idle_timeout", config.idle_timeout},
                                          std::pair{"udp_idle_timeout", config.udp_idle_timeout},
                                          std::pair{"health.interval", config.health.interval},
                                          std::pair{"health.timeout", config.health.timeout},
                                          std::pair{"passive.down_for", config.passive_down_for}}) {
            if (value < std::chrono::milliseconds(10) || value > std::chrono::hours(24 * 30)) {
                return no(std::string(name) + " must be from 10 ms to 30 days");
            }
        }
        if (config.passive_failures > 1000) {
            return no("passive.failures must be from 0 to 1000");
        }
        return {};
    }

    Checked health() {
        const HealthConfig &config = out_->config.health;
        if (config.type == "off") {
            return {};
        }
        HealthCheck check;
        if (config.type == "connect") {
            check.kind = HealthCheck::Kind::connect;
        } else if (config.type == "exchange") {
            check.kind = HealthCheck::Kind::exchange;
        } else if (config.type == "http") {
            check.kind = HealthCheck::Kind::http;
        } else {
            return no("health.type is \"" + config.type +
                      "\"; it must be off, connect, exchange or http");
        }
        const auto one_line = [](const std::string &text) {
            return std::all_of(text.begin(), text.end(),
                               [](char c) { return static_cast<unsigned char>(c) > 0x20; });
        };
        if (check.kind == HealthCheck::Kind::exchange && config.expect.empty()) {
            return no("health.expect must say what a target that works answers");
        }
        if (config.send.size() > k_health_reply || config.expect.size() > k_health_reply / 2) {
            return no("health.send and health.expect may have up to " +
                      std::to_string(k_health_reply / 2) + " bytes");
        }
        if (!config.path.starts_with('/') || !one_line(config.path) || !one_line(config.host)) {
            return no("health.path must begin with a slash, and neither it nor health.host may "
                      "hold white space");
        }
        if (config.status_from < 100 || config.status_to > 599 ||
            config.status_from > config.status_to) {
            return no("health.status_from and status_to must be a range within 100 to 599");
        }
        if (config.rise < 1 || config.rise > 100 || config.fall < 1 || config.fall > 100) {
            return no("health.rise and health.fall must be from 1 to 100");
        }
        check.send = config.send;
        check.expect = config.expect;
        check.path = config.path;
        check.host = config.host;
        check.status_from = config.status_from;
        check.status_to = config.status_to;
        check.interval = config.interval;
        check.timeout = config.timeout;
        check.rise = config.rise;
        check.fall = config.fall;
        out_->health = std::move(check);
        return {};
    }

    Checked combinations() {
        for (const EndpointUrl &url : out_->listen) {
            if (url.datagrams() != out_->datagrams) {
                return no("it listens both for UDP and for TCP or Unix sockets; make two forwards");
            }
        }
        for (const TargetSpec &target : out_->targets) {
            const auto &url = static_cast<const TargetSettings *>(target.data.get())->url;
            if (url.datagrams() != out_->datagrams) {
                return no("the target " + target.name +
                          " and what is listened on must either both be UDP or both not");
            }
            for (const EndpointUrl &listen : out_->listen) {
                if (leads_back(url, listen)) {
                    return no("the target " + target.name + " is what it listens on itself");
                }
            }
        }
        if (out_->expect_proxy_header && out_->trusted.empty()) {
            return no("proxy_protocol.accept needs proxy_protocol.trusted: the networks whose "
                      "headers are believed");
        }
        if (out_->datagrams && (out_->expect_proxy_header || out_->send_proxy_header)) {
            return no("the PROXY protocol is for TCP and Unix sockets, not for UDP");
        }
        if (out_->datagrams && out_->health &&
            (out_->health->kind != HealthCheck::Kind::exchange || out_->health->send.empty())) {
            return no("a UDP target can only be checked with health.type exchange and something to "
                      "send; set these, or health.type off");
        }
        return {};
    }

    // What can be seen without a look-up; sessions look at the rest.
    static bool leads_back(const EndpointUrl &target, const EndpointUrl &listen) {
        if (target.same_as(listen)) {
            return true;
        }
        const bool same_port = !target.unix_socket && !listen.unix_socket && target.port != 0 &&
                               target.place == listen.place && target.port == listen.port;
        if (!same_port) {
            return false;
        }
        const auto to = parse_address(target.host);
        const auto at = parse_address(listen.host);
        const bool every = listen.host.empty() || (at && at->is_unspecified());
        return every && (target.host.empty() || (to && to->is_loopback()));
    }

    const std::string in_;
    const std::shared_ptr<ForwardSettings> out_;
};

std::expected<void, Error>
check_distinct(const std::vector<std::shared_ptr<const ForwardSettings>> &forwards) {
    for (size_t i = 0; i < forwards.size(); ++i) {
        for (size_t j = 0; j <= i; ++j) {
            if (i != j && forwards[i]->config.name == forwards[j]->config.name) {
                return wrong("two forwards have the name \"" + forwards[i]->config.name + "\"");
            }
            const auto &mine = forwards[i]->listen;
            const auto &others = forwards[j]->listen;
            for (size_t a = 0; a < mine.size(); ++a) {
                for (size_t b = 0; b < (i == j ? a : others.size()); ++b) {
                    if (mine[a].text == others[b].text ||
                        (mine[a].port != 0 && mine[a].same_as(others[b]))) {
                        return wrong("\"" + mine[a].text + "\" is listened on twice, by \"" +
                                     forwards[j]->config.name + "\" and \"" +
                                     forwards[i]->config.name + "\"");
                    }
                }
            }
        }
    }
    return {};
}

std::expected<void, Error> check_workers(const Settings &settings) {
    if (settings.workers < 1 || settings.workers > k_most_workers) {
        return wrong("workers is " + std::to_string(settings.workers) + "; it must be from 1 to " +
                     std::to_string(k_most_workers));
    }
    if (settings.workers == 1) {
        return {};
    }
#ifdef _WIN32
    return wrong("workers must be 1 on Windows, which does not spread connections over sockets of "
                 "one port",
                 K2S_E_UNSUPPORTED);
#endif
    for (const auto &forward : settings.forwards) {
        for (const EndpointUrl &url : forward->listen) {
            if (url.unix_socket || url.port == 0) {
                return wrong("\"" + url.text +
                             "\" cannot be shared by several workers; use a port, or one worker");
            }
        }
    }
    return {};
}

} // namespace

std::expected<std::shared_ptr<const Settings>, Error> Settings::check(Config config) {
    auto settings = std::make_shared<Settings>();
    settings->workers = config.workers;
    if (config.forwards.size() > k_most_forwards) {
        return wrong(std::to_string(config.forwards.size()) + " forwards are more than the " +
                     std::to_string(k_most_forwards) + " that there may be");
    }
    for (ForwardConfig &each : config.forwards) {
        if (!usable_name(each.name)) {
            return wrong("\"" + each.name.substr(0, 100) +
                         "\" is no name for a forward; use up to 63 letters, digits, '.', '-' "
                         "and '_'");
        }
        auto forward = ForwardCheck(std::move(each)).run();
        if (!forward) {
            return std::unexpected(std::move(forward.error()));
        }
        settings->forwards.push_back(std::move(*forward));
    }
    if (auto ok = check_distinct(settings->forwards); !ok) {
        return std::unexpected(std::move(ok.error()));
    }
    if (auto ok = check_workers(*settings); !ok) {
        return std::unexpected(std::move(ok.error()));
    }
    auto hosts = dataplane::read_hosts(config.hosts);
    if (!hosts) {
        return std::unexpected(std::move(hosts.error()));
    }
    settings->hosts = std::move(*hosts);
    return settings;
}

} // namespace k2s::l4proxy
