// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace k2s::yaml2json {

enum class NodeKind : uint8_t {
    literal, ///< Text that is JSON as it stands: null, true, false, a number.
    string,
    sequence,
    mapping,
    alias, ///< An element of a sequence that stands for another node.
};

/// 24 bytes; nodes lie in the order of the source, so an element's successor is `span` further.
struct Node {
    union {
        const char *text;     ///< literal, string
        uint64_t first_entry; ///< mapping: its first place in Document::entries
        uint64_t target;      ///< alias: the node it stands for, never an alias itself
    };
    uint32_t size;   ///< literal, string: bytes; sequence: elements; mapping: entries
    uint32_t span;   ///< nodes from this one to the next sibling
    uint32_t offset; ///< where it is in the source, for messages
    NodeKind kind;
    bool merge; ///< a key that means "merge"

    [[nodiscard]] std::string_view view() const noexcept { return {text, size}; }
    [[nodiscard]] bool is_scalar() const noexcept { return kind <= NodeKind::string; }
};
static_assert(sizeof(Node) == 24);

/// A pair of a mapping: indices of nodes; both have aliases resolved.
struct Entry {
    uint32_t key;
    uint32_t value;
};

/// Keeps texts that are not in the source as they stand. Blocks are kept for the next document.
class TextArena {
  public:
    std::string_view keep(std::string_view text);
    void clear() noexcept;

  private:
    static constexpr size_t k_block_bytes = 64 * 1024;

    std::vector<std::unique_ptr<char[]>> blocks_;
    std::vector<std::unique_ptr<char[]>> large_;
    size_t block_ = 0;
    size_t used_ = 0;
};

/// One document, ready to be written: keys unique and ordered, merges done, aliases known.
struct Document {
    std::vector<Node> nodes; ///< nodes[0] is the root
    std::vector<Entry> entries;
    TextArena texts;

    void clear() noexcept {
        nodes.clear();
        entries.clear();
        texts.clear();
    }
};

} // namespace k2s::yaml2json
