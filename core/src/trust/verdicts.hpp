// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "trust/records_file.hpp"
#include "trust/trust_store.hpp"

namespace k2s::core::trust {

/// That a plugin's signature and hashes were right, and of what: while each of these files is the
/// same, nothing has to be hashed again.
struct TrustVerdict {
    std::string folder; ///< path_to_utf8 of its absolute path
    std::string key;    ///< key_id()
    std::string owner;
    std::int64_t expires = 0; ///< seconds since 1970; 0: no end
    /// plugin.json, its signature, the folder, the plugin's files and the trust stores, in any
    /// order. A file that is not there has the identity {}.
    std::vector<std::pair<std::string, FileIdentity>> files;

    bool operator==(const TrustVerdict &) const = default;
};

/// The verdicts in one file, a line each, `plugins.trust` of the state folder. Like the records it
/// is ignored as a whole when others may write it. [one thread at a time]
class TrustVerdicts {
  public:
    /// Nothing is read before the first question.
    explicit TrustVerdicts(fs::path file) : file_(std::move(file)) {}

    const TrustVerdict *find(std::string_view folder);
    /// Adds or replaces, and saves. K2S_E_PERMISSION, K2S_E_IO: it counts for this process only.
    Result<void> put(TrustVerdict verdict);
    Result<void> forget(std::string_view folder);

  private:
    template <class Change> Result<void> change(Change apply);

    fs::path file_;
    std::optional<std::vector<TrustVerdict>> verdicts_;
};

/// The file's format, for the tests.
std::string format_verdicts(const std::vector<TrustVerdict> &verdicts);
std::vector<TrustVerdict> parse_verdicts(std::string_view text);

} // namespace k2s::core::trust
