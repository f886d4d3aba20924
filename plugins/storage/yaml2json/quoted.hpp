// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace k2s::yaml2json {

/// Decodes what stands between the quotes of a double-quoted scalar (YAML 1.2, 5.7 and 7.3.1) into
/// `text`: escapes, and the folding of lines. libfyaml 0.7.12 finds and checks the scalar but loses
/// escaped spaces before a line break. Returns false for an escape that names no character.
bool decode_double_quoted(std::string_view raw, std::string &text);

} // namespace k2s::yaml2json
