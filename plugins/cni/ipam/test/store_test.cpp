// SPDX-License-Identifier: MIT
#include <algorithm>
#include <set>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <k2s/sdk/read_file.hpp>

#include "folder.hpp"
#include "ipam/store.hpp"

namespace k2s::cni {
namespace {

namespace fs = boost::filesystem;

RangeSet range(const char *subnet, const char *first, const char *last) {
    return {{{*Prefix::parse(subnet), *Address::parse(first), *Address::parse(last),
              Prefix::parse(subnet)->network().next()}}};
}

Store opened(const Folder &folder, bool indexed) {
    return std::move(**Store::open(folder.network, folder.places(indexed).cache, true));
}

std::string next(Store &store, const RangeSet &set, const std::string &id) {
    const auto address = store.reserve_next(set, {id, "eth0"}, 0).value();
    return address ? address->text() : "none";
}

std::string content(const Folder &folder, const std::string &name) {
    std::string text;
    (void)k2s::read_file(folder.network + "/" + name, 4096, text);
    return text;
}

void write(const Folder &folder, const std::string &name, std::string_view text) {
    std::FILE *file = std::fopen((folder.network + "/" + name).c_str(), "wb");
    std::fwrite(text.data(), 1, text.size(), file);
    std::fclose(file);
}

} // namespace

BOOST_AUTO_TEST_SUITE(store)

// With and without the index the same has to happen.
BOOST_DATA_TEST_CASE(addresses_go_round, boost::unit_test::data::make({true, false}), indexed) {
    const Folder folder;
    const auto set = range("10.1.0.0/24", "10.1.0.1", "10.1.0.4"); // .1 is the gateway
    {
        Store store = opened(folder, indexed);
        BOOST_TEST(next(store, set, "a") == "10.1.0.2");
        BOOST_TEST(next(store, set, "b") == "10.1.0.3");
    }
    Store store = opened(folder, indexed);
    BOOST_TEST(store.release({"a", "eth0"}).has_value());
    BOOST_TEST(next(store, set, "c") == "10.1.0.4");
    BOOST_TEST(next(store, set, "d") == "10.1.0.2");
    BOOST_TEST(next(store, set, "e") == "none");
    BOOST_TEST(!store.has_free(set, 0));
}

BOOST_AUTO_TEST_CASE(files_are_the_references) {
    const Folder folder;
    {
        Store store = opened(folder, true);
        (void)next(store, range("10.1.0.0/24", "10.1.0.1", "10.1.0.9"), "pod");
    }
    BOOST_TEST(content(folder, "10.1.0.2") == "pod\r\neth0");
    BOOST_TEST(content(folder, "last_reserved_ip.0") == "10.1.0.2");
    BOOST_TEST(fs::exists(folder.network + "/lock"));
    BOOST_TEST(std::distance(fs::directory_iterator(folder.network), fs::directory_iterator()) ==
               3);
}

BOOST_AUTO_TEST_CASE(what_others_do_is_seen_at_once) {
    const Folder folder;
    const auto set = range("10.1.0.0/24", "10.1.0.1", "10.1.0.5");
    {
        Store store = opened(folder, true);
        (void)next(store, set, "a");
    }
    write(folder, "10.1.0.3", "other\r\neth0");
    {
        Store store = opened(folder, true);
        BOOST_TEST(store.addresses_of({"other", "eth0"}).size() == 1U);
        BOOST_TEST(next(store, set, "b") == "10.1.0.4");
    }
    fs::remove(folder.network + "/10.1.0.2");
    Store store = opened(folder, true);
    BOOST_TEST(store.addresses_of({"a", "eth0"}).empty());
    BOOST_TEST(next(store, set, "c") == "10.1.0.5");
    BOOST_TEST(next(store, set, "d") == "10.1.0.2");
}

BOOST_DATA_TEST_CASE(odd_files_are_left_alone, boost::unit_test::data::make({true, false}),
                     indexed) {
    const Folder folder;
    fs::create_directories(folder.network + "/10.1.0.2"); // a folder where an address would be
    write(folder, "10.1.0.3", std::string(5000, 'x'));
    write(folder, "notes.txt", "pod\r\neth0");
    write(folder, "10.1.0.4", ""); // torn by a crash: nobody's
    write(folder, "last_reserved_ip.0", "garbage");
    Store store = opened(folder, indexed);
    BOOST_TEST(next(store, range("10.1.0.0/24", "10.1.0.1", "10.1.0.4"), "pod") == "10.1.0.4");
    BOOST_TEST(next(store, range("10.1.0.0/24", "10.1.0.1", "10.1.0.4"), "b") == "none");
    BOOST_TEST(store.release({"pod", "eth0"}).has_value());
    BOOST_TEST(fs::exists(folder.network + "/notes.txt"));
    BOOST_TEST(!fs::exists(folder.network + "/10.1.0.4"));
}

BOOST_DATA_TEST_CASE(old_reservations_have_only_the_container,
                     boost::unit_test::data::make({true, false}), indexed) {
    const Folder folder;
    fs::create_directories(folder.network);
    write(folder, "10.1.0.2", "pod");
    Store store = opened(folder, indexed);
    BOOST_TEST(store.addresses_of({"pod", "eth0"}).size() == 1U);
    BOOST_TEST(store.release({"pod", "eth0"}).has_value());
    BOOST_TEST(!fs::exists(folder.network + "/10.1.0.2"));
}

BOOST_DATA_TEST_CASE(collecting_keeps_the_valid_and_the_hosts,
                     boost::unit_test::data::make({true, false}), indexed) {
    const Folder folder;
    fs::create_directories(folder.network);
    write(folder, "10.1.0.2", "host-bridge-reservation\r\ncbr0_ep");
    write(folder, "10.1.0.3", "a\r\neth0");
    write(folder, "10.1.0.4", "a\r\neth1");
    write(folder, "10.1.0.5", "b\r\neth0");
    Store store = opened(folder, indexed);
    BOOST_TEST(store.release_others({{"a", "eth0"}}).has_value());
    BOOST_TEST(fs::exists(folder.network + "/10.1.0.2"));
    BOOST_TEST(fs::exists(folder.network + "/10.1.0.3"));
    BOOST_TEST(!fs::exists(folder.network + "/10.1.0.4"));
    BOOST_TEST(!fs::exists(folder.network + "/10.1.0.5"));
    BOOST_TEST(next(store, range("10.1.0.0/24", "10.1.0.4", "10.1.0.4"), "c") == "10.1.0.4");
}

// Tables and folder against each other, through growth, collisions and removal.
BOOST_AUTO_TEST_CASE(the_index_agrees_with_the_folder) {
    const Folder folder;
    const auto v4 = range("10.1.0.0/20", "10.1.0.1", "10.1.15.254");
    const auto v6 = range("fd00::/64", "fd00::1", "fd00::ffff");
    for (int round = 0; round < 4; ++round) {
        Store store = opened(folder, true);
        for (int i = 0; i < 300; ++i) {
            const auto id = std::to_string(round * 300 + i);
            BOOST_REQUIRE(next(store, i % 3 == 0 ? v6 : v4, id) != "none");
        }
        for (int i = 0; i < 300; i += 2) {
            BOOST_REQUIRE(store.release({std::to_string(round * 300 + i), "eth0"}).has_value());
        }
    }
    Store indexed = opened(folder, true);
    std::set<std::string> found;
    for (int i = 0; i < 1200; ++i) {
        const auto addresses = indexed.addresses_of({std::to_string(i), "eth0"});
        BOOST_TEST(addresses.size() == (i % 2 == 0 ? 0U : 1U));
        for (const auto &address : addresses) {
            found.insert(address.text());
            BOOST_TEST(!indexed.reserve(address, {"x", "y"}, 0).value());
        }
    }
    std::set<std::string> files;
    for (const auto &entry : fs::directory_iterator(folder.network)) {
        auto name = entry.path().filename().string();
        std::ranges::replace(name, '_', ':'); // Windows' names have no ':'
        if (Address::parse(name)) {
            files.insert(name);
        }
    }
    BOOST_TEST(found == files, boost::test_tools::per_element());
    BOOST_TEST(files.size() == 600U);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace k2s::cni
