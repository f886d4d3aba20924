// SPDX-License-Identifier: MIT
// What is changed, and what is taken back, on a machine that only remembers.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <thread>

#include "plan/apply.hpp"

using namespace k2s;
using namespace k2s::network;
namespace files = std::filesystem;

namespace {

struct Memory final : network::Host {
    std::vector<HostAddress> present{{*Prefix::parse("172.19.1.1/24"), 2, "vEthernet (KubeSwitch)"},
                                     {*Prefix::parse("172.20.1.2/24"), 3, "vEthernet (cbr0_ep)"},
                                     {*Prefix::parse("192.168.7.5/24"), 4, "Ethernet"}};
    std::vector<HostRoute> table{
        {*Prefix::parse("0.0.0.0/0"), Address::parse("192.168.7.1"), 4, "Ethernet", 10},
        {*Prefix::parse("0.0.0.0/0"), Address::parse("172.20.1.1"), 3, "vEthernet (cbr0_ep)", 1},
        {*Prefix::parse("172.19.1.0/24"), std::nullopt, 2, "vEthernet (KubeSwitch)", 0},
        {*Prefix::parse("172.20.1.0/24"), std::nullopt, 3, "vEthernet (cbr0_ep)", 0},
    };
    int fail_after = -1;
    int32_t failure = K2S_E_PERMISSION;
    std::function<void()> before_change = [] {};

    Expected<Surroundings> look() override { return Surroundings{present, table}; }
    Expected<void> add(const HostRoute &route) override {
        before_change();
        if (fail_after-- == 0) {
            return std::unexpected(Error{failure, "not allowed"});
        }
        table.push_back(route);
        return {};
    }
    Expected<void> remove(const HostRoute &route) override {
        before_change();
        std::erase_if(table, [&](const HostRoute &each) {
            return each.destination == route.destination && each.gateway == route.gateway;
        });
        return {};
    }
    std::string text() const {
        std::vector<std::string> lines;
        for (const auto &each : table) {
            lines.push_back(each.text());
        }
        std::ranges::sort(lines);
        std::string all;
        for (const auto &line : lines) {
            all += line + "\n";
        }
        return all;
    }
};

struct Fixture {
    files::path path = files::temp_directory_path() /
                       ("k2s-plan-" + std::to_string(reinterpret_cast<uintptr_t>(this)));
    std::string folder = path.string();
    Memory machine;
    Settings settings = *read_settings(R"({"smallsetup":{}})", "");
    Plan plan = *make_plan(settings, Role::windows_host, Backend::host_gw, {});
    ~Fixture() {
        std::error_code ignored;
        files::remove_all(path, ignored);
    }
    std::string states(const Expected<Report> &report, const char *kind = "route") {
        BOOST_REQUIRE_MESSAGE(report, report.error().message);
        std::string text;
        for (const auto &each : report->items) {
            if (each.kind == kind) {
                text += each.name + "=" + std::string(text_of(each.state)) + " ";
            }
        }
        return text;
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(application, Fixture)

BOOST_AUTO_TEST_CASE(apply_and_reset) {
    const std::string before = machine.text();
    BOOST_TEST(states(examine(plan, *machine.look(), folder)) ==
               "172.19.1.0/24=present 172.20.0.0/24=missing 172.20.1.0/24=present "
               "172.21.0.0/24=missing 172.21.1.0/24=missing 0.0.0.0/0=extra ");
    BOOST_TEST(!files::exists(path));
    const auto applied = apply(plan, machine, folder);
    BOOST_TEST(states(applied) == "172.19.1.0/24=present 172.20.0.0/24=added 172.20.1.0/24=present "
                                  "172.21.0.0/24=added 172.21.1.0/24=added 0.0.0.0/0=removed ");
    BOOST_TEST(applied->complete());
    BOOST_TEST(machine.text().find("0.0.0.0/0 via 172.20.1.1") == std::string::npos);
    BOOST_TEST(machine.text().find("0.0.0.0/0 via 192.168.7.1") != std::string::npos);
    BOOST_TEST(files::exists(path / "cni-windows.conf"));

    const std::string after = machine.text();
    BOOST_TEST(states(apply(plan, machine, folder)).find("added") == std::string::npos);
    BOOST_TEST(machine.text() == after);

    BOOST_TEST(states(reset(machine, folder, true)).find("removed") != std::string::npos);
    BOOST_TEST(machine.text() == after); // a dry run
    BOOST_TEST(reset(machine, folder, false).has_value());
    BOOST_TEST(machine.text() == before);
    BOOST_TEST(files::is_empty(path));
    BOOST_TEST(reset(machine, folder, false)->items.empty());
}

BOOST_AUTO_TEST_CASE(a_failure_undoes_what_was_done) {
    const std::string before = machine.text();
    machine.fail_after = 2;
    const auto applied = apply(plan, machine, folder);
    BOOST_REQUIRE(!applied);
    BOOST_TEST(applied.error().code == K2S_E_PERMISSION);
    BOOST_TEST(machine.text() == before);
    BOOST_TEST(apply(plan, machine, folder)->complete()); // a second run mends it
    reset(machine, folder, false);
    BOOST_TEST(machine.text() == before);
    BOOST_TEST(files::is_empty(path));
}

// Killed before any of the changes: a reset undoes what was done, and a second run mends it.
BOOST_AUTO_TEST_CASE(the_record_is_written_first) {
    const std::string before = machine.text();
    const Memory fresh = machine;
    int killed = 0;
    for (bool reached = true; reached; ++killed) {
        reached = false;
        machine.before_change = [&, left = killed]() mutable {
            if (left-- == 0) {
                reached = true;
                files::copy_file(path / "applied.json", path / "then");
                throw std::runtime_error("killed");
            }
        };
        for (const bool mended : {false, true}) {
            auto hook = machine.before_change;
            try {
                BOOST_TEST(apply(plan, machine, folder)->complete());
            } catch (const std::runtime_error &) {
                files::rename(path / "then", path / "applied.json");
            }
            machine.before_change = [] {};
            BOOST_TEST((!mended || apply(plan, machine, folder)->complete()));
            BOOST_TEST(reset(machine, folder, false).has_value());
            BOOST_TEST(machine.text() == before);
            machine = fresh;
            machine.before_change = hook;
        }
    }
    BOOST_TEST(killed == 5); // a default route goes, three routes come, and once nothing happens
}

BOOST_AUTO_TEST_CASE(a_default_route_that_comes_back) {
    const std::string before = machine.text();
    const auto unwanted = machine.table[1];
    BOOST_REQUIRE(apply(plan, machine, folder));
    const auto size = files::file_size(path / "applied.json");
    machine.table.push_back(unwanted);
    BOOST_TEST(states(apply(plan, machine, folder)).find("0.0.0.0/0=removed") != std::string::npos);
    BOOST_TEST(files::file_size(path / "applied.json") == size); // it is remembered once
    reset(machine, folder, false);
    BOOST_TEST(machine.text() == before);
}

BOOST_AUTO_TEST_CASE(somebody_is_quicker) {
    machine.fail_after = 0;
    machine.failure = K2S_E_EXISTS;
    BOOST_TEST(apply(plan, machine, folder).has_value());
    BOOST_TEST(machine.text().find("172.21.1.0/24") != std::string::npos); // the others are done
    BOOST_TEST(apply(plan, machine, folder)->complete());
}

BOOST_AUTO_TEST_CASE(calls_wait_for_each_other) {
    BOOST_REQUIRE(files::create_directories(path));
    std::thread other;
    std::atomic<bool> done = false;
    {
        const auto lock = ChangeLock::take(folder);
        BOOST_REQUIRE(lock.has_value());
        other = std::thread([&] {
            apply(plan, machine, folder);
            done = true;
        });
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        BOOST_TEST(!done);
        int32_t code = K2S_OK; // a thread of its own: on Windows the lock is its taker's
        std::jthread([&] {
            const auto second = ChangeLock::take(folder, std::chrono::milliseconds(20));
            code = second ? K2S_OK : second.error().code;
        }).join();
        BOOST_TEST(code == K2S_E_BUSY);
    }
    other.join();
    BOOST_TEST(examine(plan, *machine.look(), folder)->complete());
}

BOOST_AUTO_TEST_CASE(a_changed_plan_replaces_only_our_routes) {
    BOOST_REQUIRE(apply(plan, machine, folder));
    auto changed = *read_settings(
        R"({"smallsetup":{"masterIP":"172.19.1.50","servicesCIDRWindows":"172.21.2.0/24"}})", "");
    plan = *make_plan(changed, Role::windows_host, Backend::host_gw, {});
    const auto report = apply(plan, machine, folder);
    BOOST_TEST(states(report) ==
               "172.19.1.0/24=present 172.20.0.0/24=replaced 172.20.1.0/24=present "
               "172.21.0.0/24=replaced 172.21.2.0/24=added 172.21.1.0/24=removed ");
    BOOST_TEST(states(report, "file").find("dnsproxy.yaml=replaced") != std::string::npos);
    BOOST_TEST(machine.text().find("172.19.1.100") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(routes_of_others_stay) {
    machine.table.push_back(
        {*Prefix::parse("172.21.0.0/24"), Address::parse("192.168.7.9"), 4, "Ethernet", 1});
    const auto report = apply(plan, machine, folder);
    BOOST_TEST(states(report).find("172.21.0.0/24=conflict") != std::string::npos);
    BOOST_TEST(!report->complete());
    BOOST_TEST(machine.text().find("172.21.0.0/24 via 192.168.7.9") != std::string::npos);
    BOOST_TEST(states(report).find("172.20.0.0/24=added") != std::string::npos);

    machine.present.erase(machine.present.begin()); // the switch is gone
    BOOST_TEST(states(apply(plan, machine, folder)).find("172.19.1.0/24=unreachable") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_damaged_record_is_not_guessed_at) {
    files::create_directories(path);
    std::ofstream(path / "applied.json") << "{\"routes\":[7";
    BOOST_TEST(apply(plan, machine, folder).error().code == K2S_E_CONFIG);
    BOOST_TEST(reset(machine, folder, false).error().code == K2S_E_CONFIG);
}

BOOST_AUTO_TEST_CASE(overlaps_with_networks_of_the_machine) {
    BOOST_TEST(conflicts(plan, *machine.look()).empty());
    machine.present.push_back({*Prefix::parse("172.20.9.4/20"), 9, "Company"});
    machine.table.push_back(
        {*Prefix::parse("172.21.128.0/17"), Address::parse("192.168.7.2"), 4, "Ethernet", 1});
    const auto found = conflicts(plan, *machine.look());
    BOOST_REQUIRE_EQUAL(found.size(), 2U);
    BOOST_TEST(found[0].detail.find("the network 172.20.0.0/20 of Company") != std::string::npos,
               found[0].detail);
    BOOST_TEST(found[1].detail.find("the route 172.21.128.0/17 via 192.168.7.2") !=
                   std::string::npos,
               found[1].detail);
}

BOOST_AUTO_TEST_CASE(the_way_of_a_packet) {
    BOOST_REQUIRE(apply(plan, machine, folder));
    const auto way = [&](const char *from, const char *to) {
        std::string text;
        const auto hops =
            trace(settings, plan, *machine.look(), *Address::parse(from), *Address::parse(to));
        for (const auto &hop : hops) {
            text += hop.at + ": " + hop.rule + "\n";
        }
        return text;
    };
    const auto service = way("172.20.1.9", "172.21.0.10");
    BOOST_TEST(service.find("VFP rule PA_ROUTE_k2s_3 (priority 202): to the interface that has "
                            "172.20.1.2") != std::string::npos,
               service);
    BOOST_TEST(service.find("NAT exception 172.21.0.0/16") != std::string::npos);
    BOOST_TEST(service.find("route 172.21.0.0/24 via 172.19.1.100") != std::string::npos);
    BOOST_TEST(service.find("kube-proxy") != std::string::npos);

    const auto outside = way("172.20.1.9", "8.8.8.8");
    BOOST_TEST(outside.find("no VFP rule: to the default gateway 172.20.1.2") != std::string::npos,
               outside);
    BOOST_TEST(outside.find("outbound NAT") != std::string::npos);
    BOOST_TEST(outside.find("via 192.168.7.1") != std::string::npos);

    BOOST_TEST(way("172.20.1.9", "172.20.1.10").find("straight") != std::string::npos);
    BOOST_TEST(way("172.19.1.100", "172.19.1.1").find("delivered: vEthernet (KubeSwitch)") !=
               std::string::npos);
    BOOST_TEST(way("172.20.1.9", "172.20.0.7").find("cni0: to the pod") != std::string::npos);
    machine.table.clear();
    BOOST_TEST(way("172.20.1.9", "8.8.8.8").find("no route: dropped") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
