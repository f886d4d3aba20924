// SPDX-License-Identifier: MIT
#include "plan/apply.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <k2s/sdk/atomic_file.hpp>
#include <k2s/sdk/read_file.hpp>

#include "spec/files.hpp"

namespace k2s::network {
namespace {

constexpr const char *k_state_file = "applied.json";
constexpr std::size_t k_largest_file = 1 << 20;

std::string path_in(const std::string &folder, std::string_view name) {
    return fmt::format("{}/{}", folder, name);
}

Expected<void> replace_file(const std::string &path, std::string_view content) {
    const Status done = write_file(path, content);
    return done.ok() ? Expected<void>() : std::unexpected(done.error());
}

/// What earlier calls did, as far as it still holds.
struct Applied {
    std::vector<HostRoute> routes, removed;
    std::vector<std::string> files;
};

Json to_json(const std::vector<HostRoute> &routes) {
    Json list = Json::array();
    for (const auto &each : routes) {
        list.push_back({{"destination", each.destination.text()},
                        {"gateway", each.gateway ? each.gateway->text() : ""},
                        {"interface", each.interface_name},
                        {"index", each.index},
                        {"metric", each.metric}});
    }
    return list;
}

std::vector<HostRoute> routes_in(const Json &json, const char *key) {
    std::vector<HostRoute> routes;
    for (const auto &each : json.value(key, Json::array())) {
        const auto destination = Prefix::parse(each.value("destination", ""));
        if (destination) {
            routes.push_back({*destination, Address::parse(each.value("gateway", "")),
                              each.value("index", 0U), each.value("interface", ""),
                              each.value("metric", 0U)});
        }
    }
    return routes;
}

Expected<Applied> read_applied(const std::string &folder) {
    std::string text;
    const std::string path = path_in(folder, k_state_file);
    const Status read = read_file(path, k_largest_file, text);
    if (!read.ok()) {
        return read.value() == K2S_E_NOT_FOUND ? Expected<Applied>(Applied())
                                               : std::unexpected(read.error());
    }
    try {
        const auto json = Json::parse(text);
        return Applied{routes_in(json, "routes"), routes_in(json, "removed"),
                       json.value("files", std::vector<std::string>())};
    } catch (const Json::exception &) {
        return std::unexpected(Error{
            K2S_E_CONFIG, fmt::format("'{}' is damaged: it says which routes are ours; remove it, "
                                      "and routes that are no longer wanted by hand",
                                      path)});
    }
}

Expected<void> write_applied(const std::string &folder, const Applied &applied) {
    const Json json{{"routes", to_json(applied.routes)},
                    {"removed", to_json(applied.removed)},
                    {"files", applied.files}};
    return replace_file(path_in(folder, k_state_file), json.dump(2) + "\n");
}

bool same_way(const HostRoute &a, const HostRoute &b) {
    return a.destination == b.destination && a.gateway == b.gateway &&
           (a.gateway || a.index == b.index);
}

bool contains(const std::vector<HostRoute> &routes, const HostRoute &route) {
    return std::ranges::any_of(routes,
                               [&](const HostRoute &each) { return same_way(each, route); });
}

/// The planned route on this machine's interfaces.
std::optional<HostRoute> resolve(const PlannedRoute &planned,
                                 const std::vector<HostAddress> &addresses) {
    const HostAddress *best = nullptr;
    for (const auto &each : addresses) {
        if (each.prefix.address == planned.gateway) {
            return HostRoute{planned.destination, std::nullopt, each.index, each.interface_name,
                             planned.metric};
        }
        if (each.prefix.contains(planned.gateway) &&
            (best == nullptr || best->prefix.length < each.prefix.length)) {
            best = &each;
        }
    }
    return best == nullptr
               ? std::nullopt
               : std::optional(HostRoute{planned.destination, planned.gateway, best->index,
                                         best->interface_name, planned.metric});
}

/// A change that is to be made, and the line of the report that it belongs to.
struct Step {
    std::size_t item;
    std::vector<HostRoute> remove;
    std::optional<HostRoute> add;
    const Document *file = nullptr;
};

struct Work {
    Applied applied;
    Report report;
    std::vector<Step> steps;
};

void look_at_route(const PlannedRoute &planned, const Surroundings &around, Work &work) {
    const auto wanted = resolve(planned, around.addresses);
    Item item{"route", planned.destination.text(), State::present, planned.why};
    Step step{work.report.items.size(), {}, wanted};
    if (!wanted) {
        item.state = State::unreachable;
        item.detail = fmt::format("no interface leads to the gateway {} ({})",
                                  planned.gateway.text(), planned.why);
    } else if (!contains(around.routes, *wanted)) {
        item.state = State::missing;
        item.detail = fmt::format("{} ({})", wanted->text(), planned.why);
        for (const auto &each : around.routes) {
            if (each.destination != planned.destination) {
                continue;
            }
            if (contains(work.applied.routes, each)) {
                item.state = State::differs;
                step.remove.push_back(each);
            } else {
                item.state = State::conflict;
                item.detail = "there is a route of somebody else: " + each.text();
                break;
            }
        }
    }
    work.report.items.push_back(std::move(item));
    if (work.report.items.back().state == State::missing ||
        work.report.items.back().state == State::differs) {
        work.steps.push_back(std::move(step));
    }
}

Expected<Work> compare(const Plan &plan, const Surroundings &around, const std::string &folder) {
    auto applied = read_applied(folder);
    if (!applied) {
        return std::unexpected(applied.error());
    }
    Work work{std::move(*applied), {}, {}};
    auto &items = work.report.items;
    for (const auto &each : plan.routes) {
        look_at_route(each, around, work);
    }
    for (const auto &each : around.routes) {
        const bool planned = std::ranges::any_of(plan.routes, [&](const PlannedRoute &one) {
            return one.destination == each.destination;
        });
        const bool unwanted = each.destination.length == 0 && each.gateway &&
                              std::ranges::find(plan.unwanted_default_gateways, *each.gateway) !=
                                  plan.unwanted_default_gateways.end();
        if (unwanted || (!planned && contains(work.applied.routes, each))) {
            work.steps.push_back({items.size(), {each}, std::nullopt});
            items.push_back({"route", each.destination.text(), State::extra, each.text()});
        }
    }
    for (const auto &each : plan.documents) {
        std::string present;
        const bool there = read_file(path_in(folder, each.name), k_largest_file, present).ok();
        const State state = !there                    ? State::missing
                            : present == each.content ? State::present
                                                      : State::differs;
        if (state != State::present) {
            work.steps.push_back({items.size(), {}, std::nullopt, &each});
        }
        items.push_back({"file", each.name, state, path_in(folder, each.name)});
    }
    return work;
}

/// Changes routes and remembers how to take that back.
class Changes {
  public:
    explicit Changes(Host &host) : host_(host) {}

    Expected<void> add(const HostRoute &route) {
        auto done = host_.add(route);
        if (done) {
            undo_.push_back({route, true});
        }
        // Somebody was quicker. The next look tells whether it is the same route.
        return done || done.error().code == K2S_E_EXISTS ? Expected<void>() : done;
    }
    Expected<void> remove(const HostRoute &route) {
        auto done = host_.remove(route);
        if (done) {
            undo_.push_back({route, false});
        }
        return done;
    }
    void undo() {
        for (auto each = undo_.rbegin(); each != undo_.rend(); ++each) {
            (void)(each->second ? host_.remove(each->first) : host_.add(each->first));
        }
    }

  private:
    Host &host_;
    std::vector<std::pair<HostRoute, bool>> undo_;
};

Expected<void> perform(const Step &step, Changes &changes, const std::string &folder) {
    for (const auto &each : step.remove) {
        if (auto done = changes.remove(each); !done) {
            return done;
        }
    }
    if (step.add) {
        if (auto done = changes.add(*step.add); !done) {
            return done;
        }
    }
    return step.file != nullptr ? replace_file(path_in(folder, step.file->name), step.file->content)
                                : Expected<void>();
}

void add_once(std::vector<HostRoute> &routes, const HostRoute &route) {
    if (!contains(routes, route)) {
        routes.push_back(route);
    }
}

/// What will have been done, and until then may have been: a route of ours that is to be replaced
/// stays in it.
Applied intended(const Work &work) {
    Applied applied = work.applied;
    for (const auto &step : work.steps) {
        for (const auto &each : step.remove) {
            if (!contains(work.applied.routes, each)) {
                add_once(applied.removed, each);
            }
        }
        if (step.add) {
            add_once(applied.routes, *step.add);
        }
        if (step.file != nullptr &&
            std::ranges::find(applied.files, step.file->name) == applied.files.end()) {
            applied.files.push_back(step.file->name);
        }
    }
    return applied;
}

/// The routes that were ours and are gone. True: there are some.
bool drop_removed(Applied &applied, const std::vector<Step> &steps) {
    std::size_t dropped = 0;
    for (const auto &step : steps) {
        for (const auto &each : step.remove) {
            dropped += std::erase_if(applied.routes,
                                     [&](const HostRoute &one) { return same_way(one, each); });
        }
    }
    return dropped > 0;
}

} // namespace

std::string HostRoute::text() const {
    return fmt::format("{} {}dev {} metric {}", destination.text(),
                       gateway ? "via " + gateway->text() + " " : "", interface_name, metric);
}

Expected<Report> examine(const Plan &plan, const Surroundings &around, const std::string &folder) {
    auto work = compare(plan, around, folder);
    return work ? Expected<Report>(std::move(work->report)) : std::unexpected(work.error());
}

Expected<Report> apply(const Plan &plan, Host &host, const std::string &folder) {
    auto made = cni::need_folder(folder);
    auto lock = made ? ChangeLock::take(folder) : std::unexpected(made.error());
    auto around = lock ? host.look() : std::unexpected(lock.error());
    auto work = around ? compare(plan, *around, folder) : std::unexpected(around.error());
    if (!work) {
        return std::unexpected(work.error());
    }
    if (work->steps.empty()) {
        return std::move(work->report);
    }
    // Files first: they do no harm when a route fails.
    std::ranges::stable_partition(work->steps,
                                  [](const Step &each) { return each.file != nullptr; });
    // Remembered beforehand, so that whoever is killed leaves no route that nobody knows.
    Applied now = intended(*work);
    Expected<void> outcome = write_applied(folder, now);
    Changes changes(host);
    for (const auto &step : work->steps) {
        if (outcome) {
            outcome = perform(step, changes, folder);
        }
    }
    if (!outcome) {
        changes.undo();
        work->applied.files = now.files;
        (void)write_applied(folder, work->applied);
        return std::unexpected(outcome.error());
    }
    for (const auto &step : work->steps) {
        auto &state = work->report.items[step.item].state;
        state = state == State::missing   ? State::added
                : state == State::differs ? State::replaced
                                          : State::removed;
    }
    // Routes that are not there do no harm in it, so this is no failure.
    if (drop_removed(now, work->steps)) {
        (void)write_applied(folder, now);
    }
    return std::move(work->report);
}

Expected<Report> reset(Host &host, const std::string &folder, bool dry_run) {
    Report report;
    if (!cni::is_file(path_in(folder, k_state_file))) {
        return report;
    }
    auto lock = ChangeLock::take(folder);
    auto applied = lock ? read_applied(folder) : std::unexpected(lock.error());
    auto around = applied ? host.look() : std::unexpected(applied.error());
    if (!around) {
        return std::unexpected(around.error());
    }
    const auto &routes = around->routes;
    for (const auto &each : applied->routes) {
        const auto present =
            std::ranges::find_if(routes, [&](const HostRoute &one) { return same_way(one, each); });
        if (present == routes.end()) {
            continue;
        }
        if (auto done = dry_run ? Expected<void>() : host.remove(*present); !done) {
            return std::unexpected(done.error());
        }
        report.items.push_back({"route", each.destination.text(), State::removed, each.text()});
    }
    for (const auto &each : applied->removed) {
        // An interface that is gone has no use for its default route.
        if (contains(routes, each) || (!dry_run && !host.add(each))) {
            continue;
        }
        report.items.push_back({"route", each.destination.text(), State::added, each.text()});
    }
    for (const auto &each : applied->files) {
        if (each.find_first_of("/\\") != std::string::npos) {
            continue; // not one of ours
        }
        if (!dry_run) {
            cni::remove_file(path_in(folder, each));
        }
        report.items.push_back({"file", each, State::removed, path_in(folder, each)});
    }
    if (!dry_run) {
        cni::remove_file(path_in(folder, k_state_file));
    }
    return report;
}

} // namespace k2s::network
