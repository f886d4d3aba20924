// SPDX-License-Identifier: MIT
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include <k2s/sdk/error.hpp>

#include "document.hpp"

namespace k2s::yaml2json {

/// A JSON pointer (RFC 6901): "" is the whole document, "/a/0" an element, ~0 is '~', ~1 is '/'.
class Pointer {
  public:
    static std::expected<Pointer, Error> parse(std::string_view text);

    /// The node that it names. K2S_E_NOT_FOUND: the message says how far it leads.
    [[nodiscard]] std::expected<uint64_t, Error> find(const Document &document) const;

  private:
    std::vector<std::string> tokens_;
};

} // namespace k2s::yaml2json
