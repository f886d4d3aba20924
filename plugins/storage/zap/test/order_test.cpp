// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE zap_order
#include <boost/test/included/unit_test.hpp>

#include "layers.hpp"

using namespace k2s::zap;

namespace {

std::vector<std::string>
order(const std::vector<std::pair<fs::path, std::vector<fs::path>>> &layers) {
    std::vector<std::string> names;
    for (const auto &path : layer_order(layers)) {
        names.push_back(text_of(path));
    }
    return names;
}

} // namespace

BOOST_AUTO_TEST_CASE(numbers_descend_and_names_come_last) {
    const auto found =
        order({{"9", {}}, {"abc", {}}, {"10", {}}, {"2", {}}, {"99999999999999999999", {}}});
    const std::vector<std::string> expected{"10", "9", "2", "abc", "99999999999999999999"};
    BOOST_TEST(found == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_built_on_others_goes_first) {
    const auto found =
        order({{"base", {}}, {"top", {"middle", "base"}}, {"7", {"base"}}, {"middle", {"base"}}});
    const std::vector<std::string> expected{"top", "7", "middle", "base"};
    BOOST_TEST(found == expected, boost::test_tools::per_element());
}
