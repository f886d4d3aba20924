// SPDX-License-Identifier: MIT
#include "builder.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "scalar.hpp"

namespace k2s::yaml2json {
namespace {

constexpr std::string_view k_core_prefix = "tag:yaml.org,2002:";
constexpr uint64_t k_node_overhead = 4; // quotes, a comma, a colon

// A name or a value in a message is cut: it may be megabytes long.
std::string quoted(std::string_view text) {
    constexpr size_t k_max = 60;
    if (text.size() <= k_max) {
        return fmt::format("\"{}\"", text);
    }
    size_t end = k_max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) {
        --end;
    }
    return fmt::format("\"{}…\"", text.substr(0, end));
}

// "!!str" for a tag of the core schema, the tag itself for another one.
std::string shown_tag(std::string_view tag) {
    if (tag.starts_with(k_core_prefix)) {
        return "!!" + std::string{tag.substr(k_core_prefix.size())};
    }
    return std::string{tag.substr(0, 80)};
}

std::string_view core_name(std::string_view tag) noexcept {
    return tag.starts_with(k_core_prefix) ? tag.substr(k_core_prefix.size()) : std::string_view{};
}

bool is_scalar_only(std::string_view name) noexcept {
    return name == "str" || name == "int" || name == "float" || name == "bool" || name == "null" ||
           name == "binary" || name == "timestamp" || name == "merge";
}

bool is_mapping_only(std::string_view name) noexcept {
    return name == "map" || name == "set";
}

bool is_sequence_only(std::string_view name) noexcept {
    return name == "seq" || name == "omap" || name == "pairs";
}

Node make_node(NodeKind kind, size_t offset) noexcept {
    Node node{};
    node.target = 0;
    node.span = 1;
    node.offset = static_cast<uint32_t>(offset);
    node.kind = kind;
    return node;
}

} // namespace

void Builder::start() {
    document_.clear();
    fault_ = {};
    frames_.clear();
    pending_.clear();
    anchors_.clear();
    alias_nodes_ = 0;
    alias_bytes_ = 0;
}

bool Builder::fail(size_t offset, std::string reason, int32_t code) {
    fault_ = {offset, code, std::move(reason), std::nullopt};
    return false;
}

bool Builder::awaits_key() const noexcept {
    return !frames_.empty() && frames_.back().mapping && frames_.back().key == k_none;
}

bool Builder::push_node(const Node &node, uint32_t &index) {
    if (document_.nodes.size() >= options_.limits.document_nodes) {
        return fail(node.offset,
                    fmt::format("the document has more than {} nodes; split it or raise the limit",
                                options_.limits.document_nodes),
                    K2S_E_NO_MEMORY);
    }
    index = static_cast<uint32_t>(document_.nodes.size());
    document_.nodes.push_back(node);
    return true;
}

void Builder::add_child(uint32_t index, const Cost &cost) {
    if (frames_.empty()) {
        return;
    }
    Frame &frame = frames_.back();
    frame.cost.nodes += cost.nodes;
    frame.cost.bytes += cost.bytes;
    frame.cost.height = std::max(frame.cost.height, cost.height + 1);
    if (!frame.mapping) {
        ++document_.nodes[frame.node].size;
    } else if (frame.key == k_none) {
        frame.key = index;
        frame.has_merge = frame.has_merge || document_.nodes[index].merge;
    } else {
        pending_.push_back({frame.key, index});
        frame.key = k_none;
    }
}

Builder::Anchor *Builder::declare(const Properties &properties, uint32_t node) {
    if (properties.anchor.empty()) {
        return nullptr;
    }
    Anchor &anchor = anchors_[std::string{properties.anchor}];
    anchor = {node, false, {}};
    return &anchor;
}

bool Builder::scalar(const Properties &properties, std::string_view text, bool plain,
                     bool lasting) {
    Node node = make_node(NodeKind::string, properties.offset);
    uint32_t index = 0;
    if (!resolve(properties, text, plain, lasting, node) || !push_node(node, index)) {
        return false;
    }
    const Cost cost{1, node.size + k_node_overhead, 0};
    if (Anchor *const anchor = declare(properties, index)) {
        anchor->cost = cost;
    }
    add_child(index, cost);
    return true;
}

bool Builder::resolve(const Properties &properties, std::string_view text, bool plain, bool lasting,
                      Node &node) {
    const bool key = awaits_key();
    const std::string_view tag = properties.tag;
    const std::string_view name = core_name(tag);
    const size_t offset = properties.offset;
    const auto is = [&node](NodeKind kind, std::string_view value) {
        node.kind = kind;
        node.text = value.data();
        node.size = static_cast<uint32_t>(value.size());
        return true;
    };
    const auto kept = [&] { return lasting ? text : document_.texts.keep(text); };

    if (key && options_.merge_keys && text == "<<" && ((plain && tag.empty()) || name == "merge")) {
        node.merge = true;
        return is(NodeKind::string, "<<");
    }
    const bool typed = name == "int" || name == "float" || name == "bool" || name == "null";
    if (!typed) {
        if (is_mapping_only(name) || is_sequence_only(name)) {
            fail(offset, fmt::format("{} does not fit a scalar", shown_tag(tag)));
            return false;
        }
        // "!", "!!str", "!!binary" and every unknown tag: a string, as Go's yaml.v3 does it.
        if (!tag.empty() || !plain) {
            return is(NodeKind::string, kept());
        }
    }
    const ScalarType type = classify(text, options_.yaml11_booleans);
    if (typed) {
        const bool fits = name == "int" ? type == ScalarType::integer
                          : name == "float"
                              ? type == ScalarType::integer || type == ScalarType::floating ||
                                    type == ScalarType::non_finite
                          : name == "bool" ? type == ScalarType::boolean
                                           : type == ScalarType::null;
        if (!fits) {
            fail(offset, fmt::format("{} does not fit {}", shown_tag(tag), quoted(text)));
            return false;
        }
    }
    switch (type) {
    case ScalarType::string:
        return is(NodeKind::string, kept());
    case ScalarType::null:
        return is(NodeKind::literal, "null");
    case ScalarType::boolean:
        return is(NodeKind::literal, boolean_value(text) ? "true" : "false");
    case ScalarType::non_finite:
        if (key) {
            return is(NodeKind::string, kept()); // a key becomes text anyway
        }
        fail(offset, fmt::format("{} has no JSON form: JSON has no infinity and no NaN; quote it "
                                 "to make it a string",
                                 text));
        return false;
    case ScalarType::integer:
    case ScalarType::floating:
        break;
    }
    if (is_json_number(text)) {
        return is(NodeKind::literal, kept());
    }
    const auto number = json_number(text);
    if (!number) {
        fail(offset, "this hexadecimal or octal number is too long; quote it to make it a string",
             K2S_E_NO_MEMORY);
        return false;
    }
    return is(NodeKind::literal, document_.texts.keep(*number));
}

bool Builder::begin_collection(const Properties &properties, NodeKind kind) {
    const bool mapping = kind == NodeKind::mapping;
    const std::string_view name = core_name(properties.tag);
    if (is_scalar_only(name) || (mapping ? is_sequence_only(name) : is_mapping_only(name))) {
        return fail(properties.offset,
                    fmt::format("{} does not fit a {}", shown_tag(properties.tag),
                                mapping ? "mapping" : "sequence"));
    }
    if (awaits_key()) {
        return fail(properties.offset, fmt::format("a {} as a key has no JSON form; use a string",
                                                   mapping ? "mapping" : "sequence"));
    }
    if (frames_.size() >= options_.limits.depth) {
        return fail(properties.offset,
                    fmt::format("nested deeper than {} levels; raise the limit if this is meant",
                                options_.limits.depth),
                    K2S_E_NO_MEMORY);
    }
    Frame frame;
    if (!push_node(make_node(kind, properties.offset), frame.node)) {
        return false;
    }
    frame.mapping = mapping;
    frame.first_pending = pending_.size();
    frame.cost = {1, k_node_overhead, 1};
    frame.anchor = declare(properties, frame.node);
    if (frame.anchor != nullptr) {
        frame.anchor->open = true;
    }
    frames_.push_back(frame);
    return true;
}

bool Builder::begin_sequence(const Properties &properties) {
    return begin_collection(properties, NodeKind::sequence);
}

bool Builder::begin_mapping(const Properties &properties) {
    return begin_collection(properties, NodeKind::mapping);
}

bool Builder::end_collection() {
    const Frame frame = frames_.back();
    if (frame.mapping && !finish_mapping(frame)) {
        return false;
    }
    frames_.pop_back();
    Node &node = document_.nodes[frame.node];
    node.span = static_cast<uint32_t>(document_.nodes.size() - frame.node);
    // The name may have been given to a node inside this one meanwhile.
    if (frame.anchor != nullptr && frame.anchor->node == frame.node) {
        frame.anchor->open = false;
        frame.anchor->cost = frame.cost;
    }
    add_child(frame.node, frame.cost);
    return true;
}

bool Builder::alias(std::string_view name, size_t offset) {
    const auto found = anchors_.find(std::string{name});
    if (found == anchors_.end()) {
        return fail(offset, fmt::format("alias *{} names no anchor before it in this document",
                                        name.substr(0, 80)));
    }
    const Anchor &anchor = found->second;
    const Limits &limits = options_.limits;
    if (anchor.open) {
        return fail(offset, fmt::format("alias *{} is inside the node that it stands for: endless",
                                        name.substr(0, 80)));
    }
    if (frames_.size() + anchor.cost.height > limits.depth) {
        return fail(offset,
                    fmt::format("alias *{} nests deeper than {} levels; raise the limit if this "
                                "is meant",
                                name.substr(0, 80), limits.depth),
                    K2S_E_NO_MEMORY);
    }
    alias_nodes_ += anchor.cost.nodes;
    alias_bytes_ += anchor.cost.bytes;
    if (alias_nodes_ > limits.alias_nodes || alias_bytes_ > limits.alias_bytes) {
        return fail(offset,
                    fmt::format("aliases add more than {} to the document (an alias bomb?); raise "
                                "the limit if this is meant",
                                alias_nodes_ > limits.alias_nodes
                                    ? fmt::format("{} nodes", limits.alias_nodes)
                                    : fmt::format("{} bytes", limits.alias_bytes)),
                    K2S_E_NO_MEMORY);
    }
    const Node &target = document_.nodes[anchor.node];
    if (awaits_key() && !target.is_scalar()) {
        return fail(offset, fmt::format("alias *{} stands for a collection, which as a key has no "
                                        "JSON form; use a string",
                                        name.substr(0, 80)));
    }
    uint32_t index = anchor.node;
    if (!frames_.back().mapping) { // a mapping's entries point at the target itself
        Node node = make_node(NodeKind::alias, offset);
        node.target = anchor.node;
        if (!push_node(node, index)) {
            return false;
        }
    }
    add_child(index, anchor.cost);
    return true;
}

bool Builder::finish_mapping(const Frame &frame) {
    const size_t first = frame.first_pending;
    if (frame.has_merge && !merge(first)) {
        return false;
    }
    const bool ordered =
        options_.key_order == KeyOrder::sorted ? sort_entries(first) : check_written_order(first);
    if (!ordered) {
        return false;
    }
    Node &node = document_.nodes[frame.node];
    node.first_entry = document_.entries.size();
    node.size = static_cast<uint32_t>(pending_.size() - first);
    document_.entries.insert(document_.entries.end(),
                             pending_.begin() + static_cast<ptrdiff_t>(first), pending_.end());
    pending_.resize(first);
    return true;
}

// Keys of the mapping itself win over merged ones, wherever `<<` stands; of several sources the
// earlier wins (yaml.org/type/merge.html).
bool Builder::merge(size_t first) {
    const auto is_merge = [this](const Entry &entry) { return document_.nodes[entry.key].merge; };
    seen_.clear();
    merged_.clear();
    size_t chosen = pending_.size();
    for (size_t i = first; i < pending_.size(); ++i) {
        if (!is_merge(pending_[i])) {
            seen_.insert(key_text(pending_[i]));
            continue;
        }
        if (chosen != pending_.size() && options_.duplicate_keys == DuplicateKeys::refuse) {
            return fail_duplicate(pending_[chosen], pending_[i]);
        }
        chosen = i;
    }
    for (size_t i = first; i < pending_.size(); ++i) {
        if (!is_merge(pending_[i])) {
            merged_.push_back(pending_[i]);
        } else if (i == chosen && !merge_value(pending_[i])) {
            return false;
        }
    }
    pending_.resize(first);
    pending_.insert(pending_.end(), merged_.begin(), merged_.end());
    return true;
}

bool Builder::merge_value(const Entry &entry) {
    const auto &nodes = document_.nodes;
    const Node &value = nodes[entry.value];
    const auto refuse = [this](const Node &node) {
        return fail(node.offset, "only a mapping or a sequence of mappings can be merged by <<; "
                                 "quote \"<<\" if it is an ordinary key");
    };
    if (value.kind == NodeKind::mapping) {
        merge_mapping(value);
        return true;
    }
    if (value.kind != NodeKind::sequence) {
        return refuse(nodes[entry.key]);
    }
    size_t element = entry.value + 1;
    for (uint32_t i = 0; i < value.size; ++i, element += nodes[element].span) {
        const Node &node = nodes[element];
        const Node &source = node.kind == NodeKind::alias ? nodes[node.target] : node;
        if (source.kind != NodeKind::mapping) {
            return refuse(node);
        }
        merge_mapping(source);
    }
    return true;
}

void Builder::merge_mapping(const Node &mapping) {
    for (uint32_t i = 0; i < mapping.size; ++i) {
        const Entry entry = document_.entries[mapping.first_entry + i];
        if (seen_.insert(key_text(entry)).second) {
            merged_.push_back(entry);
        }
    }
}

bool Builder::sort_entries(size_t first) {
    const auto begin = pending_.begin() + static_cast<ptrdiff_t>(first);
    const auto less = [this](const Entry &a, const Entry &b) { return key_text(a) < key_text(b); };
    bool ascending = true;
    for (auto it = begin; ascending && it != pending_.end() && it + 1 != pending_.end(); ++it) {
        ascending = less(*it, *(it + 1));
    }
    if (ascending) {
        return true;
    }
    std::stable_sort(begin, pending_.end(), less);
    auto kept = begin;
    for (auto it = begin + 1; it != pending_.end(); ++it) {
        if (less(*kept, *it)) {
            *++kept = *it;
        } else if (options_.duplicate_keys == DuplicateKeys::refuse) {
            return fail_duplicate(*kept, *it);
        } else {
            *kept = *it;
        }
    }
    pending_.erase(kept + 1, pending_.end());
    return true;
}

bool Builder::check_written_order(size_t first) {
    const size_t count = pending_.size() - first;
    Entry *const entries = pending_.data() + first;
    order_.resize(count);
    for (uint32_t i = 0; i < count; ++i) {
        order_[i] = i;
    }
    std::stable_sort(order_.begin(), order_.end(), [this, entries](uint32_t a, uint32_t b) {
        return key_text(entries[a]) < key_text(entries[b]);
    });
    bool dropped = false;
    for (size_t i = 0; i + 1 < count; ++i) {
        Entry &one = entries[order_[i]];
        const Entry &next = entries[order_[i + 1]];
        if (key_text(one) != key_text(next)) {
            continue;
        }
        if (options_.duplicate_keys == DuplicateKeys::refuse) {
            return fail_duplicate(one, next);
        }
        one.key = k_none;
        dropped = true;
    }
    if (dropped) {
        std::erase_if(pending_, [](const Entry &entry) { return entry.key == k_none; });
    }
    return true;
}

bool Builder::fail_duplicate(const Entry &one, const Entry &other) {
    const uint32_t a = document_.nodes[one.key].offset;
    const uint32_t b = document_.nodes[other.key].offset;
    fail(std::max(a, b), fmt::format("key {} occurs twice in this mapping", quoted(key_text(one))));
    fault_.earlier = std::min(a, b);
    return false;
}

} // namespace k2s::yaml2json
