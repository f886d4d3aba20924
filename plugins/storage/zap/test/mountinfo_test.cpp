// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE zap_mountinfo
#include <boost/test/included/unit_test.hpp>

#include "linux/mountinfo.hpp"

using namespace k2s::zap;

namespace {

std::vector<std::string> layers(const std::string &options) {
    const auto found =
        parse_mounts("36 25 0:45 / /at rw,relatime shared:7 - overlay overlay " + options + "\n");
    return found.empty() ? std::vector<std::string>{"no mount"} : found[0].layers;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_line_has_its_fields) {
    const auto found =
        parse_mounts("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
                     "not a line\n"
                     "36 1 0:45 /a\\040b /at\\011x rw shared:7 master:2 - tmpfs  rw\n");
    BOOST_REQUIRE(found.size() == 2U);
    BOOST_TEST(found[1].id == 36U);
    BOOST_TEST(found[1].parent == 1U);
    BOOST_TEST(found[1].device == "0:45");
    BOOST_TEST(found[1].root == "/a b");
    BOOST_TEST(found[1].point == "/at\tx");
    BOOST_TEST(found[1].type == "tmpfs");
    BOOST_TEST(found[1].layers.empty());
}

BOOST_AUTO_TEST_CASE(the_layers_of_an_overlay) {
    using Texts = std::vector<std::string>;
    const auto each = boost::test_tools::per_element();
    BOOST_TEST(layers("rw,lowerdir=/a:l/B\\040C::/data,upperdir=/u:p,workdir=/w,index=off") ==
                   (Texts{"/a", "l/B C", "/data", "/u:p", "/w"}),
               each);
    BOOST_TEST(layers("rw,lowerdir+=/a:b,lowerdir+=/c\\054d,datadir+=/e") ==
                   (Texts{"/a:b", "/c,d", "/e"}),
               each);
    // A colon of a name, as most kernels show it, and as some do: each reading counts.
    BOOST_TEST(layers("rw,lowerdir=/a\\134:b:/c") == (Texts{"/a:b", "/c", "/a\\", "b"}), each);
    const auto other = layers("rw,lowerdir=/a\\072b:/c");
    BOOST_TEST(std::count(other.begin(), other.end(), "/a:b") == 1);
}
