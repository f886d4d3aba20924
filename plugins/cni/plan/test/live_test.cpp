// SPDX-License-Identifier: MIT
// What trace asks Windows, with a double of computenetwork.dll. VFP is not there.
#include "hcn/test/double.hpp"
#include "plan/pods.hpp"

using namespace k2s;
using namespace k2s::network;

BOOST_AUTO_TEST_CASE(rules_of_an_endpoint) {
    const cni::hcn::Double node;
    const auto &suite = boost::unit_test::framework::master_test_suite();
    LiveOptions options;
    options.hcn_folder = boost::filesystem::path(suite.argv[2]).parent_path().string();
    options.rules.vfp_folder = node.root.string();
    Pod pod;
    pod.container = "pod";
    pod.network = "cbr0";
    const auto way = [&](const char *to) {
        std::string text;
        for (const auto &hop :
             live_rules(pod, *Address::parse("172.20.1.9"), *Address::parse(to), options)) {
            text += hop.at + ": " + hop.rule + "\n";
        }
        return text;
    };
    BOOST_TEST(way("172.21.0.10") == "the pod's endpoint: there is no pod_cbr0 now\n");
    node.put("endpoint", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "pod_cbr0",
             R"(,"Policies":[{"Type":"OutBoundNAT","Settings":{"Exceptions":["172.21.0.0/16"]}}])");
    const auto inside = way("172.21.0.10");
    BOOST_TEST(
        inside.find("port aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee, now: VFP cannot be asked: ") == 0U,
        inside);
    BOOST_TEST(inside.find("exception 172.21.0.0/16: the pod's address stays") != std::string::npos,
               inside);
    BOOST_TEST(way("8.8.8.8").find("leaves with the host's address") != std::string::npos);
    cni::hcn::Double::fault("HcnEnumerateEndpoints fail 80004005");
    BOOST_TEST(way("8.8.8.8").find("the pod's endpoint: HcnEnumerateEndpoints") == 0U);
}
