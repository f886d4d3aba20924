// SPDX-License-Identifier: MIT
#include "config/document.hpp"

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <vector>

#include <libfyaml.h>

#include "cli/text.hpp"
#include "util/real.hpp"
#include "util/utf8.hpp"

namespace k2s::core {
namespace {

using nlohmann::json;
using Positions = std::map<std::string, Position, std::less<>>;

constexpr std::size_t k_max_key = 256;

struct EventDeleter {
    fy_parser *parser = nullptr;
    void operator()(fy_event *event) const { fy_parser_event_free(parser, event); }
};
using Event = std::unique_ptr<fy_event, EventDeleter>;

// What an anchor stands for: the value and the places inside it, relative to it.
struct Anchored {
    json value;
    Positions positions;
    std::size_t count = 0; ///< values in it
    std::size_t bytes = 0; ///< text in it
    std::size_t depth = 0; ///< levels in it
};

struct Failure {
    std::string text; ///< complete message
};

std::string_view token_text(fy_token *token) {
    std::size_t length = 0;
    const char *text = token != nullptr ? fy_token_get_text(token, &length) : nullptr;
    return text != nullptr ? std::string_view(text, length) : std::string_view();
}

// Marks count from 0. Those of quoted text and aliases stand behind the quote or the asterisk.
Position event_position(fy_event *event) {
    const fy_mark *mark = fy_event_start_mark(event);
    if (mark == nullptr) {
        return {};
    }
    const fy_node_style style =
        event->type == FYET_SCALAR ? fy_event_get_node_style(event) : FYNS_ANY;
    const bool behind =
        event->type == FYET_ALIAS || style == FYNS_SINGLE_QUOTED || style == FYNS_DOUBLE_QUOTED;
    return {static_cast<uint32_t>(mark->line) + 1,
            static_cast<uint32_t>(mark->column) + (behind && mark->column > 0 ? 0 : 1)};
}

// An absent value (`key:`) has no style at all, and is null like a plain empty one.
bool is_plain(fy_event *event) {
    const fy_node_style style = fy_event_get_node_style(event);
    return style == FYNS_PLAIN || style == FYNS_ANY;
}

bool is_integer_text(std::string_view text) {
    if (text.starts_with('-') || text.starts_with('+')) {
        text.remove_prefix(1);
    }
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// YAML 1.2.2 section 10.3.2: [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
bool is_float_text(std::string_view text) {
    std::size_t at = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
    const auto digits = [&] {
        const std::size_t start = at;
        while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
            ++at;
        }
        return at - start;
    };
    const std::size_t whole = digits();
    std::size_t fraction = 0;
    if (at < text.size() && text[at] == '.') {
        ++at;
        fraction = digits();
    }
    if (whole + fraction == 0) {
        return false;
    }
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        ++at;
        if (at < text.size() && (text[at] == '-' || text[at] == '+')) {
            ++at;
        }
        if (digits() == 0) {
            return false;
        }
    }
    return at == text.size();
}

class Reader {
  public:
    Reader(const std::string &name, const DocumentLimits &limits) : name_(name), limits_(limits) {}

    Document read(std::string_view text, DocumentSyntax syntax) {
        fy_diag_cfg diag_config;
        fy_diag_cfg_default(&diag_config);
        diag_config.colorize = false;
        diag_.reset(fy_diag_create(&diag_config));
        fy_diag_set_collect_errors(diag_.get(), true);
        fy_parse_cfg config{};
        config.flags = static_cast<fy_parse_cfg_flags>(
            FYPCF_QUIET | FYPCF_COLLECT_DIAG |
            (syntax == DocumentSyntax::json ? FYPCF_JSON_FORCE : FYPCF_JSON_NONE));
        config.diag = diag_.get();
        parser_.reset(fy_parser_create(&config));
        if (!parser_ || fy_parser_set_string(parser_.get(), text.data(), text.size()) != 0) {
            throw Failure{name_ + ": cannot be parsed: out of memory"};
        }
        Document document;
        document.tree = json::object();
        bool seen = false;
        for (Event event = next(); event && event->type != FYET_STREAM_END; event = next()) {
            if (event->type == FYET_STREAM_START || event->type == FYET_DOCUMENT_END) {
                continue;
            }
            if (event->type != FYET_DOCUMENT_START || seen) {
                refuse(event.get(), "a second document begins here; put everything into one");
            }
            seen = true;
            document.tree = value(next(), "", 0, document.positions);
        }
        if (seen && document.tree.is_null()) {
            document.tree = json::object(); // nothing but comments
        }
        return document;
    }

  private:
    struct ParserDeleter {
        void operator()(fy_parser *parser) const { fy_parser_destroy(parser); }
    };
    struct DiagDeleter {
        void operator()(fy_diag *diag) const { fy_diag_destroy(diag); }
    };

    [[noreturn]] void refuse(Position position, std::string_view reason) const {
        throw Failure{fmt::format("{}:{}:{}: {}", name_, position.line, position.column, reason)};
    }
    [[noreturn]] void refuse(fy_event *event, std::string_view reason) const {
        refuse(event_position(event), reason);
    }

    Event next() {
        Event event(fy_parser_parse(parser_.get()), EventDeleter{parser_.get()});
        if (!event && fy_parser_get_stream_error(parser_.get())) {
            void *iterator = nullptr;
            const fy_diag_error *error = fy_diag_errors_iterate(diag_.get(), &iterator);
            if (error == nullptr) {
                throw Failure{name_ + ": cannot be parsed"};
            }
            // Here, other than in marks, the library counts from 1; 0 or less is no place.
            refuse(Position{static_cast<uint32_t>(std::max(error->line, 1)),
                            static_cast<uint32_t>(std::max(error->column, 1))},
                   error->msg != nullptr ? lossy_utf8(error->msg) : "syntax error");
        }
        return event;
    }

    static std::size_t scalar_size(fy_event *event) {
        return event->type == FYET_SCALAR ? token_text(fy_event_get_token(event)).size() : 0;
    }

    Event require(Event event) const {
        if (!event) {
            throw Failure{name_ + ": ends in the middle of a value"};
        }
        return event;
    }

    // Places count too: their pointers repeat the keys above them for each value.
    void count(fy_event *event, std::size_t more, std::size_t bytes, std::size_t depth) {
        used_ += more;
        bytes_ += bytes;
        if (bytes_ > limits_.bytes) {
            refuse(event, fmt::format("more than {} bytes of text and keys (aliases expanded)",
                                      limits_.bytes));
        }
        if (used_ > limits_.values) {
            refuse(event, fmt::format("more than {} values (aliases expanded)", limits_.values));
        }
        if (depth > limits_.depth) {
            refuse(event, fmt::format("more than {} levels", limits_.depth));
        }
    }

    json value(Event event, const std::string &pointer, std::size_t depth, Positions &positions) {
        event = require(std::move(event));
        const std::size_t bytes_before = bytes_;
        count(event.get(), 1, pointer.size() + scalar_size(event.get()), depth);
        if (event->type == FYET_ALIAS) {
            return alias(event.get(), pointer, depth, positions);
        }
        const Position position = event_position(event.get());
        positions[pointer] = position;
        const std::string anchor(token_text(fy_event_get_anchor_token(event.get())));
        const std::size_t before = used_;
        deepest_ = depth;
        json result;
        if (event->type == FYET_SCALAR) {
            result = scalar(event.get());
        } else {
            check_tag(event.get(), event->type == FYET_MAPPING_START ? "map" : "seq");
            result = event->type == FYET_MAPPING_START ? mapping(pointer, depth, positions)
                                                       : sequence(pointer, depth, positions);
        }
        if (!anchor.empty()) {
            Anchored &target = anchors_[anchor];
            target = {result, {}, used_ - before + 1, bytes_ - bytes_before, deepest_ - depth};
            for (auto at = positions.lower_bound(pointer);
                 at != positions.end() && at->first.starts_with(pointer); ++at) {
                target.positions.emplace(at->first.substr(pointer.size()), at->second);
            }
        }
        return result;
    }

    json alias(fy_event *event, const std::string &pointer, std::size_t depth,
               Positions &positions) {
        const std::string name(token_text(fy_event_get_token(event)));
        const auto found = anchors_.find(name);
        if (found == anchors_.end()) { // an anchor is known only once its value is complete
            refuse(event, fmt::format("the alias *{} has no anchor before it", name));
        }
        count(event, found->second.count,
              found->second.bytes + found->second.count * pointer.size(),
              depth + found->second.depth);
        deepest_ = std::max(deepest_, depth + found->second.depth);
        for (const auto &[relative, position] : found->second.positions) {
            positions[pointer + relative] = position;
        }
        return found->second.value;
    }

    json sequence(const std::string &pointer, std::size_t depth, Positions &positions) {
        json result = json::array();
        std::size_t deepest = depth;
        for (;;) {
            Event event = require(next());
            if (event->type == FYET_SEQUENCE_END) {
                deepest_ = std::max(deepest_, deepest);
                return result;
            }
            result.push_back(value(std::move(event),
                                   pointer_child(pointer, std::to_string(result.size())), depth + 1,
                                   positions));
            deepest = std::max(deepest, deepest_);
        }
    }

    json mapping(const std::string &pointer, std::size_t depth, Positions &positions) {
        json result = json::object();
        std::vector<std::pair<json, Position>> merges;
        std::size_t deepest = depth;
        for (;;) {
            const Event key_event = require(next());
            if (key_event->type == FYET_MAPPING_END) {
                break;
            }
            if (key_event->type != FYET_SCALAR) {
                refuse(key_event.get(), "a key must be a string");
            }
            const Position place = event_position(key_event.get());
            const bool plain = is_plain(key_event.get());
            const std::string key = checked_text(key_event.get());
            if (key.size() > k_max_key) {
                refuse(place, fmt::format("a key is longer than {} bytes", k_max_key));
            }
            if (plain && key == "<<") {
                Positions ignored;
                merges.emplace_back(value(next(), "", depth + 1, ignored), place);
            } else if (result.contains(key)) {
                refuse(place, fmt::format("the key {} appears twice in this mapping; remove one",
                                          quote(key)));
            } else {
                const std::string child = pointer_child(pointer, key);
                result[key] = value(next(), child, depth + 1, positions);
                // The key is where a reader looks, not the value behind or below it.
                positions[child] = place;
            }
            deepest = std::max(deepest, deepest_);
        }
        deepest_ = std::max(deepest_, deepest);
        for (const auto &[from, place] : merges) {
            merge(result, from, place, pointer, positions);
        }
        return result;
    }

    // https://yaml.org/type/merge.html: own keys win, then earlier mappings of the list.
    void merge(json &into, const json &from, Position place, const std::string &pointer,
               Positions &positions) {
        const json list = from.is_array() ? from : json::array({from});
        for (const json &one : list) {
            if (!one.is_object()) {
                refuse(place, "the merge key << takes a mapping or a list of mappings");
            }
            for (const auto &[key, item] : one.items()) {
                if (!into.contains(key)) {
                    into[key] = item;
                    positions[pointer_child(pointer, key)] = place;
                }
            }
        }
    }

    // The text of a scalar; NUL and other bytes that cannot be meant are refused by the parser.
    std::string checked_text(fy_event *event) const {
        std::string text(token_text(fy_event_get_token(event)));
        if (!valid_utf8(text)) { // "\xED\xA0\x80" written as an escape: a lone surrogate
            refuse(event, "the escapes in this text do not make valid UTF-8");
        }
        return text;
    }

    // "" for none, "str", "int", … for the core schema's.
    std::string check_tag(fy_event *event, std::string_view implied) const {
        const std::string_view tag = token_text(fy_event_get_tag_token(event));
        constexpr std::string_view k_core = "tag:yaml.org,2002:";
        if (tag.empty()) {
            return {};
        }
        std::string_view kind = tag;
        if (tag.starts_with(k_core)) {
            kind = tag.substr(k_core.size());
        } else if (tag.starts_with("!!")) {
            kind = tag.substr(2);
        } else if (tag == "!") {
            kind = implied;
        }
        const bool scalar_tag =
            kind == "str" || kind == "int" || kind == "float" || kind == "bool" || kind == "null";
        if (kind == implied || (implied == "str" && scalar_tag)) {
            return std::string(kind);
        }
        refuse(event, fmt::format("the tag {} is not supported here", quote(tag)));
    }

    json scalar(fy_event *event) {
        const std::string tag = check_tag(event, "str");
        const std::string text = checked_text(event);
        const bool plain = is_plain(event);
        if (tag == "str" || (!plain && tag.empty())) {
            return text;
        }
        const json result = plain_value(event, text);
        const bool fits = tag.empty() || (tag == "null" && result.is_null()) ||
                          (tag == "bool" && result.is_boolean()) ||
                          (tag == "int" && result.is_number_integer()) ||
                          (tag == "float" && result.is_number());
        if (!fits) {
            refuse(event, fmt::format("{} is no !!{}", quote(text), tag));
        }
        return result;
    }

    // The core schema, YAML 1.2.2 section 10.3.2.
    json plain_value(fy_event *event, const std::string &text) const {
        if (text.empty() || text == "null" || text == "~" || text == "Null" || text == "NULL") {
            return nullptr;
        }
        if (text == "true" || text == "True" || text == "TRUE") {
            return true;
        }
        if (text == "false" || text == "False" || text == "FALSE") {
            return false;
        }
        const bool octal = text.starts_with("0o");
        if ((octal || text.starts_with("0x")) && text.size() > 2) {
            uint64_t number = 0;
            const auto [end, error] =
                std::from_chars(text.data() + 2, text.data() + text.size(), number, octal ? 8 : 16);
            if (error == std::errc::result_out_of_range) {
                refuse(event, fmt::format("the number {} does not fit into 64 bits", quote(text)));
            }
            if (error == std::errc{} && end == text.data() + text.size()) {
                return number;
            }
            return text;
        }
        if (is_integer_text(text)) {
            return integer(event, text);
        }
        if (is_float_text(text)) {
            const auto number =
                parse_real(std::string_view(text).substr(text.starts_with('+') ? 1 : 0));
            if (!number) {
                refuse(event, fmt::format("the number {} is out of range", quote(text)));
            }
            return *number;
        }
        std::string lower = text;
        for (char &c : lower) {
            c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        }
        if (lower == ".nan" || lower == ".inf" || lower == "-.inf" || lower == "+.inf") {
            refuse(event, fmt::format("{} is not a number that a setting can have", quote(text)));
        }
        return text;
    }

    json integer(fy_event *event, const std::string &text) const {
        const char *first = text.data() + (text.starts_with('+') ? 1 : 0);
        const char *last = text.data() + text.size();
        int64_t small = 0;
        if (std::from_chars(first, last, small).ec == std::errc{}) {
            return small;
        }
        uint64_t big = 0;
        if (std::from_chars(first, last, big).ec == std::errc{}) {
            return big;
        }
        refuse(event, fmt::format("the number {} does not fit into 64 bits", quote(text)));
    }

    const std::string &name_;
    const DocumentLimits &limits_;
    std::unique_ptr<fy_diag, DiagDeleter> diag_;
    std::unique_ptr<fy_parser, ParserDeleter> parser_;
    std::map<std::string, Anchored> anchors_;
    std::size_t used_ = 0;
    std::size_t bytes_ = 0;
    std::size_t deepest_ = 0; ///< the deepest level seen below the value read last
};

} // namespace

std::string pointer_child(std::string_view pointer, std::string_view key) {
    std::string out(pointer);
    out += '/';
    for (const char c : key) {
        if (c == '~') {
            out += "~0";
        } else if (c == '/') {
            out += "~1";
        } else {
            out += c;
        }
    }
    return out;
}

Result<Document> parse_document(std::string_view text, const std::string &name,
                                DocumentSyntax syntax, const DocumentLimits &limits) {
    if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
        return fail(K2S_E_CONFIG, "{}:1:1: this is UTF-16; save the file as UTF-8", name);
    }
    if (text.starts_with("\xEF\xBB\xBF")) {
        text.remove_prefix(3);
    }
    auto bad = utf8_error(text);
    if (!bad) {
        if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
            bad = nul;
        }
    }
    if (bad) {
        const std::string_view before = text.substr(0, *bad);
        const auto line = std::count(before.begin(), before.end(), '\n') + 1;
        const std::size_t start = before.rfind('\n');
        const std::size_t column = start == std::string_view::npos ? *bad + 1 : *bad - start;
        return fail(K2S_E_CONFIG,
                    "{}:{}:{}: the byte 0x{:02x} is not UTF-8 text; save the file as UTF-8", name,
                    line, column, static_cast<unsigned>(static_cast<unsigned char>(text[*bad])));
    }
    if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
        return Document{nlohmann::json::object(), {}};
    }
    try {
        return Reader(name, limits).read(text, syntax);
    } catch (const Failure &failure) {
        return fail(K2S_E_CONFIG, "{}", failure.text);
    } catch (const std::bad_alloc &) {
        return fail(K2S_E_NO_MEMORY, "{}: cannot be parsed: out of memory", name);
    }
}

} // namespace k2s::core
