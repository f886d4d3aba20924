// SPDX-License-Identifier: MIT
#include "seed_check.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "user_data_check.hpp"
#include "yaml_check.hpp"

#include <libfyaml.h>

namespace k2s::cloudinitisobuilder {
namespace {

constexpr std::string_view k_meta_data = "meta-data";
constexpr std::string_view k_network_config = "network-config";

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

const SeedFile *find(const std::vector<SeedFile> &files, std::string_view name) {
    const auto at = std::find_if(files.begin(), files.end(),
                                 [&](const SeedFile &file) { return file.name == name; });
    return at == files.end() ? nullptr : &*at;
}

void require(const std::vector<SeedFile> &files, std::string_view name, Findings &findings) {
    if (find(files, name) != nullptr) {
        return;
    }
    Finding finding{Severity::error, std::string(name), 0, 0,
                    "missing; cloud-init finds a NoCloud seed by its meta-data and user-data"};
    for (const SeedFile &file : files) {
        const std::string close = lower(file.name);
        if (close == name || close == std::string(name) + ".yaml" ||
            close == std::string(name) + ".yml" || close == std::string(name) + ".txt") {
            finding.message += "; rename '" + file.name + "'";
        }
    }
    findings.push_back(std::move(finding));
}

/// `instance-id:4711` and `local-hostname=host`: lines that look like settings but are plain text
/// to YAML. Returns whether there were any. cloud-init ignores such a file with a warning and goes
/// on, which is why seeds with it have worked: so it is a warning here, too.
bool find_near_settings(const SeedFile &file, Findings &findings) {
    bool any = false;
    int line = 0;
    for (size_t begin = 0; begin < file.content.size();) {
        size_t end = file.content.find('\n', begin);
        end = end == std::string::npos ? file.content.size() : end;
        std::string_view text(file.content.data() + begin, end - begin);
        while (!text.empty() && (text.back() == '\r' || text.back() == ' ')) {
            text.remove_suffix(1);
        }
        ++line;
        begin = end + 1;
        size_t key = 0;
        while (key < text.size() && (std::isalnum(static_cast<unsigned char>(text[key])) != 0 ||
                                     text[key] == '-' || text[key] == '_')) {
            ++key;
        }
        if (key == 0 || key + 1 >= text.size() || text[key + 1] == ' ' ||
            (text[key] != ':' && text[key] != '=')) {
            continue;
        }
        const std::string remedy = "write '" + std::string(text.substr(0, key)) + ": " +
                                   std::string(text.substr(key + 1)) + "'";
        findings.push_back(
            {Severity::warning, file.name, line, static_cast<int>(key) + 1,
             (text[key] == ':' ? "no blank after the colon, so this is text and not "
                                 "a setting, and cloud-init ignores it; "
                               : "'=' does not make a setting in YAML, and cloud-init "
                                 "ignores it; ") +
                 remedy});
        any = true;
    }
    return any;
}

void check_meta_data(const SeedFile &file, Findings &findings) {
    const size_t before = findings.size();
    const Document document = parse_yaml(file.name, file.content, findings);
    fy_node *root = document ? fy_document_root(document.get()) : nullptr;
    const bool parsed = findings.size() == before;
    if (root != nullptr && fy_node_is_mapping(root)) {
        fy_node *id = value_of(root, "instance-id");
        const Position at = position_of(id == nullptr ? root : key_of(root, "instance-id"));
        if (id == nullptr) {
            findings.push_back({Severity::error, file.name, at.line, at.column,
                                "no instance-id; add 'instance-id: <unique name>', by which "
                                "cloud-init tells a new machine from a reboot"});
        } else if (!fy_node_is_alias(id) && scalar_text(id).empty()) {
            findings.push_back({Severity::error, file.name, at.line, at.column,
                                "instance-id must be a text that is not empty"});
        }
        return;
    }
    if (parsed && root != nullptr && fy_node_is_scalar(root) &&
        find_near_settings(file, findings)) {
        return;
    }
    if (parsed) {
        const Position at = position_of(root);
        findings.push_back({Severity::error, file.name, at.line, at.column,
                            root == nullptr ? "empty; it needs a line 'instance-id: <unique name>'"
                                            : "not a mapping; it needs lines such as "
                                              "'instance-id: <unique name>'"});
    }
}

void check_network_config(const SeedFile &file, Findings &findings) {
    const size_t before = findings.size();
    const Document document = parse_yaml(file.name, file.content, findings);
    fy_node *root = document ? fy_document_root(document.get()) : nullptr;
    const auto add = [&](fy_node *node, std::string message) {
        const Position at = position_of(node);
        findings.push_back({Severity::error, file.name, at.line, at.column, std::move(message)});
    };
    if (findings.size() != before) {
        return;
    }
    if (root == nullptr) {
        findings.push_back({Severity::warning, file.name, 0, 0,
                            "empty; cloud-init falls back to DHCP on the first interface: leave "
                            "the file out to say so"});
        return;
    }
    if (!fy_node_is_mapping(root)) {
        add(root, "not a mapping; it begins with 'version: 2' (or 1)");
        return;
    }
    fy_node *network = value_of(root, "network");
    fy_node *config = network == nullptr ? root : network;
    if (scalar_text(value_of(config, "config")) == "disabled") {
        return;
    }
    fy_node *version = value_of(config, "version");
    const std::string_view number = scalar_text(version);
    if (version == nullptr) {
        add(config, "no version; add 'version: 2' (or 1)");
    } else if (number == "1") {
        fy_node *devices = value_of(config, "config");
        if (devices == nullptr || !fy_node_is_sequence(devices)) {
            add(devices == nullptr ? config : devices, "version 1 needs 'config:' with a list");
        }
    } else if (number == "2") {
        constexpr std::array<std::string_view, 5> kinds = {"ethernets", "bonds", "bridges", "vlans",
                                                           "wifis"};
        for (const std::string_view kind : kinds) {
            fy_node *devices = value_of(config, kind);
            if (devices != nullptr && !fy_node_is_mapping(devices) && !fy_node_is_alias(devices) &&
                !fy_node_is_null(devices)) {
                add(devices, "'" + std::string(kind) + "' must be a mapping of device names");
            }
        }
    } else {
        add(version, "version '" + std::string(number.substr(0, 20)) +
                         "' is unknown to cloud-init; it has 1 and 2");
    }
}

/// Two names that differ in case only are one name to a Windows reader.
void check_case(const std::vector<SeedFile> &files, Findings &findings) {
    std::vector<std::pair<std::string, std::string>> names;
    for (const SeedFile &file : files) {
        names.emplace_back(lower(file.name), file.name);
    }
    std::sort(names.begin(), names.end());
    for (size_t i = 1; i < names.size(); ++i) {
        if (names[i].first == names[i - 1].first) {
            findings.push_back({Severity::warning, names[i].second, 0, 0,
                                "differs from '" + names[i - 1].second +
                                    "' in case only; a reader on Windows sees one of them"});
        }
    }
}

} // namespace

std::string Finding::text() const {
    std::string out = file;
    if (line > 0) {
        out += ":" + std::to_string(line) + ":" + std::to_string(column);
    }
    out += severity == Severity::error     ? ": error: "
           : severity == Severity::warning ? ": warning: "
                                           : ": ";
    return out + message;
}

Findings check_seed(const std::vector<SeedFile> &files) {
    Findings findings;
    require(files, k_meta_data, findings);
    require(files, "user-data", findings);
    if (const SeedFile *file = find(files, k_meta_data)) {
        check_meta_data(*file, findings);
    }
    for (const std::string_view name : {"user-data", "vendor-data"}) {
        if (const SeedFile *file = find(files, name)) {
            check_user_data(*file, findings);
        }
    }
    if (const SeedFile *file = find(files, k_network_config)) {
        check_network_config(*file, findings);
    }
    check_case(files, findings);
    return findings;
}

} // namespace k2s::cloudinitisobuilder
