// SPDX-License-Identifier: MIT
/// \file
/// The plugin under test, and hosts for it: a whole one, and raw ones that lack something.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "lifecycle/plugin.hpp"
#include "services/services.hpp"

namespace k2s::validator {

namespace fs = boost::filesystem;
using core::Manifest;
using core::Result;

struct Subject {
    Manifest manifest;
    fs::path folder;

    fs::path library() const;
};

Result<Subject> read_subject(const fs::path &folder);

/// A service and the settings that it has when nobody has set any; those that want some are left
/// out.
struct DefaultService {
    std::string feature;
    std::string settings;
};
std::vector<DefaultService> default_services(const Subject &subject);

/// A plugin in a host with everything, driven as the real host drives it.
class Rig {
  public:
    explicit Rig(const Subject &subject);
    Result<void> activate();
    Result<void> deactivate();
    core::PluginInstance &plugin() { return plugin_; }

  private:
    core::Services services_;
    const Subject &subject_;
    core::PluginInstance plugin_;
};

core::Ports make_ports(const Subject &subject);

/// What the hosts of this process have reported that the plugin did against the rules; empty:
/// nothing.
std::string first_violation();

/// A plugin that is called by hand, in a host that can be told what to hide.
class Raw {
  public:
    using Choice = std::function<bool(std::string_view id)>;

    /// How the host differs from today's.
    struct Difference {
        Choice hidden = {};   ///< interfaces that it does not have
        Choice cut = {};      ///< those of which it has no function, only the head of the table
        std::size_t tail = 0; ///< bytes that follow the host and its tables, as in a later version
    };

    /// Loads and calls the entry.
    static Result<std::unique_ptr<Raw>> enter(const Subject &subject, Difference difference);
    ~Raw();

    const k2s_plugin &descriptor() const { return *plugin_; }
    const void *get(std::string_view id) const;
    /// K2S_OK or negative; `message` of a failure.
    int32_t create(std::string &message);
    /// With a k2s_error that has room for the code only; whether the plugin kept to that.
    bool create_with_small_error(int32_t &status);
    void destroy();

  private:
    explicit Raw(const Subject &subject);

    core::Services services_;
    std::unique_ptr<core::PluginScope> scope_;
    static const void *K2S_CALL offer(const k2s_host *host, k2s_str id);
    const void *offer(std::string_view id);

    Difference difference_;
    std::string host_bytes_;
    std::mutex tables_mutex_;
    std::map<std::string, std::string> tables_; ///< the longer ones
    const k2s_plugin *plugin_ = nullptr;
};

// --- platform ---

struct Resources {
    std::size_t threads = 0;
    std::size_t handles = 0; ///< descriptors
    std::size_t memory = 0;  ///< bytes in use on the heap; 0: not known here
};

Resources resources();

/// Of threads and handles, in words, when about one in two rounds left something; else empty.
std::string left_over(const Resources &before, const Resources &after, std::size_t rounds);

} // namespace k2s::validator
