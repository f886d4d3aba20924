// SPDX-License-Identifier: MIT
#include "trust/verdicts.hpp"

#include <algorithm>
#include <array>

#include <boost/filesystem/operations.hpp>

#include "trust/line_format.hpp"

namespace k2s::core::trust {

namespace {

constexpr std::string_view k_first_line = "k2s plugin trust 1\n";
constexpr std::size_t k_most_verdicts = 1024;

bool parse_line(std::string_view line, TrustVerdict &verdict) {
    std::string_view field;
    const auto text = [&](std::string &to) {
        return next_field(line, field) && parse_text(field, to);
    };
    if (!text(verdict.folder) || !text(verdict.key) || !text(verdict.owner) ||
        !next_field(line, field) || !parse_number(field, verdict.expires)) {
        return false;
    }
    while (!line.empty()) {
        auto &[name, identity] = verdict.files.emplace_back();
        std::array<std::string_view, k_identity_fields> fields;
        if (!text(name) ||
            !std::ranges::all_of(fields, [&](auto &each) { return next_field(line, each); }) ||
            !parse_identity(fields.data(), identity)) {
            return false;
        }
    }
    return !verdict.folder.empty() && !verdict.files.empty();
}

} // namespace

std::string format_verdicts(const std::vector<TrustVerdict> &verdicts) {
    std::string text(k_first_line);
    for (const auto &verdict : verdicts) {
        append_text(text, verdict.folder);
        append_text(text, verdict.key);
        append_text(text, verdict.owner);
        text += fmt::format("{}\t", verdict.expires);
        for (const auto &[name, identity] : verdict.files) {
            append_text(text, name);
            append_identity(text, identity);
        }
        text += '\n';
    }
    return text;
}

std::vector<TrustVerdict> parse_verdicts(std::string_view text) {
    std::vector<TrustVerdict> verdicts;
    if (!text.starts_with(k_first_line)) {
        return verdicts;
    }
    text.remove_prefix(k_first_line.size());
    while (!text.empty() && verdicts.size() < k_most_verdicts) {
        const auto end = text.find('\n');
        TrustVerdict verdict;
        if (end == std::string_view::npos) {
            break; // cut off
        }
        if (parse_line(text.substr(0, end), verdict)) {
            verdicts.push_back(std::move(verdict));
        }
        text.remove_prefix(end + 1);
    }
    return verdicts;
}

const TrustVerdict *TrustVerdicts::find(std::string_view folder) {
    if (!verdicts_) {
        verdicts_ = parse_verdicts(read_records_file(file_));
    }
    const auto found = std::ranges::find(*verdicts_, folder, &TrustVerdict::folder);
    return found == verdicts_->end() ? nullptr : &*found;
}

template <class Change> Result<void> TrustVerdicts::change(Change apply) {
    if (file_.empty()) {
        return fail(K2S_E_CONFIG, "this user has no folder for state");
    }
    boost::system::error_code ignored; // the lock says what is wrong with the folder
    fs::create_directories(file_.parent_path(), ignored);
    auto lock = RecordsLock::take(file_);
    if (lock || !verdicts_) {
        verdicts_ = parse_verdicts(read_records_file(file_)); // others' changes are kept
    }
    apply(*verdicts_);
    return lock ? replace_records_file(file_, format_verdicts(*verdicts_)) : pass(lock);
}

Result<void> TrustVerdicts::put(TrustVerdict verdict) {
    return change([&](std::vector<TrustVerdict> &all) {
        std::erase_if(all, [&](const auto &each) { return each.folder == verdict.folder; });
        if (all.size() == k_most_verdicts) {
            all.erase(all.begin());
        }
        all.push_back(std::move(verdict));
    });
}

Result<void> TrustVerdicts::forget(std::string_view folder) {
    return change([&](std::vector<TrustVerdict> &all) {
        std::erase_if(all, [&](const auto &each) { return each.folder == folder; });
    });
}

} // namespace k2s::core::trust
