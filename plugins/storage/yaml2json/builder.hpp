// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "convert.hpp"
#include "document.hpp"

namespace k2s::yaml2json {

/// Why a document cannot be converted, and where.
struct Fault {
    size_t offset = 0;
    int32_t code = K2S_E_FAILED;
    std::string reason;
    std::optional<size_t> earlier; ///< where the key stood first, for a duplicate
};

/// What the parser tells about a node besides its content. Texts are valid during the call only.
struct Properties {
    std::string_view anchor; ///< empty: none
    std::string_view tag;    ///< resolved, as "tag:yaml.org,2002:str"; empty: none
    size_t offset = 0;
};

/// Makes a Document of parser events. Each call returns false when the document has no JSON form
/// or is over a limit; fault() then says why and nothing more may be called but start().
class Builder {
  public:
    Builder(Document &document, const Options &options) : document_{document}, options_{options} {}

    void start();
    /// `text` stays valid as long as the document if `lasting`, else only during the call.
    bool scalar(const Properties &properties, std::string_view text, bool plain, bool lasting);
    bool begin_sequence(const Properties &properties);
    bool begin_mapping(const Properties &properties);
    bool end_collection();
    bool alias(std::string_view name, size_t offset);

    [[nodiscard]] const Fault &fault() const noexcept { return fault_; }

  private:
    static constexpr uint32_t k_none = UINT32_MAX;

    /// What a node costs when it is written out with everything that aliases bring.
    struct Cost {
        uint64_t nodes = 0;
        uint64_t bytes = 0;
        uint32_t height = 0; ///< levels of collections, 0 for a scalar
    };
    struct Anchor {
        uint32_t node = 0;
        bool open = false; ///< its collection has not ended yet
        Cost cost;
    };
    struct Frame {
        uint32_t node = 0;
        uint32_t key = k_none;    ///< mapping: the key that waits for its value
        size_t first_pending = 0; ///< mapping: its first place in pending_
        Cost cost;
        Anchor *anchor = nullptr;
        bool mapping = false;
        bool has_merge = false;
    };

    bool fail(size_t offset, std::string reason, int32_t code = K2S_E_FAILED);
    bool push_node(const Node &node, uint32_t &index);
    bool begin_collection(const Properties &properties, NodeKind kind);
    void add_child(uint32_t index, const Cost &cost);
    [[nodiscard]] bool awaits_key() const noexcept;
    Anchor *declare(const Properties &properties, uint32_t node);
    bool resolve(const Properties &properties, std::string_view text, bool plain, bool lasting,
                 Node &node);
    bool finish_mapping(const Frame &frame);
    bool merge(size_t first);
    bool merge_value(const Entry &entry);
    void merge_mapping(const Node &mapping);
    bool sort_entries(size_t first);
    bool check_written_order(size_t first);
    bool fail_duplicate(const Entry &one, const Entry &other);

    [[nodiscard]] std::string_view key_text(const Entry &entry) const noexcept {
        return document_.nodes[entry.key].view();
    }

    Document &document_;
    const Options &options_;
    Fault fault_;
    std::vector<Frame> frames_;
    std::vector<Entry> pending_; ///< pairs of the mappings that are open
    std::vector<Entry> merged_;  ///< what replaces a mapping's pairs when it has merge keys
    std::vector<uint32_t> order_;
    std::unordered_set<std::string_view> seen_;
    std::unordered_map<std::string, Anchor> anchors_;
    uint64_t alias_nodes_ = 0;
    uint64_t alias_bytes_ = 0;
};

} // namespace k2s::yaml2json
