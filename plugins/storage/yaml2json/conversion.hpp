// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <libfyaml.h>

#include "builder.hpp"
#include "convert.hpp"
#include "document.hpp"
#include "json_writer.hpp"
#include "pointer.hpp"
#include "source.hpp"
#include "yaml_writer.hpp"

namespace k2s::yaml2json {

/// One conversion: pulls events out of libfyaml, hands them to the builder, each finished document
/// to the writer.
class Conversion {
  public:
    Conversion(std::string_view name, const Options &options, const Pointer &query,
               const Sink &sink)
        : name_{name}, options_{options}, query_{query}, writer_{options, sink}, yaml_{writer_},
          builder_{document_, options} {}

    std::expected<void, Error> begin();
    /// A piece of the stream that holds whole documents.
    std::expected<void, Error> feed(const Source &source);
    /// What another conversion has made of a piece: `documents` JSON texts.
    std::expected<void, Error> adopt(std::string_view json, uint64_t documents);
    /// Of all that comes only whether it is YAML: for a piece behind the one document that is
    /// wanted.
    void only_check() noexcept { checks_ = true; }
    [[nodiscard]] uint64_t documents() const noexcept { return report_.documents; }
    std::expected<Report, Error> end();

  private:
    struct DestroyDiag {
        void operator()(fy_diag *diag) const noexcept { fy_diag_destroy(diag); }
    };
    struct DestroyParser {
        void operator()(fy_parser *parser) const noexcept { fy_parser_destroy(parser); }
    };

    void open_parser();
    std::expected<void, Error> handle(const fy_event &event);
    bool handle_node(const fy_event &event);
    bool handle_scalar(const fy_event &event);
    bool read_text(fy_token *token);
    std::expected<void, Error> finish_document();
    std::expected<void, Error> finish_stream();
    [[nodiscard]] Properties properties(fy_token *anchor, fy_token *tag, fy_token *start);
    [[nodiscard]] Error parser_error() const;
    [[nodiscard]] Error fault_error(const Fault &fault) const;
    [[nodiscard]] Error writer_error() const;
    [[nodiscard]] std::expected<void, Error> wrote(bool done) const {
        return done ? std::expected<void, Error>{} : std::unexpected(writer_error());
    }

    std::string_view name_;
    const Source *source_ = nullptr; ///< the piece at hand
    const Options &options_;
    const Pointer &query_;
    std::string log_;
    std::unique_ptr<fy_diag, DestroyDiag> diag_;
    std::unique_ptr<fy_parser, DestroyParser> parser_;
    Document document_;
    JsonWriter writer_;
    YamlWriter yaml_;
    Builder builder_;
    std::optional<Fault> scalar_fault_;
    std::string decoded_; ///< the text of the scalar at hand
    Report report_;
    size_t offset_ = 0; ///< of the last token: empty nodes have none of their own
    bool skipping_ = false;
    bool checks_ = false;
};

} // namespace k2s::yaml2json
