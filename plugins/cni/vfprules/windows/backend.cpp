// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>

#include <k2s/sdk/windows_path.hpp>

#include "vfprules/vfpctrl.hpp"
#include "vfprules/windows/vfpapi.hpp"

// vfpapi.dll adds a rule without starting a process, but we know of nothing in it that lists or
// removes; vfpctrl.exe does all, at the price of a process each time. So a new port gets its rules
// from the library, and whatever else there is to do goes through the program.

namespace k2s::vfprules {
namespace {

constexpr std::size_t k_most_listed_text = 400; // of a rule, in a finding

bool is_there_already(DWORD error) {
    return error == ERROR_ALREADY_EXISTS || error == ERROR_OBJECT_ALREADY_EXISTS ||
           error == ERROR_FILE_EXISTS;
}

bool is_missing(DWORD error) {
    return error == ERROR_NOT_FOUND || error == ERROR_FILE_NOT_FOUND ||
           error == ERROR_PATH_NOT_FOUND;
}

std::string text_of(const Rule &rule) {
    return fmt::format("{} via {} ({}), {}, priority {}", rule.route.destination.text(),
                       rule.route.gateway.text(), rule.gateway.interface_name,
                       vfprules::text_of(rule.gateway.mac), rule.route.priority);
}

/// vfpctrl.exe: each method runs it once, the lists once for each family.
class Vfpctrl {
  public:
    Vfpctrl(std::string program, Runner run) : program_(std::move(program)), run_(std::move(run)) {}

    Expected<std::string> port_name(const std::string &id, Deadline deadline) const {
        auto output = call({"/list-vmswitch-port"}, deadline);
        if (!output) {
            return output;
        }
        auto name = read_port_name(*output, id);
        return name ? Expected<std::string>(std::move(*name))
                    : fail(K2S_E_NOT_FOUND, "no switch port belongs to the endpoint {}", id);
    }

    Expected<std::vector<Listed>> list(const std::string &port, Deadline deadline) const {
        std::vector<Listed> rules;
        for (const wchar_t *group : {k_group_v4, k_group_v6}) {
            // A port without IPv6 has no such group.
            auto output = call(at(port, group, {"/list-rule"}), deadline);
            if (!output && (group == k_group_v4 || output.error().code == K2S_E_TIMEOUT)) {
                return std::unexpected(output.error());
            }
            std::ranges::move(read_rules(output.value_or("")), std::back_inserter(rules));
        }
        return rules;
    }

    std::vector<std::string> add_words(const std::string &port, const Rule &rule,
                                       bool replace) const {
        return at(port, group_of(rule),
                  {replace ? "/force-add-rule" : "/add-rule-ex", rule_text(rule)});
    }
    Expected<std::string> add(const std::string &port, const Rule &rule, bool replace,
                              Deadline deadline) const {
        return call(add_words(port, rule, replace), deadline);
    }
    /// Of whichever group has it.
    void remove(const std::string &port, const std::string &rule, Deadline deadline) const {
        for (const wchar_t *group : {k_group_v4, k_group_v6}) {
            (void)call(at(port, group, {"/rule", rule, "/remove-rule"}), deadline);
        }
    }

    const std::string &program() const { return program_; }

  private:
    static const wchar_t *group_of(const Rule &rule) {
        return rule.route.destination.address.is_v4() ? k_group_v4 : k_group_v6;
    }
    static std::vector<std::string> at(const std::string &port, const wchar_t *group,
                                       std::vector<std::string> rest) {
        std::vector<std::string> words{
            "/port", port, "/layer", detail::narrow(k_layer), "/group", detail::narrow(group)};
        std::ranges::move(rest, std::back_inserter(words));
        return words;
    }
    Expected<std::string> call(std::vector<std::string> words, Deadline deadline) const {
        const std::string verb = words.size() > 6 ? words[6] : words[0];
        words.insert(words.begin(), program_);
        auto finished = run_(words, left(deadline));
        if (!finished) {
            return fail(finished.error().code, "vfpctrl {}: {}", verb, finished.error().message);
        }
        if (finished->exit_code != 0) {
            return fail(K2S_E_FAILED, "vfpctrl {} ended with {}: {}", verb, finished->exit_code,
                        finished->output.substr(0, k_most_listed_text));
        }
        return std::move(finished->output);
    }

    std::string program_;
    Runner run_;
};

class Vfp final : public Backend {
  public:
    /// `api_alone`: vfpctrl adds nothing, even when the library fails.
    Vfp(std::optional<Vfpapi> api, std::optional<Vfpctrl> control, bool api_alone)
        : api_(std::move(api)), control_(std::move(control)), api_alone_(api_alone) {}

    std::string_view name() const override { return api_ ? "vfpapi" : "vfpctrl"; }

    Expected<std::vector<Finding>> ensure(const std::string &port, const std::vector<Rule> &rules,
                                          const std::vector<std::string> &known,
                                          Deadline deadline) override {
        return api_ && (known.empty() || !control_) ? add_new(port, rules, deadline)
                                                    : mend(port, rules, known, deadline);
    }

    Expected<std::vector<Finding>> inspect(const std::string &port, const std::vector<Rule> &rules,
                                           const std::vector<std::string> &known,
                                           Deadline deadline) override {
        auto listed = list(port, deadline);
        return listed ? compare(listed->second, rules, known)
                      : Expected<std::vector<Finding>>(std::unexpected(listed.error()));
    }

    Expected<std::vector<Finding>> remove(const std::string &port,
                                          const std::vector<std::string> &known,
                                          Deadline deadline) override {
        auto listed = list(port, deadline);
        if (!listed) {
            return std::unexpected(listed.error());
        }
        auto findings = compare(listed->second, {}, known);
        for (auto &each : findings) {
            control_->remove(listed->first, each.name, deadline);
        }
        return confirm(listed->first, {}, known, std::move(findings), deadline);
    }

    std::vector<std::string> commands(const std::string &port,
                                      const std::vector<Rule> &rules) override {
        std::vector<std::string> lines;
        for (const auto &rule : rules) {
            if (api_) {
                lines.push_back(
                    fmt::format("VfcAddObject(port \"{}\", layer \"{}\", rule \"{}\": {})", port,
                                detail::narrow(k_layer), rule.route.name, text_of(rule)));
            } else {
                std::string line = control_->program();
                for (const auto &word : control_->add_words(port, rule, false)) {
                    line += word.find(' ') == std::string::npos ? " " + word : " \"" + word + "\"";
                }
                lines.push_back(std::move(line));
            }
        }
        return lines;
    }

  private:
    using Port = std::pair<std::string, std::vector<Listed>>; // its name and its rules

    Expected<Port> list(const std::string &port, Deadline deadline) const {
        if (!control_) {
            return fail(K2S_E_UNSUPPORTED,
                        "rules cannot be listed or removed: vfpctrl.exe is missing, and vfpapi.dll "
                        "only adds");
        }
        auto name = control_->port_name(port, deadline);
        if (!name) {
            return std::unexpected(name.error());
        }
        auto rules = control_->list(*name, deadline);
        return rules ? Expected<Port>({std::move(*name), std::move(*rules)})
                     : std::unexpected(rules.error());
    }

    static std::vector<Finding> compare(const std::vector<Listed> &listed,
                                        const std::vector<Rule> &rules,
                                        const std::vector<std::string> &known) {
        std::vector<Finding> findings;
        for (const auto &rule : rules) {
            const auto found = std::ranges::find(listed, rule.route.name, &Listed::id);
            findings.push_back({rule.route.name,
                                found == listed.end()  ? State::missing
                                : agrees(*found, rule) ? State::present
                                                       : State::differs,
                                text_of(rule)});
        }
        for (const auto &name : known) { // others are not ours
            const auto found = std::ranges::find(listed, name, &Listed::id);
            if (found != listed.end() && std::ranges::none_of(rules, [&](const Rule &rule) {
                    return rule.route.name == name;
                })) {
                findings.push_back({name, State::extra, found->text.substr(0, k_most_listed_text)});
            }
        }
        return findings;
    }

    /// A port that has none of our rules: no process, unless the library does not do it.
    Expected<std::vector<Finding>> add_new(const std::string &port, const std::vector<Rule> &rules,
                                           Deadline deadline) {
        std::vector<Finding> findings;
        for (const auto &rule : rules) {
            const DWORD error = api_->add(port, rule, deadline);
            if (error == ERROR_TIMEOUT) {
                if (findings.empty()) {
                    return fail(K2S_E_TIMEOUT,
                                "vfpapi.dll did not answer in time; is the VfpExt driver running?");
                }
                findings.push_back({rule.route.name, State::failed, "vfpapi.dll did not answer"});
                return findings;
            }
            if (error != 0 && control_ && (is_there_already(error) || !api_alone_)) {
                return mend(port, rules, {}, deadline);
            }
            if (is_missing(error) && findings.empty()) {
                return fail(K2S_E_NOT_FOUND, "no switch port belongs to the endpoint {}", port);
            }
            findings.push_back({rule.route.name,
                                error == 0                ? State::added
                                : is_there_already(error) ? State::present
                                                          : State::failed,
                                error == 0 || is_there_already(error)
                                    ? text_of(rule)
                                    : fmt::format("VfcAddObject: Windows error {}", error)});
        }
        return findings;
    }

    Expected<std::vector<Finding>> mend(const std::string &port, const std::vector<Rule> &rules,
                                        const std::vector<std::string> &known, Deadline deadline) {
        auto listed = list(port, deadline);
        if (!listed) {
            return std::unexpected(listed.error());
        }
        auto findings = compare(listed->second, rules, known);
        bool changed = false;
        for (std::size_t i = 0; i < findings.size(); ++i) {
            auto &each = findings[i];
            changed = changed || each.state != State::present;
            if (each.state == State::extra) {
                control_->remove(listed->first, each.name, deadline);
            } else if (each.state != State::present) {
                put(port, listed->first, rules[i], each, deadline);
            }
        }
        return changed ? confirm(listed->first, rules, known, std::move(findings), deadline)
                       : std::move(findings);
    }

    /// Replacing is the program's; adding the library's, when there is one.
    void put(const std::string &port, const std::string &port_name, const Rule &rule,
             Finding &finding, Deadline deadline) {
        DWORD error = ERROR_NOT_SUPPORTED;
        if (api_ && finding.state == State::missing) {
            error = api_->add(port, rule, deadline);
            finding.detail = fmt::format("VfcAddObject: Windows error {}", error);
        }
        if (error != 0 && (!api_alone_ || finding.state == State::differs)) {
            auto done = control_->add(port_name, rule, finding.state == State::differs, deadline);
            finding.detail = done ? text_of(rule) : done.error().message;
        } else if (error == 0) {
            finding.detail = text_of(rule);
        }
    }

    /// What vfpctrl lists now decides, not what it said.
    Expected<std::vector<Finding>> confirm(const std::string &port_name,
                                           const std::vector<Rule> &rules,
                                           const std::vector<std::string> &known,
                                           std::vector<Finding> findings, Deadline deadline) {
        auto listed = control_->list(port_name, deadline);
        if (!listed) {
            return std::unexpected(listed.error());
        }
        const auto now = compare(*listed, rules, known);
        for (auto &each : findings) {
            const auto found = std::ranges::find(now, each.name, &Finding::name);
            const bool there = found != now.end() && found->state == State::present;
            const bool gone = found == now.end();
            switch (each.state) {
            case State::missing:
                each.state = there ? State::added : State::failed;
                break;
            case State::differs:
                each.state = there ? State::replaced : State::failed;
                break;
            case State::extra:
                each.state = gone ? State::removed : State::failed;
                break;
            default:
                break;
            }
        }
        return findings;
    }

    std::optional<Vfpapi> api_;
    std::optional<Vfpctrl> control_;
    bool api_alone_;
};

/// "Microsoft Windows [Version 10.0.20348.2340]", as `ver` prints it and vfprules.json has parts
/// of.
std::string windows_version() {
    OSVERSIONINFOW version{};
    version.dwOSVersionInfoSize = sizeof(version);
    using GetVersionFn = LONG(WINAPI *)(OSVERSIONINFOW *);
    const auto get = reinterpret_cast<GetVersionFn>(
        reinterpret_cast<void *>(GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "RtlGetVersion")));
    if (get != nullptr) {
        get(&version);
    }
    DWORD revision = 0, size = sizeof(revision);
    RegGetValueW(HKEY_LOCAL_MACHINE, L"SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion", L"UBR",
                 RRF_RT_REG_DWORD, nullptr, &revision, &size);
    return fmt::format("Microsoft Windows [Version {}.{}.{}.{}]", version.dwMajorVersion,
                       version.dwMinorVersion, version.dwBuildNumber, revision);
}

std::string system_folder() {
    std::array<wchar_t, MAX_PATH> buffer{};
    return detail::narrow({buffer.data(), GetSystemDirectoryW(buffer.data(), MAX_PATH)});
}

} // namespace

Expected<std::unique_ptr<Backend>> open_backend(const Options &options, const Config &config,
                                                Deadline /*deadline*/) {
    const auto &wanted = options.backend;
    if (wanted != "auto" && wanted != "vfpapi" && wanted != "vfpctrl") {
        return fail(K2S_E_USAGE,
                    "there is no backend '{}' on Windows: give auto, vfpapi or vfpctrl", wanted);
    }
    std::optional<Vfpapi> api;
    if (wanted != "vfpctrl") {
        api = Vfpapi::open(options.vfp_folder);
    }
    std::optional<Vfpctrl> control;
    const std::string program =
        (options.vfp_folder.empty() ? system_folder() : options.vfp_folder) + "\\vfpctrl.exe";
    if (options.run &&
        GetFileAttributesW(detail::system_path(program).c_str()) != INVALID_FILE_ATTRIBUTES) {
        control.emplace(program, options.run);
    }
    if ((wanted == "vfpapi" && !api) || (wanted == "vfpctrl" && !control) || (!api && !control)) {
        return fail(K2S_E_UNSUPPORTED,
                    "this Windows has no {}; install the features Containers and Hyper-V",
                    wanted == "vfpapi"    ? "vfpapi.dll that is known"
                    : wanted == "vfpctrl" ? "vfpctrl.exe"
                                          : "vfpapi.dll that is known, and no vfpctrl.exe");
    }
    const std::string version = windows_version();
    const bool api_alone =
        wanted == "vfpapi" || std::ranges::any_of(config.vfpapi, [&](const std::string &part) {
            return !part.empty() && version.find(part) != std::string::npos;
        });
    return std::make_unique<Vfp>(std::move(api), std::move(control), api_alone);
}

} // namespace k2s::vfprules
