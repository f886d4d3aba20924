// SPDX-License-Identifier: MIT
#include "trust/records.hpp"

#include <algorithm>
#include <array>

#include <boost/filesystem/operations.hpp>

#include "trust/line_format.hpp"
#include "util/path.hpp"

namespace k2s::core::trust {

namespace {

constexpr std::string_view k_first_line = "k2s plugin records 2\n";
constexpr std::size_t k_most_records = 1024;
constexpr std::size_t k_reason_max = 1024;
constexpr std::size_t k_fields = 14;

constexpr std::array<std::string_view, 3> k_verdicts{"good", "trying", "quarantined"};

bool is_sha256(std::string_view text) {
    return text.size() == 64 &&
           text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool parse_line(std::string_view line, Record &record) {
    std::array<std::string_view, k_fields> fields;
    for (auto &field : fields) {
        if (!next_field(line, field)) {
            return false;
        }
    }
    const auto verdict = std::find(k_verdicts.begin(), k_verdicts.end(), fields[7]);
    if (!line.empty() || verdict == k_verdicts.end()) {
        return false;
    }
    record.verdict = static_cast<Verdict>(verdict - k_verdicts.begin());
    return parse_text(fields[0], record.library) && !record.library.empty() &&
           parse_identity(&fields[1], record.identity) && parse_text(fields[8], record.sha256) &&
           (is_sha256(record.sha256) ||
            (record.sha256.empty() && record.verdict == Verdict::Quarantined)) &&
           parse_text(fields[9], record.id) && parse_text(fields[10], record.version) &&
           parse_number(fields[11], record.code) && parse_text(fields[12], record.reason) &&
           parse_number(fields[13], record.time);
}

/// Until `use` returns false.
template <class Use> void for_each_line(std::string_view text, Use use) {
    if (!text.starts_with(k_first_line)) {
        return;
    }
    text.remove_prefix(k_first_line.size());
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        if (!use(text.substr(0, end))) {
            return;
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

/// As parse_records finds it: the first good line counts.
std::optional<Record> parse_record_of(std::string_view library, std::string_view text) {
    std::string start;
    append_text(start, library);
    std::optional<Record> found;
    for_each_line(text, [&](std::string_view line) {
        if (line.starts_with(start) && !parse_line(line, found.emplace())) {
            found.reset();
        }
        return !found;
    });
    return found;
}

auto find_library(std::vector<Record> &records, std::string_view library) {
    return std::find_if(records.begin(), records.end(),
                        [&](const auto &record) { return record.library == library; });
}

} // namespace

std::unexpected<Error> lock_busy(const fs::path &file) {
    return fail(K2S_E_BUSY,
                "another process keeps the plugin records '{}' locked: wait for it, or end it",
                path_text(file));
}

std::string format_records(const std::vector<Record> &records) {
    std::string text(k_first_line);
    for (const auto &record : records) {
        append_text(text, record.library);
        append_identity(text, record.identity);
        append_text(text, k_verdicts[static_cast<std::size_t>(record.verdict)]);
        append_text(text, record.sha256);
        append_text(text, record.id);
        append_text(text, record.version);
        text += fmt::format("{}\t", record.code);
        append_text(text, std::string_view(record.reason).substr(0, k_reason_max));
        text += fmt::format("{}\t\n", record.time);
    }
    return text;
}

std::vector<Record> parse_records(std::string_view text) {
    std::vector<Record> records;
    for_each_line(text, [&](std::string_view line) {
        Record record;
        if (parse_line(line, record) && find_library(records, record.library) == records.end()) {
            records.push_back(std::move(record));
        }
        return records.size() < k_most_records;
    });
    return records;
}

const std::string &Records::text() {
    if (!text_) {
        text_ = read_records_file(file_);
    }
    return *text_;
}

const std::vector<Record> &Records::all() {
    if (!records_) {
        records_ = parse_records(text());
    }
    return *records_;
}

const Record *Records::find(std::string_view library, const FileIdentity &identity) {
    if (records_) {
        const auto known = find_library(*records_, library);
        return known != records_->end() && known->identity == identity ? &*known : nullptr;
    }
    found_ = parse_record_of(library, text());
    return found_ && found_->identity == identity ? &*found_ : nullptr;
}

Result<RecordsLock> Records::lock_first_use(std::chrono::milliseconds patience) const {
    boost::system::error_code ignored; // the lock says what is wrong with the folder
    fs::create_directories(file_.parent_path(), ignored);
    return RecordsLock::take(file_.parent_path() / "plugins.first-use", patience);
}

template <class Change> Result<void> Records::change(Change apply) {
    all();
    boost::system::error_code ignored; // the lock says what is wrong with the folder
    fs::create_directories(file_.parent_path(), ignored);
    auto lock = RecordsLock::take(file_);
    if (!lock) {
        apply(*records_);
        return pass(lock);
    }
    records_ = parse_records(read_records_file(file_));
    apply(*records_);
    return replace_records_file(file_, format_records(*records_));
}

Result<void> Records::put(Record record) {
    return change([&](std::vector<Record> &records) {
        if (auto old = find_library(records, record.library); old != records.end()) {
            *old = record;
            return;
        }
        if (records.size() == k_most_records) {
            records.erase(records.begin()); // the one that was added first
        }
        records.push_back(record);
    });
}

Result<void> Records::forget(std::string_view library) {
    return change([&](std::vector<Record> &records) {
        std::erase_if(records, [&](const auto &record) { return record.library == library; });
    });
}

} // namespace k2s::core::trust
