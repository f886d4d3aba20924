// SPDX-License-Identifier: MIT
#include "yaml_check.hpp"

#include <libfyaml.h>

namespace k2s::cloudinitisobuilder {
namespace {

void add_parser_errors(std::string_view file, fy_diag *diag, Findings &findings) {
    void *iterator = nullptr;
    bool found = false;
    while (const fy_diag_error *error = fy_diag_errors_iterate(diag, &iterator)) {
        if (!found) { // the first says what is wrong; the others follow from it
            findings.push_back({Severity::error, std::string(file), error->line, error->column,
                                std::string("not valid YAML: ") + error->msg});
            found = true;
        }
    }
    if (!found) {
        findings.push_back({Severity::error, std::string(file), 0, 0, "not valid YAML"});
    }
}

fy_node_pair *pair_of(fy_node *mapping, std::string_view key) {
    if (mapping == nullptr || !fy_node_is_mapping(mapping)) {
        return nullptr;
    }
    void *iterator = nullptr;
    while (fy_node_pair *pair = fy_node_mapping_iterate(mapping, &iterator)) {
        if (scalar_text(fy_node_pair_key(pair)) == key) {
            return pair;
        }
    }
    return nullptr;
}

} // namespace

void DocumentDeleter::operator()(fy_document *document) const {
    fy_document_destroy(document);
}

Document parse_yaml(std::string_view file, std::string_view content, Findings &findings) {
    if (const size_t zero = content.find('\0'); zero != std::string_view::npos) {
        findings.push_back({Severity::error, std::string(file), 0, 0,
                            "not text: it has a zero byte at offset " + std::to_string(zero) +
                                "; save it as UTF-8"});
        return nullptr;
    }
    fy_diag_cfg diag_config{};
    fy_diag_cfg_default(&diag_config);
    diag_config.fp = nullptr;
    diag_config.colorize = false;
    const std::unique_ptr<fy_diag, void (*)(fy_diag *)> diag(fy_diag_create(&diag_config),
                                                             &fy_diag_destroy);
    fy_parse_cfg config{};
    config.flags = static_cast<fy_parse_cfg_flags>(FYPCF_QUIET | FYPCF_COLLECT_DIAG |
                                                   FYPCF_DEFAULT_VERSION_1_1);
    config.diag = diag.get();
    const std::unique_ptr<fy_parser, void (*)(fy_parser *)> parser(fy_parser_create(&config),
                                                                   &fy_parser_destroy);
    if (!diag || !parser) {
        findings.push_back({Severity::error, std::string(file), 0, 0, "out of memory"});
        return nullptr;
    }
    fy_diag_set_collect_errors(diag.get(), true);
    if (content.empty()) {
        return nullptr;
    }
    if (fy_parser_set_string(parser.get(), content.data(), content.size()) != 0) {
        add_parser_errors(file, diag.get(), findings);
        return nullptr;
    }
    Document document(fy_parse_load_document(parser.get()));
    if (!document) {
        if (fy_parser_get_stream_error(parser.get())) {
            add_parser_errors(file, diag.get(), findings);
        }
        return nullptr;
    }
    const Document second(fy_parse_load_document(parser.get()));
    if (second) {
        const Position at = position_of(fy_document_root(second.get()));
        findings.push_back({Severity::error, std::string(file), at.line, at.column,
                            "a second YAML document begins; cloud-init reads files of one document "
                            "only: remove the '---' before it"});
    } else if (fy_parser_get_stream_error(parser.get())) {
        add_parser_errors(file, diag.get(), findings);
    }
    return document;
}

Position position_of(fy_node *node) {
    if (node == nullptr) {
        return {};
    }
    // A mapping or sequence in block style has no token of its own: it begins with its first child.
    fy_node *first = node;
    while (first != nullptr && !fy_node_is_scalar(first)) {
        first = fy_node_is_mapping(first) ? fy_node_pair_key(fy_node_mapping_get_by_index(first, 0))
                                          : fy_node_sequence_get_by_index(first, 0);
    }
    fy_token *token = first == nullptr ? nullptr : fy_node_get_scalar_token(first);
    const fy_mark *mark = token == nullptr ? nullptr : fy_token_start_mark(token);
    return mark == nullptr ? Position{} : Position{mark->line + 1, mark->column + 1};
}

std::string_view scalar_text(fy_node *node) {
    size_t length = 0;
    const char *text = node == nullptr || !fy_node_is_scalar(node) || fy_node_is_alias(node)
                           ? nullptr
                           : fy_node_get_scalar(node, &length);
    return text == nullptr ? std::string_view() : std::string_view(text, length);
}

fy_node *value_of(fy_node *mapping, std::string_view key) {
    fy_node_pair *pair = pair_of(mapping, key);
    return pair == nullptr ? nullptr : fy_node_pair_value(pair);
}

fy_node *key_of(fy_node *mapping, std::string_view key) {
    fy_node_pair *pair = pair_of(mapping, key);
    return pair == nullptr ? nullptr : fy_node_pair_key(pair);
}

} // namespace k2s::cloudinitisobuilder
