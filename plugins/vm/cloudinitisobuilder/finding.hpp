// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace k2s::cloudinitisobuilder {

enum class Severity { notice, warning, error };

/// Something about the seed that its author should know.
struct Finding {
    Severity severity = Severity::error;
    std::string file; ///< name in the source directory
    int line = 0;     ///< from 1; 0: the file as a whole
    int column = 0;
    std::string message;

    /// `user-data:3:5: error: …`
    std::string text() const;
};
using Findings = std::vector<Finding>;

} // namespace k2s::cloudinitisobuilder
