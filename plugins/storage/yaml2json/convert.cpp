// SPDX-License-Identifier: MIT
#include "convert.hpp"

#include <algorithm>
#include <deque>
#include <future>
#include <memory>
#include <new>
#include <string>
#include <thread>

#include <fmt/format.h>

#include "conversion.hpp"
#include "json_check.hpp"
#include "pointer.hpp"
#include "source.hpp"
#include "stream.hpp"

namespace k2s::yaml2json {
namespace {

/// What both ways of giving the input have in common; `feed` hands the pieces to the conversion.
template <class Feed>
std::expected<Report, Error> run(std::string_view name, const Options &options, const Sink &sink,
                                 Feed feed) {
    const char unit = options.indent.character;
    if (sink.write == nullptr || (unit != '\t' && unit != ' ')) {
        return std::unexpected(
            Error{K2S_E_USAGE, "yaml2json: a sink and an indent of tabs or spaces are needed"});
    }
    try {
        const auto query = Pointer::parse(options.query);
        if (!query) {
            return std::unexpected(query.error());
        }
        Conversion conversion{name, options, *query, sink};
        if (auto begun = conversion.begin(); !begun) {
            return std::unexpected(std::move(begun.error()));
        }
        if (auto fed = feed(conversion); !fed) {
            return std::unexpected(std::move(fed.error()));
        }
        return conversion.end();
    } catch (const std::bad_alloc &) {
        return std::unexpected(
            Error{K2S_E_NO_MEMORY,
                  fmt::format("{}: not enough memory to convert it; split the file", name)});
    }
}

std::expected<void, Error> feed_piece(Conversion &conversion, std::string_view piece,
                                      std::string_view name, const Options &options,
                                      uint64_t lines_before) {
    const auto source = Source::open(piece, name, options.limits, lines_before);
    if (!source) {
        return std::unexpected(source.error());
    }
    if (options.output == Output::yaml) {
        if (const auto fault = check_json(source->text())) {
            return std::unexpected(source->error_at(fault->offset, fault->reason));
        }
    }
    return conversion.feed(*source);
}

/// Converts pieces on other processors while earlier ones are written. A piece that fails there, or
/// whose text gets too long to keep, is converted again when it is its turn: errors and what was
/// written before them are those of a conversion without threads.
class Ahead {
  public:
    Ahead(Conversion &conversion, std::string_view name, const Options &options)
        : conversion_{conversion}, name_{name}, options_{options} {}

    /// Only JSON texts in a row can be made apart from each other, and what is only checked.
    [[nodiscard]] bool useful() const noexcept {
        if (processors_ < 2 || options_.output != Output::json) {
            return false;
        }
        return options_.documents == Documents::all
                   ? options_.query.empty()
                   : options_.documents == Documents::first && conversion_.documents() > 0;
    }

    std::expected<void, Error> add(std::string_view text, uint64_t lines_before) {
        if (queue_.size() == std::min<size_t>(processors_, k_most)) {
            if (auto taken = take(); !taken) {
                return taken;
            }
        }
        auto piece = std::make_unique<Piece>();
        piece->text = text;
        piece->lines_before = lines_before;
        // Without a thread to be had, it is done by the one who asks for the result.
        piece->made = std::async(std::launch::async | std::launch::deferred,
                                 [this, &piece = *piece] { return make(piece); });
        queue_.push_back(std::move(piece));
        return {};
    }

    std::expected<void, Error> finish() {
        while (!queue_.empty()) {
            if (auto taken = take(); !taken) {
                return taken;
            }
        }
        return {};
    }

  private:
    static constexpr size_t k_most = 8;
    static constexpr size_t k_json_bytes = size_t{32} << 20;

    struct Piece {
        std::string text;
        uint64_t lines_before = 0;
        std::string json;
        std::future<std::expected<Report, Error>> made; ///< ends before the rest goes
    };

    std::expected<Report, Error> make(Piece &piece) const {
        const Sink keep{&piece.json, [](void *context, const char *data, size_t size) {
                            auto &json = *static_cast<std::string *>(context);
                            if (json.size() + size > k_json_bytes) {
                                return false;
                            }
                            json.append(data, size);
                            return true;
                        }};
        return run(name_, options_, keep, [&](Conversion &conversion) {
            if (options_.documents == Documents::first) {
                conversion.only_check();
            }
            return feed_piece(conversion, piece.text, name_, options_, piece.lines_before);
        });
    }

    std::expected<void, Error> take() {
        const std::unique_ptr<Piece> piece = std::move(queue_.front());
        queue_.pop_front();
        const auto made = piece->made.get();
        return made ? conversion_.adopt(piece->json, made->documents)
                    : feed_piece(conversion_, piece->text, name_, options_, piece->lines_before);
    }

    Conversion &conversion_;
    std::string_view name_;
    const Options &options_;
    const size_t processors_ = std::thread::hardware_concurrency();
    std::deque<std::unique_ptr<Piece>> queue_;
};

} // namespace

std::expected<Report, Error> convert(std::string_view input, std::string_view name,
                                     const Options &options, const Sink &sink) {
    return run(name, options, sink, [&](Conversion &conversion) {
        return feed_piece(conversion, input, name, options, 0);
    });
}

std::expected<Report, Error> convert(const Reader &reader, std::string_view name,
                                     const Options &options, const Sink &sink) {
    return run(name, options, sink, [&](Conversion &conversion) -> std::expected<void, Error> {
        Splitter splitter{reader, name, options};
        Ahead ahead{conversion, name, options};
        for (bool first = true;; first = false) {
            const auto piece = splitter.next();
            if (!piece || piece->empty()) {
                const auto rest = ahead.finish(); // what stands before an error comes first
                return piece || !rest ? rest : std::unexpected(piece.error());
            }
            // Most inputs have one piece: no thread for them.
            auto fed = first || !ahead.useful()
                           ? feed_piece(conversion, *piece, name, options, splitter.lines_before())
                           : ahead.add(*piece, splitter.lines_before());
            if (!fed) {
                return fed;
            }
        }
    });
}

} // namespace k2s::yaml2json
