// SPDX-License-Identifier: MIT
#include "spec/request.hpp"

#include <algorithm>

#include "spec/version.hpp"

namespace k2s::cni {
namespace {

constexpr std::size_t k_longest_ifname = 15;
// The specification sets no bound; a file name has this one, and host-local's come near to it.
constexpr std::size_t k_longest_id = 200;

bool alphanumeric(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// The specification's alphabet of container ids and network names.
bool is_name(std::string_view text) {
    return !text.empty() && alphanumeric(text.front()) && std::ranges::all_of(text, [](char c) {
        return alphanumeric(c) || c == '_' || c == '.' || c == '-';
    });
}

Result<void> check_container_id(const std::string &id) {
    if (!is_name(id) || id.size() > k_longest_id) {
        return fail(k_bad_environment,
                    "CNI_CONTAINERID \"{}\" is no container id: letters, digits, '_', '.', '-', at "
                    "most {} of them, a letter or digit first",
                    id.substr(0, k_longest_id), k_longest_id);
    }
    return {};
}

Result<void> check_ifname(const std::string &name) {
    const auto refuse = [&](std::string_view why) {
        return fail(k_bad_environment, "CNI_IFNAME \"{}\" is no interface name: {}",
                    name.substr(0, k_longest_id), why);
    };
    if (name.size() > k_longest_ifname) {
        return refuse(fmt::format("it is longer than {} bytes", k_longest_ifname));
    }
    if (name == "." || name == "..") {
        return refuse("it means a directory");
    }
    if (std::ranges::any_of(name, [](unsigned char c) {
            return c == '/' || c == ':' || c == ' ' || (c >= '\t' && c <= '\r');
        })) {
        return refuse("'/', ':' and white space are not allowed");
    }
    return {};
}

struct Needs {
    bool attachment; // CNI_CONTAINERID and CNI_IFNAME
    bool netns;
};

const Needs *needs_of(std::string_view command) {
    static constexpr std::pair<std::string_view, Needs> k_needs[]{
        {"ADD", {true, true}},  {"CHECK", {true, true}},    {"DEL", {true, false}},
        {"GC", {false, false}}, {"STATUS", {false, false}}, {"VERSION", {false, false}},
    };
    const auto *found =
        std::ranges::find(k_needs, command, &std::pair<std::string_view, Needs>::first);
    return found == std::end(k_needs) ? nullptr : &found->second;
}

Result<void> read_variables(const Surroundings &surroundings, const Needs &needs,
                            Request &request) {
    struct Variable {
        const char *name;
        std::string *value;
        bool required;
        Result<void> (*check)(const std::string &);
    };
    const bool version = request.command == "VERSION";
    const Variable variables[]{
        {"CNI_CONTAINERID", &request.container_id, needs.attachment, check_container_id},
        {"CNI_NETNS", &request.netns, needs.netns, nullptr},
        {"CNI_IFNAME", &request.ifname, needs.attachment, check_ifname},
        {"CNI_ARGS", &request.args, false, nullptr},
        {"CNI_PATH", &request.path, !version, nullptr},
    };
    std::string missing;
    for (const auto &variable : variables) {
        *variable.value = surroundings.environment(variable.name);
        if (variable.value->empty()) {
            if (variable.required) {
                missing += (missing.empty() ? "" : ",") + std::string(variable.name);
            }
        } else if (variable.required && variable.check != nullptr) {
            if (auto good = variable.check(*variable.value); !good) {
                return good;
            }
        }
    }
    if (!missing.empty()) {
        return fail(k_bad_environment, "required env variables [{}] missing", missing);
    }
    const auto text = surroundings.environment("CNI_NETNS_OVERRIDE");
    request.netns_override = text == "1" || text == "true" || text == "TRUE" || text == "True";
    return {};
}

Result<void> read_config(const Surroundings &surroundings, Request &request) {
    auto input = surroundings.standard_input();
    if (!input) {
        return pass(input);
    }
    request.input = std::move(*input);
    if (request.input.empty()) {
        return fail(k_decoding_failure,
                    "standard input is empty; it has to be the network configuration");
    }
    auto config = parse_json(request.input, "the network configuration");
    if (!config) {
        return pass(config);
    }
    request.config = std::move(*config);
    auto name = text_member(request.config, "name");
    if (!name) {
        return pass(name);
    }
    if (name->empty()) {
        return fail(k_bad_config, "missing network name: \"name\" of the network configuration");
    }
    if (!is_name(*name) || name->size() > k_longest_id) {
        return fail(
            k_bad_config,
            "\"name\" is \"{}\", but a network name has letters, digits, '_', '.', '-' only, "
            "and a letter or digit first",
            name->substr(0, k_longest_id));
    }
    request.network = std::move(*name);
    auto said = text_member(request.config, "cniVersion");
    if (!said) {
        return pass(said);
    }
    auto version = supported_version(*said);
    if (!version) {
        return pass(version);
    }
    request.version = std::move(*version);
    const char *since = request.command == "CHECK"                               ? "0.4.0"
                        : request.command == "GC" || request.command == "STATUS" ? "1.1.0"
                                                                                 : nullptr;
    if (since != nullptr && older(request.version, since)) {
        return fail(k_incompatible_version,
                    "config version {} does not allow {}: it exists since {}", request.version,
                    request.command, since);
    }
    return {};
}

} // namespace

Result<Request> read_request(const Surroundings &surroundings) {
    Request request;
    request.command = surroundings.environment("CNI_COMMAND");
    const Needs *needs = needs_of(request.command);
    if (needs == nullptr) {
        return fail(k_bad_environment,
                    "unknown CNI_COMMAND \"{}\": ADD, DEL, CHECK, GC, STATUS and VERSION exist",
                    request.command.substr(0, k_longest_id));
    }
    if (auto read = read_variables(surroundings, *needs, request); !read) {
        return pass(read);
    }
    if (request.command != "VERSION") {
        if (auto read = read_config(surroundings, request); !read) {
            return pass(read);
        }
    }
    return request;
}

Result<std::map<std::string, std::string>> read_args(const std::string &args,
                                                     const std::vector<std::string_view> &known) {
    std::map<std::string, std::string> pairs;
    std::string unknown;
    for (std::size_t at = 0; at < args.size();) {
        const auto end = std::min(args.find(';', at), args.size());
        const auto pair = args.substr(at, end - at);
        at = end + 1;
        const auto equals = pair.find('=');
        if (equals == std::string::npos || pair.find('=', equals + 1) != std::string::npos) {
            return fail(k_bad_environment, "CNI_ARGS has \"{}\", which is no NAME=VALUE", pair);
        }
        const auto name = pair.substr(0, equals);
        if (name != "IgnoreUnknown" && std::ranges::find(known, name) == known.end()) {
            unknown += (unknown.empty() ? "" : ", ") + name;
        }
        pairs[name] = pair.substr(equals + 1);
    }
    const auto ignore = pairs.find("IgnoreUnknown");
    const bool lenient =
        ignore != pairs.end() && (ignore->second == "1" || ignore->second == "true");
    if (!unknown.empty() && !lenient) {
        return fail(k_bad_environment,
                    "CNI_ARGS has unknown names ({}); IgnoreUnknown=1 would pass over them",
                    unknown);
    }
    return pairs;
}

Result<std::vector<ValidAttachment>> valid_attachments(const Json &config) {
    auto list = array_member(config, "cni.dev/valid-attachments");
    if (!list) {
        return pass(list);
    }
    std::vector<ValidAttachment> attachments;
    for (const auto &item : *list) {
        auto id = text_member(item, "containerID");
        auto ifname = text_member(item, "ifname");
        if (!id || !ifname || id->empty() || ifname->empty()) {
            return fail(k_bad_config, "\"cni.dev/valid-attachments\" has an entry without "
                                      "\"containerID\" and \"ifname\": nothing was removed");
        }
        attachments.push_back({std::move(*id), std::move(*ifname)});
    }
    return attachments;
}

} // namespace k2s::cni
