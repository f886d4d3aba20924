// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// What libfyaml 0.7.12 gets wrong in a block scalar (| and >) that the end of the input ends.
namespace k2s::yaml2json {

/// True for one without content, from `begin` to the end of `text`: it is empty. The library would
/// look at memory that was never written. Not for one that keeps its line breaks (|+).
bool is_empty_block(std::string_view text, size_t begin) noexcept;

/// Takes away the line feed that the library gives to a last line without one. Not when that line
/// is blank: yaml-test-suite (JEF9, L24T) has it counted. `raw` is the scalar as it is written,
/// without its header, `text` what the library made of it.
void drop_added_break(std::string_view raw, std::string &text);

} // namespace k2s::yaml2json
