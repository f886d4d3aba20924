// SPDX-License-Identifier: MIT
#include "document.hpp"

#include <algorithm>

namespace k2s::yaml2json {

std::string_view TextArena::keep(std::string_view text) {
    if (text.size() > k_block_bytes / 4) {
        large_.push_back(std::make_unique_for_overwrite<char[]>(text.size()));
        std::copy(text.begin(), text.end(), large_.back().get());
        return {large_.back().get(), text.size()};
    }
    if (!blocks_.empty() && k_block_bytes - used_ < text.size()) {
        ++block_;
        used_ = 0;
    }
    if (block_ == blocks_.size()) {
        blocks_.push_back(std::make_unique_for_overwrite<char[]>(k_block_bytes));
        used_ = 0;
    }
    char *const at = blocks_[block_].get() + used_;
    std::copy(text.begin(), text.end(), at);
    used_ += text.size();
    return {at, text.size()};
}

void TextArena::clear() noexcept {
    large_.clear();
    block_ = 0;
    used_ = 0;
}

} // namespace k2s::yaml2json
