// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/filesystem/path.hpp>

#include "trust/identity.hpp"
#include "trust/records_file.hpp"
#include "util/result.hpp"

/// What is known about plugin libraries that were probed before, so that an unchanged one costs a
/// stat instead of a hash and a child process.
namespace k2s::core::trust {

enum class Verdict : std::uint8_t {
    Good,        ///< passed the probe, and came back from its first create
    Trying,      ///< passed the probe; its first create has not come back (yet)
    Quarantined, ///< neither mapped nor called any more
};

struct Record {
    std::string library; // path_to_utf8 of its absolute path
    FileIdentity identity;
    Verdict verdict = Verdict::Good;
    std::string sha256; // lower-case hex
    std::string id;     // what the library said about itself; empty when quarantined before that
    std::string version;
    std::int32_t code = 0; // K2S_E_*, why it is quarantined
    std::string reason;    // the same in words
    std::int64_t time = 0; // seconds since 1970
};

/// The records, one line each in a text file (`plugins.state` in the state directory). Reading five
/// entries is on the cold-start path, which is why the format is this plain; lines that make no
/// sense are ignored and are gone after the next change. A file that others may write is ignored as
/// a whole: its word would let a replaced library through. [one thread at a time]
class Records {
  public:
    /// Nothing is read before the first question.
    explicit Records(fs::path file) : file_(std::move(file)) {}

    /// The record of exactly this file, until the next question; nothing when it is new or has
    /// changed since. The others' lines are not read: every start asks for one of them.
    const Record *find(std::string_view library, const FileIdentity &identity);
    const std::vector<Record> &all();

    /// Lets the next question read the file again.
    void refresh() {
        text_.reset();
        records_.reset();
    }

    /// For whoever tries a library for the first time: two processes do not do so at once, and a
    /// record that says Trying under this lock was left behind by a process that is gone.
    [[nodiscard]] Result<RecordsLock> lock_first_use(std::chrono::milliseconds patience) const;

    /// Adds or replaces, and saves; it is on the disk when this returns. Other processes' changes
    /// are kept: the file is read again under its lock. On an error (K2S_E_PERMISSION, K2S_E_IO)
    /// the record counts for this process only.
    Result<void> put(Record record);
    /// Removes the record, so that the library is probed again.
    Result<void> forget(std::string_view library);

  private:
    template <class Change> Result<void> change(Change apply);
    const std::string &text();

    fs::path file_;
    std::optional<std::string> text_;            ///< of the file
    std::optional<std::vector<Record>> records_; ///< all of them, once somebody asks for more
    std::optional<Record> found_;
};

/// The file's format, for the tests.
std::string format_records(const std::vector<Record> &records);
std::vector<Record> parse_records(std::string_view text);

} // namespace k2s::core::trust
