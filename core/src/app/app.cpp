// SPDX-License-Identifier: MIT
#include "app/app.hpp"

#include <algorithm>
#include <map>

#include "app/doctor.hpp"
#include "app/host_commands.hpp"
#include "app/isolation.hpp"
#include "app/output.hpp"
#include "app/process_port.hpp"
#include "app/service_control.hpp"
#include "app/switches.hpp"
#include "app/verify.hpp"
#include "util/environment.hpp"
#include "util/path.hpp"
#include "util/privilege.hpp"
#include "version.h"

namespace k2s::core {
namespace {

std::vector<std::string> words(std::string_view text) {
    std::vector<std::string> result;
    while (!text.empty()) {
        const auto space = std::min(text.find(' '), text.size());
        result.emplace_back(text.substr(0, space));
        text.remove_prefix(std::min(space + 1, text.size()));
    }
    return result;
}

/// What was said at this place. Defaults are left out on purpose: making them costs a start more
/// than all the rest of the configuration.
const nlohmann::json *said(const Config *config, const std::string &section,
                           const std::string &key = {}) {
    const nlohmann::json *value = config != nullptr ? &config->given() : nullptr;
    for (const auto &name : {section, key}) {
        if (value != nullptr && !name.empty()) {
            const auto found = value->find(name);
            value = found == value->end() ? nullptr : &*found;
        }
    }
    return value;
}

bool switched_on(const Config *config, const std::string &section, const std::string &id,
                 bool otherwise) {
    const auto *entry = said(config, section, id);
    return entry != nullptr ? entry->value("enabled", otherwise) : otherwise;
}

Field to_field(const k2s_field &field) {
    const std::string_view key = from_abi(field.key);
    switch (field.kind) {
    case K2S_FIELD_INT:
        return {key, field.integer};
    case K2S_FIELD_REAL:
        return {key, field.real};
    case K2S_FIELD_BOOL:
        return {key, field.integer != 0};
    case K2S_FIELD_JSON:
        return {key, JsonText{from_abi(field.text)}};
    default:
        return {key, from_abi(field.text)};
    }
}

} // namespace

App::App(const k2s_preset &preset, std::string_view root)
    : preset_(preset), tree_(path_from_utf8(root).lexically_normal()) {}

int App::run(const std::vector<std::string> &arguments) {
    const int code = run_to_code(arguments);
    if (code != 0) {
        report_failed_start(code);
    }
    return code;
}

int App::run_to_code(const std::vector<std::string> &arguments) {
    try {
        const auto code = execute(arguments);
        if (code) {
            return *code;
        }
        const std::string &message = code.error().message;
        write_err(message.starts_with(tool_.name + ":")
                      ? message + "\n"
                      : fmt::format("{}: {}\n", tool_.name, message));
        return exit_code(code.error().code);
    } catch (const std::exception &caught) {
        write_err(fmt::format("{}: internal error: {}\n", preset_.name, caught.what()));
        return 1;
    }
}

Result<int> App::execute(const std::vector<std::string> &arguments) {
    const bool all = *preset_.plugin == '\0';
    const auto switches = switch_settings();
    Result<ConfigPtr> loaded = nullptr;
    LoadOptions options;
    if (all) {
        // For what it says of plugins: a wrong file is reported once the command is known.
        options = load_options(switches);
        loaded = load_config(options);
        config_ = loaded.value_or(nullptr);
    }
    discover();
    build_tool();
    auto parsed = parse_command_line(tool_, arguments, [](std::string_view name) {
        return environment(std::string(name).c_str());
    });
    if (!parsed) {
        const auto broken = plugins_->broken().size();
        return broken == 0 ? pass(parsed)
                           : fail(parsed.error().code,
                                  "{} ({} plugins are broken: see "
                                  "'k2s plugin list')",
                                  parsed.error().message, broken);
    }
    call_ = std::move(*parsed);
    if (call_.action == Action::version) {
        return print_version();
    }
    if (call_.action == Action::help) {
        return print_help();
    }

    const auto before = plugin_choice();
    if (auto now = load_options(known_switches(switches));
        !all || now.file != options.file || now.set != options.set) {
        loaded = load_config(now);
    }
    if (!loaded) {
        if (call_.command->path.front() == "config") {
            config_ = nullptr;
            return show_config(*this);
        }
        return pass(loaded);
    }
    config_ = std::move(*loaded);
    if (plugin_choice() != before) {
        parsed_from_ = std::move(plugins_); // the command in call_ stands in its manifests
        discover();
    }
    start_log();
    open_gate();
    services_ = std::make_unique<Services>(make_ports());
    plugins_->attach(*services_, plugin_means());
    return dispatch();
}

std::optional<trust::Policy> App::configured_policy() const {
    const auto *policy = said(config_.get(), "trust");
    return policy != nullptr ? trust::parse_policy(policy->get_ref<const std::string &>())
                             : std::nullopt;
}

void App::open_gate() {
    gate_ =
        std::make_unique<TrustGate>(tree_, configured_policy(), [this](const std::string &message) {
            logger_->write(k_level_warn, "host", message);
        });
}

PluginSet::Means App::plugin_means() {
    auto rules = verify_rules();
    const auto in_worker = [this, create_time = rules.create_time](bool trusted) {
        return worker_loader({tree_.worker, create_time, [this, trusted](const Manifest &manifest) {
                                  const std::lock_guard lock(config_mutex_);
                                  auto limits = worker_limits(
                                      said(config_.get(), "plugins", manifest.id), trusted);
                                  limits.admin_calls |= trusted && workers_stand_in_;
                                  return limits;
                              }});
    };
    PluginSet::Means means;
    means.verify = make_verifier(tree_, rules);
    rules.for_worker = true;
    means.verify_for_worker = make_verifier(tree_, std::move(rules));
    means.load_here = [foreign = in_worker(false)](const Manifest &manifest, const fs::path &file,
                                                   const VerifiedLibrary &library) {
        return library.trusted ? load_here(manifest, file, library)
                               : foreign(manifest, file, library);
    };
    means.load_in_worker = [own = in_worker(true), foreign = in_worker(false)](
                               const Manifest &manifest, const fs::path &file,
                               const VerifiedLibrary &library) {
        return library.trusted ? own(manifest, file, library) : foreign(manifest, file, library);
    };
    means.only_in_worker = [this](const Manifest &manifest) {
        const std::lock_guard lock(config_mutex_);
        return plugin_place(said(config_.get(), "plugins", manifest.id), manifest) == Place::worker;
    };
    return means;
}

Place App::place_of(const std::string &feature, const Config &config) const {
    for (const auto &candidate : plugins_->candidates()) {
        if (const auto *declared = candidate.manifest.find_feature(feature)) {
            return feature_place(said(&config, "features", feature),
                                 said(&config, "plugins", candidate.manifest.id),
                                 candidate.manifest, *declared);
        }
    }
    return Place::here;
}

std::chrono::milliseconds App::limit(const char *name) const {
    const auto current = config();
    const auto *seconds = current->find(fmt::format("/limits/{}", name)); // there is a default
    return std::chrono::milliseconds(static_cast<int64_t>(seconds->get<double>() * 1000));
}

void App::give_up(const std::string &plugin, const std::string &reason) {
    const auto message =
        fmt::format("plugin '{}': {}: ending without it; the next start leaves it out, until `k2s "
                    "plugin enable {}`",
                    plugin, reason, plugin);
    write_err(fmt::format("{}: {}\n", tool_.name, message));
    logger_->write(k_level_error, "host", message);
    end_process(exit_code(K2S_E_TIMEOUT));
}

VerifyRules App::verify_rules() {
    const auto asked_later = [this](const char *name) {
        return [this, name] { return limit(name); };
    };
    const Command &command = *call_.command;
    return {
        *gate_, asked_later("probe_seconds"), asked_later("create_seconds"),
        command.service || (command.feature == "host" && command.path.back() == "run"),
        [this](const std::string &plugin, const std::string &reason) { give_up(plugin, reason); }};
}

/// What of the configuration decides which plugins there are.
std::string App::plugin_choice() const {
    const auto *folders = said(config_.get(), "plugin_path");
    const auto *plugins = said(config_.get(), "plugins");
    return fmt::format("{} {}", folders != nullptr ? folders->dump() : "[]",
                       plugins != nullptr ? plugins->dump() : "{}");
}

std::vector<fs::path> App::plugin_folders(const Config *config) const {
    std::vector<fs::path> folders{tree_.plugins};
    if (const auto *extra = said(config, "plugin_path")) {
        for (const auto &folder : *extra) {
            folders.push_back(path_from_utf8(folder.get_ref<const std::string &>()));
        }
    }
    return folders;
}

DiscoveredPlugins App::find_plugins(const Config *config) const {
    const auto folders = plugin_folders(config);
    auto found = discover_plugins(folders, preset_.plugin);
    if (*preset_.plugin != '\0' && std::ranges::any_of(found.candidates, [](const Candidate &one) {
            return !one.manifest.required_contracts.empty();
        })) {
        found = discover_plugins(folders, {});
    }
    return found;
}

bool App::knows(std::string_view section, std::string_view id) const {
    return section == "plugins"
               ? plugins_->find(id).has_value()
               : std::ranges::any_of(plugins_->candidates(), [id](const Candidate &one) {
                     return one.manifest.find_feature(id) != nullptr;
                 });
}

void App::rediscover(const ConfigPtr &config) {
    auto found = find_plugins(config.get());
    const std::lock_guard lock(config_mutex_);
    plugins_->refresh(std::move(found), chooser(config));
}

void App::discover() {
    // Asked when names clash, which may be before there is a log or a gate.
    const auto trusted = [this](const Manifest &manifest, const fs::path &folder) {
        return TrustGate(tree_, configured_policy(), [](const std::string &) {})
            .trusts(manifest, folder);
    };
    plugins_ = std::make_unique<PluginSet>(find_plugins(config_.get()), reserved_words(),
                                           chooser(config_), trusted);
}

PluginSet::Chooser App::chooser(const ConfigPtr &config) const {
    return [config](const Manifest &manifest) {
        return switched_on(config.get(), "plugins", manifest.id, true);
    };
}

void App::build_tool() {
    tool_ = {};
    tool_.name = preset_.name;
    tool_.version = k2s_version;
    tool_.root = words(preset_.command);
    tool_.globals = standard_globals();
    if (tool_.root.empty()) {
        tool_.summary = "The K2s native toolkit: one host, its plugins, their features";
        tool_.groups = host_groups();
        for (const auto &command : host_manifest().commands) {
            tool_.commands.push_back(&command);
        }
    }
    for (const std::size_t index : plugins_->resolution().order) {
        for (const auto &command : plugins_->candidates()[index].manifest.commands) {
            tool_.commands.push_back(&command);
        }
    }
}

Result<Tool> App::make_tool(std::string_view name) const {
    Tool tool = tool_;
    if (name == tool.name) {
        return tool;
    }
    tool.name = name;
    tool.root = {tool.name};
    const bool known = std::ranges::any_of(
        tool.commands, [&](const Command *command) { return command->path.front() == name; });
    if (!known) {
        return fail(K2S_E_NOT_FOUND, "there is no tool '{}'", name);
    }
    return tool;
}

std::vector<std::string> App::known_switches(std::vector<std::string> switches) const {
    std::erase_if(switches, [this](const std::string &setting) {
        return !is_switch_of(setting, [this](std::string_view section, std::string_view id) {
            return knows(section, id);
        });
    });
    return switches;
}

LoadOptions App::load_options(std::vector<std::string> switches) const {
    LoadOptions options;
    options.set = std::move(switches);
    if (const auto *file = call_.host_option("config")) {
        options.file = file->items.front().text;
    }
    if (const auto *set = call_.host_option("set")) {
        for (const auto &item : set->items) {
            options.set.push_back(item.text);
        }
    }
    return options;
}

Result<ConfigPtr> App::load() const {
    auto loaded = load_config(load_options(known_switches(switch_settings())));
    return loaded ? check_config(*loaded, feature_schemas()) : pass(loaded);
}

Result<ConfigPtr> App::reload() {
    auto said = load_config(load_options(switch_settings())); // of plugins that are new, too
    if (!said) {
        return said;
    }
    rediscover(*said);
    auto config = load();
    if (!config) {
        rediscover();
    }
    return config;
}

void App::adopt(ConfigPtr config) {
    logger_->reconfigure(log_settings(*config));
    const std::lock_guard lock(config_mutex_);
    config_ = std::move(config);
    ++config_generation_;
}

bool App::feature_enabled(const std::string &id, const Config &config, bool asked_for) const {
    for (const auto &candidate : plugins_->candidates()) {
        if (const auto *feature = candidate.manifest.find_feature(id)) {
            return switched_on(&config, "plugins", candidate.manifest.id, true) &&
                   switched_on(&config, "features", id, feature->enabled || asked_for);
        }
    }
    return asked_for; // then whoever starts it says that nobody has it
}

std::vector<FeatureSchema> App::feature_schemas() const {
    std::vector<FeatureSchema> schemas;
    for (const auto &candidate : plugins_->candidates()) {
        for (const auto &feature : candidate.manifest.features) {
            if (std::ranges::find(schemas, feature.id, &FeatureSchema::id) == schemas.end()) {
                schemas.push_back({feature.id, candidate.manifest.id, feature.config,
                                   feature.kind == FeatureKind::service});
            }
        }
    }
    return schemas;
}

void App::start_log() {
    logger_ = std::make_unique<Logger>(tool_.name, log_settings(*config_));
    const auto *level = call_.host_option("log-level");
    if (level == nullptr) {
        level = call_.option("verbosity"); // the original tools' name for it
    }
    if (level != nullptr) {
        if (const auto parsed = parse_level(level->items.front().text)) {
            logger_->set_level(*parsed);
        }
    }
}

Ports App::make_ports() {
    Ports ports;
    ports.version = k2s_version;
    ports.log_threshold = logger_->threshold();
    ports.log = [this](int32_t level, std::string_view plugin, std::string_view message,
                       std::span<const k2s_field> fields) {
        std::vector<Field> list;
        list.reserve(fields.size());
        std::ranges::transform(fields, std::back_inserter(list), to_field);
        services_->progress.clear_line();
        logger_->write(level, plugin, message, list);
    };
    ports.config = [this](std::string_view plugin,
                          std::string_view pointer) -> Result<std::string> {
        const std::lock_guard lock(config_mutex_);
        auto settings = nlohmann::json::object();
        if (const auto index = plugins_->find(plugin)) {
            for (const auto &feature : plugins_->candidates()[*index].manifest.features) {
                // Only `k2s run` has checked everything; a command's settings are checked here.
                const auto *own = config_->feature_settings(feature.id);
                auto checked = check_settings({feature.id, std::string(plugin), feature.config,
                                               feature.kind == FeatureKind::service},
                                              own != nullptr ? *own : nlohmann::json::object(),
                                              fmt::format("/features/{}/settings", feature.id));
                if (!checked) {
                    return pass(checked);
                }
                settings[feature.id] = std::move(*checked);
            }
        }
        try {
            return settings.at(nlohmann::json::json_pointer(std::string(pointer))).dump();
        } catch (const nlohmann::json::exception &) {
            return fail(K2S_E_NOT_FOUND, "the settings of plugin '{}' have nothing at '{}'", plugin,
                        pointer);
        }
    };
    ports.config_generation = [this](std::string_view) { return config_generation_.load(); };
    ports.process = [](std::string_view, const ProcessRequest &request) {
        return run_process(request);
    };
    return ports;
}

/// Why no usable plugin has a feature that one of them declares.
Error App::why_unusable(std::string_view feature) const {
    for (std::size_t i = 0; i < plugins_->candidates().size(); ++i) {
        const auto &refused = plugins_->resolution().verdicts[i].refused;
        if (refused && plugins_->candidates()[i].manifest.find_feature(feature) != nullptr) {
            return *refused;
        }
    }
    return {K2S_E_NOT_FOUND, fmt::format("no plugin has the feature '{}'", feature)};
}

Result<int> App::dispatch() {
    const Command &command = *call_.command;
    if (command.feature != "host") {
        const auto index = plugins_->find_feature(command.feature);
        if (!index) {
            return std::unexpected(why_unusable(command.feature));
        }
        if (!feature_enabled(command.feature, *config_)) {
            return fail(K2S_E_UNSUPPORTED,
                        "the feature '{}' is switched off by the configuration "
                        "(features.{}.enabled)",
                        command.feature, command.feature);
        }
        return command.service ? run_service_command(*this) : run_plugin_command(*this);
    }
    using Handler = Result<int> (*)(App &);
    static const std::map<std::string_view, Handler> handlers{
        {"run", run_host},
        {"host run", run_host},
        {"host status", ask_host},
        {"host reload", ask_host},
        {"host diagnostics", ask_host},
        {"host stop", ask_host},
        {"plugin list", show_plugins},
        {"plugin info", show_plugins},
        {"plugin explain", show_plugins},
        {"plugin enable", switch_part},
        {"plugin disable", switch_part},
        {"plugin keygen", sign_plugins},
        {"plugin sign", sign_plugins},
        {"plugin verify", sign_plugins},
        {"plugin trust add", manage_trust},
        {"plugin trust list", manage_trust},
        {"plugin trust remove", manage_trust},
        {"plugin trust revoke", manage_trust},
        {"plugin trust rescan", manage_trust},
        {"plugin trust seal", manage_trust},
        {"plugin pack", install_plugins},
        {"plugin new", new_plugin},
        {"doctor", doctor},
        {"dump", dump},
        {"plugin install", install_plugins},
        {"plugin upgrade", install_plugins},
        {"plugin rollback", install_plugins},
        {"plugin uninstall", install_plugins},
        {"feature list", show_plugins},
        {"feature enable", switch_part},
        {"feature disable", switch_part},
        {"config show", show_config},
        {"config validate", show_config},
        {"config schema", show_config},
        {"version", show_plugins},
        {"completion", write_documents},
        {"man", write_documents},
    };
    return handlers.at(fmt::format("{}", fmt::join(command.path, " ")))(*this);
}

std::string App::text(std::string_view name) const {
    const auto all = texts(name);
    return all.empty() ? std::string() : all.front();
}

std::vector<std::string> App::texts(std::string_view name) const {
    const auto *value = call_.option(name);
    for (const auto &argument : call_.arguments) {
        value = argument.name == name ? &argument : value;
    }
    std::vector<std::string> list;
    for (const auto &item : value != nullptr ? value->items : std::vector<Item>()) {
        list.push_back(item.text);
    }
    return list;
}

bool App::flag(std::string_view name) const {
    const auto *value = call_.option(name);
    return value != nullptr && !value->items.empty() && std::get<bool>(value->items.front().value);
}

bool App::dry_run() const {
    const auto *value = call_.host_option("dry-run");
    return value != nullptr && std::get<bool>(value->items.front().value);
}

Result<int> App::print(const nlohmann::ordered_json &data) const {
    Format format = Format::text;
    if (const auto *option = call_.host_option("format")) {
        const auto parsed = parse_format(option->items.front().text);
        if (!parsed) {
            return std::unexpected(parsed.error());
        }
        format = *parsed;
    }
    const uint32_t columns = Stdio::columns(K2S_STREAM_OUT);
    const auto lookup = [](std::string_view name) {
        return environment(std::string(name).c_str());
    };
    const TextStyle style{columns != 0 ? static_cast<int>(columns) : 80,
                          wants_color(columns != 0, lookup)};
    if (!write_out(render(data, format, style))) {
        return fail(K2S_E_IO, "cannot write to standard output");
    }
    return 0;
}

int App::print_version() const {
    const std::string text =
        fmt::format("{}: {}\n{}", tool_.name, k2s_version_string, k2s_version_details);
    return write_out(text) ? 0 : 1;
}

Result<int> App::print_help() const {
    const uint32_t columns = Stdio::columns(K2S_STREAM_OUT);
    auto text =
        help_text(tool_, call_.path, {columns != 0 ? static_cast<int>(columns) : 80, false});
    if (!text) {
        return pass(text);
    }
    return write_out(*text) ? 0 : 1;
}

} // namespace k2s::core
