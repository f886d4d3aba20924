// SPDX-License-Identifier: MIT
#include "admin/endpoint.hpp"

#include <sys/un.h>

#include <boost/filesystem/operations.hpp>

#include "util/path.hpp"

namespace k2s::core::admin {

Result<fs::path> endpoint_of(std::string_view instance, const fs::path &run_dir) {
    if (auto checked = check_instance(instance); !checked) {
        return pass(checked);
    }
    auto path = run_dir / fs::path(std::string(instance) + ".sock");
    if (path.native().size() >= sizeof(sockaddr_un::sun_path)) {
        return fail(K2S_E_USAGE,
                    "'{}' is too long for a socket ({} characters, the system allows {}): choose a "
                    "shorter run directory",
                    path_text(path), path.native().size(), sizeof(sockaddr_un::sun_path) - 1);
    }
    return path;
}

std::vector<std::string> running_instances(const fs::path &run_dir) {
    std::vector<std::string> names;
    boost::system::error_code failed;
    for (fs::directory_iterator entry(run_dir, failed), end; !failed && entry != end;
         entry.increment(failed)) {
        const auto name = entry->path().stem().native();
        if (entry->path().extension() == ".sock" && check_instance(name)) {
            names.push_back(name);
        }
    }
    return names;
}

} // namespace k2s::core::admin
