// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "finding.hpp"

struct fy_document;
struct fy_node;

namespace k2s::cloudinitisobuilder {

struct DocumentDeleter {
    void operator()(fy_document *document) const;
};
using Document = std::unique_ptr<fy_document, DocumentDeleter>;

/// Parses one YAML document from memory, as cloud-init's reader (YAML 1.1) would. What is wrong
/// goes to `findings`; an empty stream gives null without a finding. `content` must outlive the
/// document.
Document parse_yaml(std::string_view file, std::string_view content, Findings &findings);

/// Where a node begins, from 1; 1:1 when the parser does not know.
struct Position {
    int line = 1;
    int column = 1;
};
Position position_of(fy_node *node);

/// The text of a scalar; empty for another kind of node.
std::string_view scalar_text(fy_node *node);

/// The value under `key`, and the key itself; null when there is none or `mapping` is no mapping.
fy_node *value_of(fy_node *mapping, std::string_view key);
fy_node *key_of(fy_node *mapping, std::string_view key);

} // namespace k2s::cloudinitisobuilder
