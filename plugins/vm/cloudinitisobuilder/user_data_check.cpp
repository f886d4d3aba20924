// SPDX-License-Identifier: MIT
#include "user_data_check.hpp"

#include <algorithm>
#include <cctype>

#include "yaml_check.hpp"

#include <libfyaml.h>

namespace k2s::cloudinitisobuilder {
namespace {

enum class Format { cloud_config, script, opaque, empty, byte_order_mark, unknown };

bool starts(std::string_view text, std::string_view prefix) {
    return text.size() >= prefix.size() &&
           std::equal(prefix.begin(), prefix.end(), text.begin(), [](char a, char b) {
               return a == static_cast<char>(std::tolower(static_cast<unsigned char>(b)));
           });
}

Format format_of(std::string_view content) {
    if (content.substr(0, 2) == "\x1f\x8b") {
        return Format::opaque; // gzip: cloud-init unpacks it and looks again
    }
    if (content.substr(0, 3) == "\xef\xbb\xbf" || content.substr(0, 2) == "\xff\xfe") {
        return Format::byte_order_mark;
    }
    // cloud-init skips white space before the header and does not care for its case.
    const size_t begin = content.find_first_not_of(" \t\r\n\v\f");
    if (begin == std::string_view::npos) {
        return Format::empty;
    }
    const std::string_view text = content.substr(begin);
    for (const std::string_view header :
         {"#include", "#part-handler", "#cloud-boothook", "#cloud-config-archive",
          "#cloud-config-jsonp", "## template: jinja", "content-type:", "mime-version:"}) {
        if (starts(text, header)) {
            return Format::opaque;
        }
    }
    if (starts(text, "#!")) {
        return Format::script;
    }
    return starts(text, "#cloud-config") ? Format::cloud_config : Format::unknown;
}

struct Checker {
    const SeedFile &file;
    Findings &findings;

    void warn(fy_node *node, std::string message) {
        const Position at = position_of(node);
        findings.push_back({Severity::warning, file.name, at.line, at.column, std::move(message)});
    }

    void keys(fy_node *list) {
        void *iterator = nullptr;
        if (list == nullptr || !fy_node_is_sequence(list)) {
            return;
        }
        while (fy_node *key = fy_node_sequence_iterate(list, &iterator)) {
            if (fy_node_is_scalar(key) && !fy_node_is_alias(key) && !is_key(scalar_text(key))) {
                warn(key, "does not look like an SSH public key, so nobody can log in with it; "
                          "give the text of a .pub file, such as 'ssh-ed25519 AAAA…'");
            }
        }
    }

    /// A public key may be preceded by options, so any of its words may be the type; what follows
    /// is base64, which for all key types begins with the same zero bytes.
    static bool is_key(std::string_view text) {
        for (const std::string_view type : {"ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"}) {
            for (size_t at = text.find(type); at != std::string_view::npos;
                 at = text.find(type, at + 1)) {
                const size_t blank = text.find(' ', at);
                if ((at == 0 || text[at - 1] == ' ') && blank != std::string_view::npos &&
                    text.substr(blank + 1, 4) == "AAAA") {
                    return true;
                }
            }
        }
        return false;
    }

    static bool hashed(std::string_view password) {
        return password.empty() || password[0] == '$' || password[0] == '*' || password[0] == '!';
    }

    void plain(fy_node *node, std::string_view key) {
        warn(node, "'" + std::string(key) +
                       "' puts a readable password into the image; use a hash (mkpasswd "
                       "--method=SHA-512) or ssh_authorized_keys");
    }

    void users(fy_node *list) {
        void *iterator = nullptr;
        if (list == nullptr || !fy_node_is_sequence(list)) {
            return;
        }
        while (fy_node *user = fy_node_sequence_iterate(list, &iterator)) {
            if (fy_node *password = value_of(user, "plain_text_passwd")) {
                plain(password, "plain_text_passwd");
            }
            keys(value_of(user, "ssh_authorized_keys"));
        }
    }

    /// chpasswd: `list` (lines or items `user:password`) or `users` (mappings with a type).
    void chpasswd(fy_node *node) {
        fy_node *list = value_of(node, "list");
        void *iterator = nullptr;
        if (list != nullptr && fy_node_is_sequence(list)) {
            while (fy_node *item = fy_node_sequence_iterate(list, &iterator)) {
                account(item, scalar_text(item));
            }
        } else if (list != nullptr) {
            std::string_view lines = scalar_text(list);
            while (!lines.empty()) {
                const size_t end = std::min(lines.find('\n'), lines.size());
                account(list, lines.substr(0, end));
                lines.remove_prefix(std::min(end + 1, lines.size()));
            }
        }
        fy_node *users = value_of(node, "users");
        iterator = nullptr;
        while (fy_node *user = users != nullptr && fy_node_is_sequence(users)
                                   ? fy_node_sequence_iterate(users, &iterator)
                                   : nullptr) {
            fy_node *password = value_of(user, "password");
            const std::string_view type = scalar_text(value_of(user, "type"));
            if (password != nullptr &&
                (type == "text" || (type != "RANDOM" && !hashed(scalar_text(password))))) {
                plain(password, "chpasswd");
            }
        }
    }

    void account(fy_node *node, std::string_view text) {
        const size_t colon = text.find(':');
        if (colon == std::string_view::npos) {
            return;
        }
        const std::string_view password = text.substr(colon + 1);
        if (!hashed(password) && password != "R" && password != "RANDOM") {
            plain(node, "chpasswd");
        }
    }

    void cloud_config() {
        const size_t before = findings.size();
        const Document document = parse_yaml(file.name, file.content, findings);
        fy_node *root = document ? fy_document_root(document.get()) : nullptr;
        if (findings.size() != before) {
            return;
        }
        if (root == nullptr || fy_node_is_null(root)) {
            findings.push_back(
                {Severity::warning, file.name, 0, 0, "the cloud-config sets nothing"});
            return;
        }
        if (!fy_node_is_mapping(root)) {
            const Position at = position_of(root);
            findings.push_back({Severity::error, file.name, at.line, at.column,
                                "the cloud-config is not a mapping; it needs lines such as "
                                "'hostname: name'"});
            return;
        }
        users(value_of(root, "users"));
        keys(value_of(root, "ssh_authorized_keys"));
        chpasswd(value_of(root, "chpasswd"));
        fy_node *password = value_of(root, "password");
        if (password != nullptr && !hashed(scalar_text(password)) && scalar_text(password) != "R" &&
            scalar_text(password) != "RANDOM") {
            plain(password, "password");
        }
    }
};

} // namespace

void check_user_data(const SeedFile &file, Findings &findings) {
    const auto add = [&](Severity severity, std::string message) {
        findings.push_back({severity, file.name, 1, 1, std::move(message)});
    };
    switch (format_of(file.content)) {
    case Format::cloud_config:
        Checker{file, findings}.cloud_config();
        break;
    case Format::script:
        if (const size_t end = file.content.find('\n');
            end != std::string::npos && end > 0 && file.content[end - 1] == '\r') {
            add(Severity::warning, "the script has Windows line ends (CR LF), so its interpreter "
                                   "is not found; save it with LF");
        }
        break;
    case Format::opaque:
        break;
    case Format::empty:
        add(Severity::warning, "empty; cloud-init does only what the image says");
        break;
    case Format::byte_order_mark:
        add(Severity::error, "begins with a byte order mark, so cloud-init does not recognise it; "
                             "save it as UTF-8 without one");
        break;
    case Format::unknown:
        add(Severity::error, "cloud-init does not recognise the first line and would ignore the "
                             "file; begin with '#cloud-config' for YAML or '#!/bin/sh' for a "
                             "script");
        break;
    }
}

} // namespace k2s::cloudinitisobuilder
