// SPDX-License-Identifier: MIT
/// \file
/// One run of an exe: from its arguments to an exit code.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <k2s/host/main.h>

#include "app/tree.hpp"
#include "app/verify.hpp"
#include "cli/cli.hpp"
#include "config/config.hpp"
#include "lifecycle/plugin_set.hpp"
#include "log/logger.hpp"
#include "services/services.hpp"

namespace k2s::core {

class App {
  public:
    App(const k2s_preset &preset, std::string_view root);
    App(const App &) = delete;
    App &operator=(const App &) = delete;

    /// The exit code. Errors have been printed.
    int run(const std::vector<std::string> &arguments);

    // --- for the commands ---
    const Tree &tree() const noexcept { return tree_; }
    const Tool &tool() const noexcept { return tool_; }
    const Invocation &call() const noexcept { return call_; }
    const ConfigPtr &config() const noexcept { return config_; }
    PluginSet &plugins() noexcept { return *plugins_; }
    Services &services() noexcept { return *services_; }
    Logger &logger() noexcept { return *logger_; }
    TrustGate &gate() noexcept { return *gate_; }

    /// The text of an option or argument of the selected command.
    std::string text(std::string_view name) const;
    std::vector<std::string> texts(std::string_view name) const; ///< of one that may be repeated
    bool flag(std::string_view name) const;
    bool dry_run() const;

    /// The schemas of all features that a manifest declares.
    std::vector<FeatureSchema> feature_schemas() const;

    /// Whether a feature and its plugin are switched on: by the configuration, or else by the
    /// manifest. Whoever asks for the feature by name need not switch it on as well.
    bool feature_enabled(const std::string &id, const Config &config, bool asked_for = false) const;

    /// Where a feature runs: as the configuration or else the manifest says for it or its plugin.
    Place place_of(const std::string &feature, const Config &config) const;

    /// Whether there is a plugin or feature ("plugins", "features") of that id, usable or not.
    bool knows(std::string_view section, std::string_view id) const;

    /// A number of seconds of the configuration's `limits`.
    std::chrono::milliseconds limit(const char *name) const;

    /// Ends the process with K2S_E_TIMEOUT's exit code: code of this plugin, which is quarantined
    /// by now, does not come back. [any-thread]
    [[noreturn]] void give_up(const std::string &plugin, const std::string &reason);

    /// From now on workers of trusted plugins stand in for this process, which their code might
    /// end: what it may, they may, unless the configuration restricts them.
    void let_workers_stand_in() { workers_stand_in_ = true; }

    /// Looks for plugins on the disk again, by the current configuration; what runs is not touched.
    void rediscover() { rediscover(config_); }

    /// Reads the configuration again, as the command line asked for it, and checks it.
    Result<ConfigPtr> load() const;
    /// The same, with plugins looked for again by what it says. Follow with adopt(), or with
    /// rediscover() to stay with the current one. On an error all is as it was.
    Result<ConfigPtr> reload();
    /// Makes it the current one: what plugins read and what the log does follow it.
    void adopt(ConfigPtr config);

    /// Renders a command's result as --format says.
    Result<int> print(const nlohmann::ordered_json &data) const;

    /// A tool of this tree by its exe name ("k2s", "httpproxy"), for completion and man pages.
    Result<Tool> make_tool(std::string_view name) const;

  private:
    int run_to_code(const std::vector<std::string> &arguments);
    std::string plugin_choice() const;
    std::vector<boost::filesystem::path> plugin_folders(const Config *config) const;
    DiscoveredPlugins find_plugins(const Config *config) const;
    void rediscover(const ConfigPtr &config);
    void discover();
    PluginSet::Chooser chooser(const ConfigPtr &config) const;
    void build_tool();
    Result<int> execute(const std::vector<std::string> &arguments);
    Error why_unusable(std::string_view feature) const;
    Result<int> dispatch();
    void start_log();
    std::optional<trust::Policy> configured_policy() const;
    void open_gate();
    VerifyRules verify_rules();
    PluginSet::Means plugin_means();
    Ports make_ports();
    int print_version() const;
    Result<int> print_help() const;
    LoadOptions load_options(std::vector<std::string> switches) const;
    /// Without those of parts that were removed from the disk.
    std::vector<std::string> known_switches(std::vector<std::string> switches) const;

    const k2s_preset &preset_;
    Tree tree_;
    ConfigPtr config_;
    mutable std::mutex config_mutex_; ///< config_ and the choice of plugins once services run
    std::atomic<uint64_t> config_generation_{1};
    std::atomic<bool> workers_stand_in_{false};
    std::unique_ptr<Logger> logger_;
    std::unique_ptr<TrustGate> gate_;
    std::unique_ptr<Services> services_;
    std::unique_ptr<PluginSet> parsed_from_; ///< when the configuration then chose other plugins
    std::unique_ptr<PluginSet> plugins_;     ///< its plugins' scopes must not outlive the services
    Tool tool_;
    Invocation call_;
};

// --- the commands, one file each ---

Result<int> run_plugin_command(App &app);  ///< runs code of a plugin
Result<int> run_service_command(App &app); ///< a feature's service in the foreground
Result<int> run_host(App &app);            ///< k2s run
Result<int> ask_host(App &app);            ///< k2s host status|reload|stop
Result<int> show_plugins(App &app);        ///< k2s plugin list|info|explain, feature list
Result<int> switch_part(App &app);         ///< k2s plugin|feature enable|disable
Result<int> sign_plugins(App &app);        ///< k2s plugin keygen|sign|verify
Result<int> install_plugins(App &app);     ///< k2s plugin pack|install|upgrade|rollback|uninstall
Result<int> new_plugin(App &app);          ///< k2s plugin new
Result<int> manage_trust(App &app);        ///< k2s plugin trust …
Result<int> show_config(App &app);         ///< k2s config …
Result<int> write_documents(App &app);     ///< k2s completion, k2s man

} // namespace k2s::core
