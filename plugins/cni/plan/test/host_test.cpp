// SPDX-License-Identifier: MIT
// The IP helper calls, against a double of those that change something.
#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <sstream>

#include <windows.h>

#include "plan/changes.hpp"
#include "plan/host.hpp"

using namespace k2s;
using namespace k2s::network;

BOOST_AUTO_TEST_CASE(routes_of_windows) {
    const auto file = std::filesystem::temp_directory_path() /
                      ("k2s-routes-" + std::to_string(GetCurrentProcessId()));
    SetEnvironmentVariableW(L"K2S_TEST_CALLS", file.c_str());
    SetEnvironmentVariableW(L"K2S_TEST_RESULT", L"0");
    auto host = *open_host(boost::unit_test::framework::master_test_suite().argv[1]);
    const HostRoute via{*Prefix::parse("172.20.0.0/24"), Address::parse("172.19.1.100"), 12, "x",
                        4};
    const HostRoute on_link{*Prefix::parse("172.20.1.0/24"), std::nullopt, 13, "y", 5};
    BOOST_TEST(host->add(via).has_value());
    BOOST_TEST(host->add(on_link).has_value());
    BOOST_TEST(host->remove(via).has_value());
    const std::pair<const wchar_t *, int32_t> results[] = {
        {L"5", K2S_E_PERMISSION}, {L"5010", K2S_E_EXISTS}, {L"87", K2S_E_FAILED}};
    for (const auto &[result, code] : results) {
        SetEnvironmentVariableW(L"K2S_TEST_RESULT", result);
        BOOST_TEST(host->add(via).error().code == code);
    }
    SetEnvironmentVariableW(L"K2S_TEST_RESULT", L"1168");
    BOOST_TEST(host->remove(via).has_value()); // gone already
    BOOST_TEST(!host->add(via).has_value());
    std::ifstream in(file, std::ios::binary);
    std::string line;
    const char *expected[] = {"create 2 ac140000/24 ac130164 4 12",
                              "create 2 ac140100/24 00000000 5 13",
                              "delete 2 ac140000/24 ac130164 4 12"};
    for (const char *each : expected) {
        std::getline(in, line);
        BOOST_TEST(line.substr(0, line.find('\r')) == each);
    }
    in.close();
    std::filesystem::remove(file);
}

BOOST_AUTO_TEST_CASE(tables_of_windows) {
    auto host = *open_host();
    const auto around = host->look();
    BOOST_REQUIRE_MESSAGE(around, around.error().message);
    bool loopback = false;
    for (const auto &each : around->addresses) {
        loopback = loopback || each.prefix.address == *Address::parse("127.0.0.1");
    }
    BOOST_TEST(loopback);
}

BOOST_AUTO_TEST_CASE(changes_are_noticed) {
    using std::chrono::milliseconds;
    const char *library = boost::unit_test::framework::master_test_suite().argv[1];
    const auto file = std::filesystem::temp_directory_path() /
                      ("k2s-changes-" + std::to_string(GetCurrentProcessId()));
    SetEnvironmentVariableW(L"K2S_TEST_CALLS", file.c_str());
    SetEnvironmentVariableW(L"K2S_TEST_RESULT", L"0");
    auto host = *open_host(library);
    const HostRoute route{*Prefix::parse("172.20.1.0/24"), std::nullopt, 13, "y", 5};
    {
        auto changes = *Changes::open(library);
        BOOST_TEST(!changes->wait(milliseconds(1)).value());
        host->add(route);
        BOOST_TEST(changes->wait(milliseconds(0)).value());
        BOOST_TEST(!changes->wait(milliseconds(1)).value());
    }
    BOOST_TEST(host->add(route).has_value()); // calls nobody who is gone
    SetEnvironmentVariableW(L"K2S_TEST_RESULT", L"8");
    BOOST_TEST(Changes::open(library).error().code == K2S_E_FAILED);
    BOOST_TEST(Changes::open("C:\\none.dll").error().code == K2S_E_UNSUPPORTED);
    std::filesystem::remove(file);
}
