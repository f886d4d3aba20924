// SPDX-License-Identifier: MIT
#pragma once

#include <boost/filesystem/path.hpp>

/// The platform's own cases: return the first thing that is wrong, or an empty text.
namespace permissions {

std::string check(const boost::filesystem::path &folder, const boost::filesystem::path &library);

} // namespace permissions
