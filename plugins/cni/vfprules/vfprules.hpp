// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <k2s/sdk/error.hpp>

#include "spec/address.hpp"

namespace k2s::vfprules {

using cni::Address;
using cni::Prefix;
template <class T = void> using Expected = std::expected<T, Error>;
using Mac = std::array<uint8_t, 6>;

/// "02-42-AC-11-00-02", as Windows' tools write it.
std::string text_of(const Mac &mac);

/// One line of vfprules.json: what goes to `destination` is handed to the host's interface that has
/// the address `gateway`, instead of leaving by the pod's default route. Lower priorities are
/// looked at first.
struct Route {
    std::string name;
    Prefix destination;
    Address gateway;
    uint16_t priority = 0;
};

struct Config {
    std::vector<Route> routes;
    /// Parts of Windows' version text for which vfpapi.dll is preferred (the original's switch).
    std::vector<std::string> vfpapi;
};

/// Reads the text of vfprules.json. K2S_E_CONFIG names the route and what is wrong with it.
Expected<Config> read_config(std::string_view text);

/// An address of this machine and the interface that has it.
struct LocalAddress {
    Address address;
    std::string interface_name;
    uint32_t index = 0;
    Mac mac{};
};
Expected<std::vector<LocalAddress>> local_addresses();

/// What a port gets: a route with its gateway's MAC address.
struct Rule {
    Route route;
    LocalAddress gateway;
};

/// `skipped` are routes whose gateway no interface has, now.
struct Plan {
    std::vector<Rule> rules;
    std::vector<Route> skipped;
};
/// The rules come in the order of their priorities.
Plan make_plan(const Config &config, const std::vector<LocalAddress> &addresses);

enum class State { present, added, replaced, removed, missing, differs, extra, failed };
std::string_view text_of(State state);
/// The rule is not, or not any more, as planned.
constexpr bool is_wrong(State state) {
    return state >= State::missing;
}

/// What is, or was done, about one rule of a port.
struct Finding {
    std::string name;
    State state;
    std::string detail; // what the backend knows of it, or why it failed
};

/// The outcome for one port.
struct Report {
    std::string port, backend;
    Plan plan;
    std::vector<Finding> rules;
    std::vector<std::string> commands; // of a dry run

    /// All rules are as planned, and none was skipped.
    bool complete() const;
};

/// Runs a program; K2S_E_TIMEOUT when it takes longer. The result has its exit code and all output.
struct Finished {
    int exit_code = 0;
    std::string output;
};
using Runner = std::function<Expected<Finished>(const std::vector<std::string> &argv,
                                                std::chrono::milliseconds deadline)>;

struct Options {
    std::string rules_file;       // empty: vfprules.json beside the exe
    std::string backend = "auto"; // "nftables"; "vfpapi", "vfpctrl"
    /// For everything, waiting for the port included.
    std::chrono::milliseconds timeout{30'000};
    bool dry_run = false;
    Runner run;                      // needed on Windows only
    std::function<bool()> cancelled; // may be empty
    std::string records;             // where the ports are remembered; empty: the system's place
    std::string vfp_folder;          // of vfpapi.dll and vfpctrl.exe; empty: System32
};

/// Gives a port exactly the rules of the plan, and remembers it. `port` is the HNS endpoint's id on
/// Windows, the host's end of the pod's veth pair on Linux. Another call changes nothing.
/// An error means that no rule was applied: K2S_E_CONFIG, K2S_E_NOT_FOUND (no such port),
/// K2S_E_TIMEOUT, K2S_E_UNSUPPORTED (no backend). What was done in part is in the report.
Expected<Report> ensure(const std::string &port, const Options &options);

/// Compares without changing: present, missing, differs, extra.
Expected<Report> inspect(const std::string &port, const Options &options);

/// Takes all our rules away and forgets the port; a port that is gone is no error.
Expected<Report> remove(const std::string &port, const Options &options);

/// Forgets a port that is gone, without a word when it is not remembered. It stays remembered when
/// its rules, where they outlive it, cannot be removed.
void forget(const std::string &port, const Options &options);

/// The ports that are remembered, and whether one is.
std::vector<std::string> remembered(const Options &options);
bool is_remembered(const std::string &port, const Options &options);

/// Ensures all remembered ports and forgets those that are gone.
Expected<std::vector<Report>> reconcile(const Options &options);

/// Notices when rules may have been lost, from `open` on: the Host Network Service was restarted,
/// the nftables table removed.
class LossWatch {
  public:
    static Expected<std::unique_ptr<LossWatch>> open();
    virtual ~LossWatch() = default;
    /// False when `cancelled` says so.
    virtual Expected<bool> wait(const std::function<bool()> &cancelled) = 0;
};

} // namespace k2s::vfprules
