// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <string>

#include <k2s/sdk/command.hpp>
#include <k2s/sdk/host.hpp>

#include "base/source.hpp"
#include "model/platform.hpp"
#include "model/reference.hpp"
#include "store/store.hpp"

namespace k2s::image {

/// The store that --store, its variable or the user's folder name.
Result<Store> open_store(const Invocation &call, Access access);

struct Found {
    Store store;
    Descriptor image;
};
/// Likewise, and an image in it by name or digest.
Result<Found> find_image(const Invocation &call, Access access, const std::string &name);

/// --platform, or none.
Result<std::optional<Platform>> platform_option(const Invocation &call);

/// A bar of bytes, and Ctrl-C, for as long as it lives.
class Progress {
  public:
    Progress(const Host &host, std::string_view title);
    ~Progress();
    Progress(const Progress &) = delete;
    Progress &operator=(const Progress &) = delete;

    const Watch &watch() const noexcept { return watch_; }

  private:
    const Host &host_;
    const k2s_progress *table_;
    k2s_handle bar_ = 0;
    std::atomic<uint64_t> done_ = 0;
    Watch watch_;
};

/// SOURCE_DATE_EPOCH (reproducible-builds.org), or 0.
Result<int64_t> source_date_epoch(const Host &host);

/// The original's -n NAME, or the argument; exactly one of them.
Result<std::string> one_name(const Invocation &call, std::string_view argument,
                             std::string_view option);

// One function for each command; command/run.cpp chooses.
Status run_build(const Invocation &call, const Host &host);
Status run_build_pause(const Invocation &call, const Host &host);
Status run_export(const Invocation &call, const Host &host);
Status run_import(const Invocation &call, const Host &host);
Status run_inspect(const Invocation &call, const Host &host);
Status run_list(const Invocation &call, const Host &host);
Status run_load(const Invocation &call, const Host &host);
Status run_prune(const Invocation &call, const Host &host);
Status run_pull(const Invocation &call, const Host &host);
Status run_push(const Invocation &call, const Host &host);
Status run_remove(const Invocation &call, const Host &host);
Status run_reset_storage(const Invocation &call, const Host &host);
Status run_tag(const Invocation &call, const Host &host);
Status run_verify(const Invocation &call, const Host &host);

} // namespace k2s::image
