// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE resolver
#include <boost/test/included/unit_test.hpp>

#include "resolve/resolver.hpp"

using namespace k2s::core;

namespace {

Candidate plugin(std::string id, std::vector<RequiredContract> needs = {},
                 std::vector<ProvidedContract> provides = {}) {
    Candidate candidate;
    candidate.manifest.id = id;
    candidate.manifest.version = "1.0.0";
    candidate.manifest.required_contracts = std::move(needs);
    candidate.manifest.provided_contracts = std::move(provides);
    candidate.file = "/plugins/" + id + "/plugin.json";
    return candidate;
}

RequiredContract needs(std::string contract, std::string range = ">=1.0.0 <2.0.0",
                       bool optional = false) {
    return {std::move(contract), std::move(range), optional};
}

Resolution run(const std::vector<Candidate> &candidates) {
    static const std::vector<std::string> reserved{"plugin", "host"};
    return resolve(candidates, reserved);
}

bool contains(const std::string &text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

} // namespace

BOOST_AUTO_TEST_CASE(providers_come_before_their_users) {
    const std::vector list{plugin("user", {needs("greet")}),
                           plugin("giver", {}, {{"greet", "1.2.0"}})};
    const auto result = run(list);
    BOOST_TEST(!result.verdicts[0].refused.has_value());
    BOOST_TEST(result.order == (std::vector<std::size_t>{1, 0}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_gap_names_the_contract_and_spares_the_others) {
    const std::vector list{plugin("user", {needs("greet")}), plugin("other")};
    const auto result = run(list);
    BOOST_REQUIRE(result.verdicts[0].refused.has_value());
    BOOST_TEST(result.verdicts[0].refused->code == K2S_E_CONFIG);
    BOOST_TEST(contains(result.verdicts[0].refused->message, "'greet'"));
    BOOST_TEST(result.order == (std::vector<std::size_t>{1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_version_that_does_not_fit_names_both_sides) {
    const std::vector list{plugin("user", {needs("greet", ">=2.0.0")}),
                           plugin("giver", {}, {{"greet", "1.2.0"}})};
    const auto result = run(list);
    BOOST_REQUIRE(result.verdicts[0].refused.has_value());
    BOOST_TEST(
        contains(result.verdicts[0].refused->message, "plugin 'giver' provides version 1.2.0"));
}

BOOST_AUTO_TEST_CASE(an_optional_need_may_be_missing) {
    const std::vector list{plugin("user", {needs("greet", "*", true)})};
    BOOST_TEST(!run(list).verdicts[0].refused.has_value());
}

BOOST_AUTO_TEST_CASE(a_cycle_refuses_its_members_and_those_who_need_them) {
    const std::vector list{plugin("a", {needs("b")}, {{"a", "1.0.0"}}),
                           plugin("b", {needs("a")}, {{"b", "1.0.0"}}), plugin("c", {needs("a")}),
                           plugin("d")};
    const auto result = run(list);
    for (const int i : {0, 1, 2}) {
        BOOST_TEST(result.verdicts[i].refused.has_value());
    }
    BOOST_TEST(contains(result.verdicts[0].refused->message, "a -> b -> a"));
    BOOST_TEST(contains(result.verdicts[2].refused->message, "plugin 'a' would provide it"));
    BOOST_TEST(result.order == (std::vector<std::size_t>{3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(of_two_with_the_same_id_the_first_stays) {
    std::vector list{plugin("a"), plugin("a")};
    list[1].file = "/other/plugin.json";
    const auto result = run(list);
    BOOST_TEST(!result.verdicts[0].refused.has_value());
    BOOST_REQUIRE(result.verdicts[1].refused.has_value());
    BOOST_TEST(contains(result.verdicts[1].refused->message, "/plugins/a/plugin.json"));
    BOOST_TEST(contains(result.verdicts[1].refused->message, "/other/plugin.json"));
}

BOOST_AUTO_TEST_CASE(a_refused_plugin_keeps_no_name) {
    std::vector list{plugin("a", {}, {{"x", "1.0.0"}}),
                     plugin("b", {}, {{"y", "1.0.0"}, {"x", "1.0.0"}}),
                     plugin("c", {}, {{"y", "1.0.0"}})};
    const auto result = run(list);
    BOOST_TEST(result.verdicts[1].refused.has_value());
    BOOST_TEST(!result.verdicts[2].refused.has_value());
}

BOOST_AUTO_TEST_CASE(commands_of_the_host_are_reserved) {
    auto bad = plugin("a");
    bad.manifest.commands.emplace_back().path = {"plugin", "steal"};
    const auto result = run({bad});
    BOOST_REQUIRE(result.verdicts[0].refused.has_value());
    BOOST_TEST(contains(result.verdicts[0].refused->message, "'plugin steal'"));
}

BOOST_AUTO_TEST_CASE(a_disabled_plugin_provides_nothing) {
    auto off = plugin("giver", {}, {{"greet", "1.0.0"}});
    off.enabled = false;
    const auto result = run({off, plugin("user", {needs("greet")})});
    BOOST_TEST(result.verdicts[0].refused->code == K2S_E_UNSUPPORTED);
    BOOST_TEST(result.verdicts[1].refused.has_value());
}

BOOST_AUTO_TEST_CASE(explain_says_who_needs_whom) {
    const std::vector list{plugin("user", {needs("greet")}),
                           plugin("giver", {}, {{"greet", "1.2.0"}})};
    const auto result = run(list);
    const auto user = explain(list, result, 0);
    BOOST_TEST(contains(user.back(), "plugin 'giver' provides version 1.2.0"));
    BOOST_TEST(contains(explain(list, result, 1).back(), "used by: user"));
}

BOOST_AUTO_TEST_CASE(a_trusted_plugin_keeps_its_names) {
    const std::vector list{plugin("a", {}, {{"greet", "1.0.0"}}),
                           plugin("b", {}, {{"greet", "1.0.0"}}), plugin("c")};
    static const std::vector<std::string> reserved;
    std::vector<std::size_t> asked;
    const auto result = resolve(list, reserved, [&](std::size_t i) {
        asked.push_back(i);
        return i == 1;
    });
    BOOST_TEST(result.order == (std::vector<std::size_t>{1, 2}), boost::test_tools::per_element());
    BOOST_REQUIRE(result.verdicts[0].refused.has_value());
    BOOST_TEST(contains(result.verdicts[0].refused->message, "plugin 'b'"));
    BOOST_TEST(asked.size() == 3U);

    const std::vector peaceful{plugin("a", {}, {{"greet", "1.0.0"}}), plugin("c")};
    asked.clear();
    BOOST_TEST(resolve(peaceful, reserved, [&](std::size_t i) {
                   asked.push_back(i);
                   return false;
               }).order.size() == 2U);
    BOOST_TEST(asked.empty()); // it costs looks at files
}
