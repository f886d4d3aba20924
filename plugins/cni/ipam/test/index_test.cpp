// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include "folder.hpp"
#include "ipam/store.hpp"

namespace k2s::cni {
namespace fs = boost::filesystem;

BOOST_AUTO_TEST_SUITE(mapped_index)

namespace {

const RangeSet k_set{{{*Prefix::parse("10.1.0.0/24"), *Address::parse("10.1.0.1"),
                       *Address::parse("10.1.0.9"), *Address::parse("10.1.0.1")}}};

std::string next(Store &store, const std::string &id) {
    return store.reserve_next(k_set, {id, "eth0"}, 0).value().value().text();
}

} // namespace

BOOST_AUTO_TEST_CASE(a_broken_one_is_made_anew) {
    const Folder folder;
    {
        auto store = std::move(**Store::open(folder.network, folder.places().cache, true));
        BOOST_TEST(next(store, "a") == "10.1.0.2");
    }
    for (const auto &entry : fs::directory_iterator(folder.root / "cache")) {
        fs::resize_file(entry.path(), 100);
    }
    auto store = std::move(**Store::open(folder.network, folder.places().cache, true));
    BOOST_TEST(store.addresses_of({"a", "eth0"}).size() == 1U);
    BOOST_TEST(next(store, "b") == "10.1.0.3");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace k2s::cni
