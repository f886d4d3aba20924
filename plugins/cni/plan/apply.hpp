// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

#include "plan/host.hpp"
#include "plan/plan.hpp"

namespace k2s::network {

enum class State {
    present,
    added,
    replaced,
    removed,
    missing,
    differs,
    extra,       // ours from an earlier plan
    conflict,    // somebody else's is in the way; it is left alone
    unreachable, // no interface leads to the gateway
};
std::string_view text_of(State state);

/// One route or file, or an overlap with a network of this machine.
struct Item {
    std::string kind, name;
    State state;
    std::string detail;
};

struct Report {
    std::vector<Item> items;
    /// Nothing is missing, in the way or left over.
    bool complete() const;
};

/// Networks and routes of this machine that overlap the plan's and are not the cluster's own.
std::vector<Item> conflicts(const Plan &plan, const Surroundings &around);

/// Compares without changing.
Expected<Report> examine(const Plan &plan, const Surroundings &around, const std::string &folder);

/// Makes it so: adds and replaces routes that are missing or ours, removes default routes that the
/// cluster's interfaces brought along, writes files. When a step fails, what this call did is
/// undone. What it does is remembered in the folder, beforehand. One call at a time; others wait.
Expected<Report> apply(const Plan &plan, Host &host, const std::string &folder);

/// Undoes all that was applied, and gives removed default routes back.
Expected<Report> reset(Host &host, const std::string &folder, bool dry_run);

struct Hop {
    std::string at, rule;
};
/// The way of a packet as far as plan and routes of this machine tell.
std::vector<Hop> trace(const Settings &settings, const Plan &plan, const Surroundings &around,
                       const Address &from, const Address &to);

} // namespace k2s::network
