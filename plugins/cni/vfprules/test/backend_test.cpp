// SPDX-License-Identifier: MIT
// The Windows backend against doubles of vfpapi.dll and vfpctrl.exe.
#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <sstream>

#include <windows.h>

#include <k2s/sdk/windows_path.hpp>

#include "vfprules/backend.hpp"
#include "vfprules/records.hpp"

using namespace k2s;
using namespace k2s::vfprules;
namespace files = std::filesystem;

namespace {

constexpr const char *k_port = "b5f4e943-756d-4ee8-a70c-df5ad7c74715";
constexpr const char *k_added =
    "driver=\\\\.\\VfpExtWin guid=d988382c80550e46b89f0f0209cd6c91 "
    "port=b5f4e943-756d-4ee8-a70c-df5ad7c74715 count=35 layer=VNET_PA_ROUTE_LAYER ";

Rule rule(const char *name, const char *subnet, uint16_t priority) {
    const auto prefix = *Prefix::parse(subnet);
    return {{name, prefix, *Address::parse(prefix.address.is_v4() ? "172.20.1.2" : "fd00::2"),
             priority},
            {*Address::parse("172.20.1.2"), "cbr0_ep", 7, {0x00, 0x15, 0x5D, 0x01, 0x02, 0x03}}};
}

/// Runs a program as the host does, without its care for trees of processes.
Expected<Finished> run(const std::vector<std::string> &argv, std::chrono::milliseconds deadline) {
    std::wstring line;
    for (const auto &word : argv) {
        line += L"\"" + detail::widen(word) + L"\" ";
    }
    SECURITY_ATTRIBUTES inherited{sizeof(inherited), nullptr, TRUE};
    const auto file =
        files::temp_directory_path() / fmt::format("vfpctrl-{}.txt", GetCurrentProcessId());
    HANDLE out = CreateFileW(file.c_str(), GENERIC_WRITE, FILE_SHARE_READ, &inherited,
                             CREATE_ALWAYS, 0, nullptr);
    STARTUPINFOW start{};
    start.cb = sizeof(start);
    start.dwFlags = STARTF_USESTDHANDLES;
    start.hStdOutput = start.hStdError = out;
    PROCESS_INFORMATION process{};
    if (!CreateProcessW(nullptr, line.data(), nullptr, nullptr, TRUE, 0, nullptr, nullptr, &start,
                        &process)) {
        return fail(K2S_E_FAILED, "CreateProcess: {}", GetLastError());
    }
    const bool ended = WaitForSingleObject(process.hProcess,
                                           static_cast<DWORD>(deadline.count())) == WAIT_OBJECT_0;
    if (!ended) {
        TerminateProcess(process.hProcess, 1);
        WaitForSingleObject(process.hProcess, INFINITE);
    }
    DWORD code = 0;
    GetExitCodeProcess(process.hProcess, &code);
    CloseHandle(process.hProcess);
    CloseHandle(process.hThread);
    CloseHandle(out);
    std::ifstream in(file, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    return ended ? Expected<Finished>({static_cast<int>(code), text.str()})
                 : fail(K2S_E_TIMEOUT, "took too long");
}

struct Doubles {
    files::path folder = files::temp_directory_path() /
                         fmt::format("k2s-vfprules-{}-{}", GetCurrentProcessId(), GetTickCount());
    Options options;

    Doubles() {
        files::create_directories(folder);
        set(L"K2S_TEST_CALLS", folder / "calls");
        set(L"K2S_TEST_RULES", folder / "rules");
        set(L"K2S_TEST_PORT", L"B5F4E943-756D-4EE8-A70C-DF5AD7C74715");
        set(L"K2S_TEST_VFPAPI", L"");
        set(L"K2S_TEST_VFPCTRL", L"");
        const auto &suite = boost::unit_test::framework::master_test_suite();
        options.vfp_folder = files::path(suite.argv[1]).parent_path().string();
        options.records = (folder / "records").string();
        options.run = run;
        options.timeout = std::chrono::seconds(60);
    }
    ~Doubles() {
        std::error_code ignored;
        files::remove_all(folder, ignored);
    }
    static void set(const wchar_t *name, const files::path &value) {
        SetEnvironmentVariableW(name, value.c_str());
    }
    std::string calls() {
        std::ifstream in(folder / "calls", std::ios::binary);
        std::stringstream text;
        text << in.rdbuf();
        in.close();
        files::remove(folder / "calls");
        std::string result = text.str();
        std::erase(result, '\r');
        return result;
    }
    Deadline deadline(std::chrono::milliseconds time = std::chrono::seconds(60)) {
        return Clock::now() + time;
    }
    std::unique_ptr<Backend> open(const char *name, const Config &config = {}) {
        options.backend = name;
        auto backend = open_backend(options, config, deadline());
        BOOST_REQUIRE_MESSAGE(backend, backend.error().message);
        return std::move(*backend);
    }
};

std::string states(const Expected<std::vector<Finding>> &findings) {
    BOOST_REQUIRE_MESSAGE(findings, findings.error().message);
    std::string text;
    for (const auto &each : *findings) {
        text += fmt::format("{}={} ", each.name, text_of(each.state));
    }
    return text;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(windows, Doubles)

BOOST_AUTO_TEST_CASE(the_library_gets_what_the_original_gave_it) {
    auto backend = open("auto");
    BOOST_TEST(backend->name() == "vfpapi");
    BOOST_TEST(states(backend->ensure(k_port, {rule("one", "172.19.1.0/24", 200)}, {},
                                      deadline())) == "one=added ");
    BOOST_TEST(calls() ==
               std::string(k_added) +
                   "group=VNET_GROUP_PA_ROUTE_IPV4_OUT size=152 f1=5 f2=20 f3=128 priority=200 "
                   "id=one name=one range=ac130100ac1301ff kind=11 datasize=1188 field1=0 number=1 "
                   "action=1 field2=1 fields=3 mac=00155d010203000000000000 other=0\n");
}

BOOST_AUTO_TEST_CASE(ipv6_goes_to_its_own_group) {
    BOOST_TEST(states(open("vfpapi")->ensure(k_port, {rule("six", "fd00:1::/64", 7)}, {},
                                             deadline())) == "six=added ");
    BOOST_TEST(calls() ==
               std::string(k_added) +
                   "group=VNET_GROUP_PA_ROUTE_IPV6_OUT size=152 f1=5 f2=20 f3=128 priority=7 "
                   "id=six name=six "
                   "range=fd000001000000000000000000000000fd00000100000000ffffffffffffffff kind=13 "
                   "datasize=1188 field1=0 number=1 action=1 field2=1 fields=3 "
                   "mac=00155d010203000000000000 other=0\n");
}

BOOST_AUTO_TEST_CASE(a_library_with_another_layout_is_not_used) {
    for (const wchar_t *kind : {L"layout", L"init 87"}) {
        set(L"K2S_TEST_VFPAPI", kind);
        BOOST_TEST(open("auto")->name() == "vfpctrl");
        options.backend = "vfpapi";
        BOOST_TEST(open_backend(options, {}, deadline()).error().code == K2S_E_UNSUPPORTED);
    }
}

BOOST_AUTO_TEST_CASE(nothing_there) {
    options.vfp_folder = folder.string();
    for (const char *name : {"auto", "vfpapi", "vfpctrl"}) {
        options.backend = name;
        BOOST_TEST(open_backend(options, {}, deadline()).error().code == K2S_E_UNSUPPORTED);
    }
    options.backend = "nftables";
    BOOST_TEST(open_backend(options, {}, deadline()).error().code == K2S_E_USAGE);
}

BOOST_AUTO_TEST_CASE(the_library_fails) {
    const std::vector<Rule> rules{rule("one", "172.19.1.0/24", 200)};
    set(L"K2S_TEST_VFPAPI", L"add 1168");
    const auto missing = open("vfpapi")->ensure(k_port, rules, {}, deadline());
    BOOST_REQUIRE(!missing);
    BOOST_TEST(missing.error().code == K2S_E_NOT_FOUND);

    set(L"K2S_TEST_VFPAPI", L"add 5");
    auto refused = open("vfpapi")->ensure(k_port, rules, {}, deadline());
    BOOST_TEST(states(refused) == "one=failed ");
    BOOST_TEST((*refused)[0].detail == "VfcAddObject: Windows error 5");

    // #677 the other way round: what one way cannot, the other may.
    calls();
    BOOST_TEST(states(open("auto")->ensure(k_port, rules, {}, deadline())) == "one=added ");
    BOOST_TEST(calls().find("[/add-rule-ex]") != std::string::npos);

    Config original;
    original.vfpapi = {"10.0."}; // wine and every Windows that is supported: this way only
    BOOST_TEST(states(open("auto", original)
                          ->ensure(k_port, {rule("two", "172.19.2.0/24", 201)}, {}, deadline())) ==
               "two=failed ");
}

BOOST_AUTO_TEST_CASE(the_library_hangs) {
    set(L"K2S_TEST_VFPAPI", L"hang");
    const auto hung = open("auto")->ensure(k_port, {rule("one", "172.19.1.0/24", 200)}, {},
                                           deadline(std::chrono::milliseconds(300)));
    BOOST_REQUIRE(!hung);
    BOOST_TEST(hung.error().code == K2S_E_TIMEOUT);
}

BOOST_AUTO_TEST_CASE(the_program_gets_an_argument_array) {
    auto backend = open("vfpctrl");
    const std::vector<Rule> rules{rule("one", "172.19.1.0/24", 200)};
    BOOST_TEST(states(backend->ensure(k_port, rules, {}, deadline())) == "one=added ");
    const std::string v4 =
        "[/port][NAME-OF-PORT][/layer][VNET_PA_ROUTE_LAYER][/group][VNET_GROUP_PA_ROUTE_IPV4_OUT]";
    const std::string v6 =
        "[/port][NAME-OF-PORT][/layer][VNET_PA_ROUTE_LAYER][/group][VNET_GROUP_PA_ROUTE_IPV6_OUT]";
    BOOST_TEST(calls() == "[/list-vmswitch-port]\n" + v4 + "[/list-rule]\n" + v6 +
                              "[/list-rule]\n" + v4 +
                              "[/add-rule-ex][one one * * * 172.19.1.0/24 * 128 * 200 transpose "
                              "*,0/*,0 modify 00-00-00-00-00-00 00-15-5D-01-02-03]\n" +
                              v4 + "[/list-rule]\n" + v6 + "[/list-rule]\n");

    BOOST_TEST(states(backend->ensure(k_port, rules, {"one"}, deadline())) == "one=present ");
    BOOST_TEST(calls().find("add") == std::string::npos);

    // A changed plan: one is replaced, one comes, one that was ours goes, a foreign one stays.
    backend->ensure(k_port, {rule("old", "10.0.0.0/8", 9), rule("foreign", "10.0.0.0/8", 8)}, {},
                    deadline());
    calls();
    const std::vector<Rule> changed{rule("one", "172.19.1.0/24", 300),
                                    rule("six", "fd00:1::/64", 7)};
    BOOST_TEST(states(backend->inspect(k_port, changed, {"one", "old"}, deadline())) ==
               "one=differs six=missing old=extra ");
    BOOST_TEST(states(backend->ensure(k_port, changed, {"one", "old"}, deadline())) ==
               "one=replaced six=added old=removed ");
    BOOST_TEST(calls().find(v4 + "[/rule][old][/remove-rule]\n") != std::string::npos);
    BOOST_TEST(states(backend->inspect(k_port, changed, {"one", "six"}, deadline())) ==
               "one=present six=present ");
    BOOST_TEST(states(backend->inspect(k_port, {}, {"foreign"}, deadline())) == "foreign=extra ");
    BOOST_TEST(states(backend->remove(k_port, {"one", "six"}, deadline())) ==
               "one=removed six=removed ");
}

BOOST_AUTO_TEST_CASE(the_program_fails) {
    const std::vector<Rule> rules{rule("one", "172.19.1.0/24", 200)};
    auto backend = open("vfpctrl");
    set(L"K2S_TEST_VFPCTRL", L"fail");
    auto refused = backend->ensure(k_port, rules, {}, deadline());
    BOOST_TEST(states(refused) == "one=failed ");
    BOOST_TEST((*refused)[0].detail.find("error 87") != std::string::npos, (*refused)[0].detail);

    set(L"K2S_TEST_VFPCTRL", L"deaf"); // says yes: what it lists decides
    BOOST_TEST(states(backend->ensure(k_port, rules, {}, deadline())) == "one=failed ");

    set(L"K2S_TEST_VFPCTRL", L"hang");
    const auto hung = backend->ensure(k_port, rules, {}, deadline(std::chrono::milliseconds(500)));
    BOOST_REQUIRE(!hung);
    BOOST_TEST(hung.error().code == K2S_E_TIMEOUT);

    set(L"K2S_TEST_VFPCTRL", L"");
    set(L"K2S_TEST_PORT", L"another");
    const auto missing = backend->ensure(k_port, rules, {}, deadline());
    BOOST_REQUIRE(!missing);
    BOOST_TEST(missing.error().code == K2S_E_NOT_FOUND);
}

BOOST_AUTO_TEST_CASE(what_exists_already_is_looked_at) {
    const std::vector<Rule> rules{rule("one", "172.19.1.0/24", 200)};
    open("vfpctrl")->ensure(k_port, {rule("one", "172.19.1.0/24", 9)}, {}, deadline());
    set(L"K2S_TEST_VFPAPI", L"add 5010");
    BOOST_TEST(states(open("auto")->ensure(k_port, rules, {}, deadline())) == "one=replaced ");
}

BOOST_AUTO_TEST_CASE(a_dry_run_shows_calls) {
    const std::vector<Rule> rules{rule("one", "172.19.1.0/24", 200)};
    const auto program = open("vfpctrl")->commands("NAME", rules);
    BOOST_REQUIRE_EQUAL(program.size(), 1U);
    BOOST_TEST(program[0].find("vfpctrl.exe /port NAME /layer VNET_PA_ROUTE_LAYER /group "
                               "VNET_GROUP_PA_ROUTE_IPV4_OUT /add-rule-ex \"one one * * *") !=
               std::string::npos);
    BOOST_TEST(open("vfpapi")->commands("NAME", rules)[0].find("VfcAddObject") == 0U);
    BOOST_TEST(calls().empty());
}

// The verbs as bridge calls them. No interface of this machine has the gateway.
BOOST_AUTO_TEST_CASE(the_verbs) {
    options.rules_file = (folder / "vfprules.json").string();
    std::ofstream(options.rules_file) << R"({"routes":[{"name":"a","subnet":"10.0.0.0/8",)"
                                      << R"("gateway":"203.0.113.254","priority":"1"}]})";
    const auto report = ensure(k_port, options);
    BOOST_REQUIRE_MESSAGE(report, report.error().message);
    BOOST_TEST(!report->complete());
    BOOST_TEST(report->plan.skipped.size() == 1U);
    BOOST_TEST((remembered(options) == std::vector<std::string>{k_port}));
    Records(options).write(k_port, {"a"});
    set(L"K2S_TEST_PORT", L"another"); // the port is gone
    options.timeout = std::chrono::seconds(5);
    BOOST_TEST(reconcile(options)->empty());
    BOOST_TEST(remembered(options).empty());
    options.timeout = std::chrono::seconds(60);
    BOOST_TEST(remove(k_port, options).has_value());
    BOOST_TEST(ensure("no-guid", options).error().code == K2S_E_USAGE);
    BOOST_TEST(local_addresses().has_value());
}

BOOST_AUTO_TEST_SUITE_END()
