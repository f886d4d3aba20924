// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE cloudinitisobuilder_image
#include <boost/test/included/unit_test.hpp>

#include <algorithm>
#include <map>
#include <set>

#include <archive.h>
#include <archive_entry.h>

#include "builder.hpp"
#include "files.hpp"
#include "iso_names.hpp"
#include "iso_reader.hpp"

using namespace k2s::cloudinitisobuilder;
using Contents = std::map<std::string, std::string>;

namespace {

std::string lay_out_and_fill(const Contents &files, int64_t epoch = 0,
                             const std::string &label = "cidata") {
    std::vector<IsoFile> list;
    for (const auto &[name, content] : files) {
        list.push_back({name, static_cast<uint32_t>(content.size())});
    }
    const auto layout = lay_out(label, epoch, list);
    BOOST_REQUIRE(layout.has_value());
    std::string image = layout->header;
    for (const auto &[name, content] : files) {
        image += content;
        image.resize(blocks_of(image.size()) * k_block, '\0');
    }
    BOOST_TEST(image.size() == layout->header.size() + layout->content_bytes);
    image.resize(image.size() + k_trailing_blocks * k_block, '\0');
    BOOST_TEST(image.size() == layout->image_bytes);
    return image;
}

Contents rock_ridge(const IsoReader &iso) {
    Contents files;
    for (const auto &entry : iso.primary.entries) {
        if (!entry.directory) {
            BOOST_TEST(files.emplace(entry.name, iso.content(entry)).second);
        }
    }
    return files;
}

std::string ucs2(const std::string &name) {
    std::string out;
    const std::u16string wide = utf16(name).value();
    for (const char16_t unit : wide) {
        out += static_cast<char>(unit >> 8);
        out += static_cast<char>(unit & 0xff);
    }
    return out;
}

Contents through_libarchive(const std::string &image, const char *options) {
    Contents files;
    archive *in = archive_read_new();
    archive_read_support_format_iso9660(in);
    BOOST_REQUIRE(archive_read_set_options(in, options) == ARCHIVE_OK);
    BOOST_REQUIRE(archive_read_open_memory(in, image.data(), image.size()) == ARCHIVE_OK);
    archive_entry *entry = nullptr;
    int status = ARCHIVE_OK;
    while ((status = archive_read_next_header(in, &entry)) == ARCHIVE_OK) {
        const std::string name = archive_entry_pathname(entry);
        if (archive_entry_filetype(entry) != AE_IFREG) {
            BOOST_TEST(name == ".");
            continue;
        }
        BOOST_TEST(archive_entry_hardlink(entry) == nullptr);
        std::string content(static_cast<size_t>(archive_entry_size(entry)), '\0');
        BOOST_TEST(archive_read_data(in, content.data(), content.size()) ==
                   static_cast<la_ssize_t>(content.size()));
        files.emplace(name, std::move(content));
    }
    BOOST_TEST(status == ARCHIVE_EOF);
    archive_read_free(in);
    return files;
}

const Contents k_seed = {{"meta-data", "instance-id: 1\n"},
                         {"network-config", "version: 2\n"},
                         {"user-data", "#cloud-config\n" + std::string(3000, '#')},
                         {"empty", ""},
                         {"block", std::string(2048, 'b')}};

} // namespace

BOOST_AUTO_TEST_CASE(descriptors) {
    const IsoReader iso(lay_out_and_fill(k_seed, 951827696)); // 2000-02-29 12:34:56
    for (const auto &volume : {iso.primary, iso.joliet}) {
        BOOST_TEST(volume.label == "cidata");
        BOOST_TEST(volume.system == "");
        BOOST_TEST(volume.application == "K2S CLOUDINITISOBUILDER");
        BOOST_TEST(volume.creation == std::string("2000022912345600\0", 17));
        for (const auto &entry : volume.entries) {
            BOOST_TEST(entry.time == std::string("\x64\x02\x1d\x0c\x22\x38\x00", 7));
        }
    }
}

BOOST_AUTO_TEST_CASE(the_three_trees_hold_the_files) {
    const IsoReader iso(lay_out_and_fill(k_seed, 1));
    BOOST_TEST((rock_ridge(iso) == k_seed));
    std::vector<std::string> identifiers;
    for (const auto &entry : iso.primary.entries) {
        BOOST_TEST(entry.mode == (entry.directory ? 0040555u : 0100644u));
        BOOST_TEST(entry.uid == 0u);
        BOOST_TEST(entry.gid == 0u);
        BOOST_TEST(entry.rock_ridge_times.size() == 3u);
        for (const std::string &time : entry.rock_ridge_times) {
            BOOST_TEST(time == entry.time);
        }
        identifiers.push_back(entry.identifier);
    }
    const std::vector<std::string> expected = {
        std::string(1, '\0'), "\x01",        "BLOCK.;1", "EMPTY.;1", "META_DATA.;1",
        "NETWORK_CONFIG.;1",  "USER_DATA.;1"};
    BOOST_TEST(identifiers == expected, boost::test_tools::per_element());
    Contents joliet;
    for (const auto &entry : iso.joliet.entries) {
        if (!entry.directory) {
            joliet.emplace(entry.identifier, iso.content(entry));
        }
    }
    BOOST_TEST(joliet.size() == k_seed.size());
    for (const auto &[name, content] : k_seed) {
        BOOST_TEST(joliet[ucs2(name)] == content);
    }
}

BOOST_AUTO_TEST_CASE(libarchive_reads_rock_ridge_and_joliet) {
    const std::string image = lay_out_and_fill(k_seed);
    BOOST_TEST((through_libarchive(image, "!joliet") == k_seed));
    BOOST_TEST((through_libarchive(image, "!rockridge") == k_seed));
}

BOOST_AUTO_TEST_CASE(no_files_at_all) {
    const IsoReader iso(lay_out_and_fill({}));
    BOOST_TEST(iso.primary.entries.size() == 2u);
    BOOST_TEST(iso.joliet.entries.size() == 2u);
}

BOOST_AUTO_TEST_CASE(many_files_fill_several_directory_blocks) {
    Contents files;
    for (int i = 0; i < 1000; ++i) {
        files["file-" + std::to_string(i)] = std::to_string(i);
    }
    const std::string image = lay_out_and_fill(files);
    const IsoReader iso(image);
    BOOST_TEST((rock_ridge(iso) == files));
    BOOST_TEST(iso.primary.entries[0].size > 2048u);
    const auto sorted = [](const auto &entries, auto less) {
        return std::is_sorted(
            entries.begin() + 2, entries.end(),
            [&](const auto &a, const auto &b) { return less(a.identifier, b.identifier); });
    };
    BOOST_TEST(sorted(iso.primary.entries, std::less<std::string>()));
    BOOST_TEST(sorted(iso.joliet.entries, std::less<std::string>()));
    BOOST_TEST((through_libarchive(image, "!rockridge") == files));
}

BOOST_AUTO_TEST_CASE(names_of_every_length) {
    // Inline, at the border to the continuation area, and over several blocks of that.
    Contents files;
    for (size_t length = 1; length <= 255; ++length) {
        std::string name = std::to_string(1000 + length) + std::string(255, 'n');
        files[name.substr(0, length)] = name;
    }
    const IsoReader iso(lay_out_and_fill(files));
    BOOST_TEST((rock_ridge(iso) == files));
    std::set<std::string> primary, joliet;
    for (const auto &entry : iso.primary.entries) {
        BOOST_TEST(primary.insert(entry.identifier).second);
        BOOST_TEST(entry.identifier.size() <= 33u);
    }
    for (const auto &entry : iso.joliet.entries) {
        BOOST_TEST(joliet.insert(entry.identifier).second);
        BOOST_TEST(entry.identifier.size() <= 128u);
    }
}

BOOST_AUTO_TEST_CASE(unicode_and_forbidden_characters) {
    const Contents files = {{"\xc3\x9c"
                             "ber",
                             "1"},
                            {"\xe4\xba\x91.txt", "2"},
                            {"\xf0\x9f\x9a\x80", "3"},
                            {"a*b", "4"},
                            {"a?b", "5"}};
    const IsoReader iso(lay_out_and_fill(files));
    BOOST_TEST((rock_ridge(iso) == files));
    Contents joliet;
    for (const auto &entry : iso.joliet.entries) {
        if (!entry.directory) {
            joliet.emplace(entry.identifier, iso.content(entry));
        }
    }
    BOOST_TEST(joliet[std::string("\0\xdc\0b\0e\0r", 8)] == "1");
    BOOST_TEST(joliet[std::string("\x4e\x91\0.\0t\0x\0t", 10)] == "2");
    BOOST_TEST(joliet[std::string("\xd8\x3d\xde\x80", 4)] == "3");
    BOOST_TEST(joliet[std::string("\0a\0_\0b", 6)] == "4");
    BOOST_TEST(joliet[std::string("\0a\0_\0b\0_\0"
                                  "1",
                                  10)] == "5");
}

BOOST_AUTO_TEST_CASE(colliding_names_stay_apart) {
    const std::vector<std::string> names = {"A",
                                            "a",
                                            "a.txt",
                                            "a.TXT",
                                            "a.t-t",
                                            ".x",
                                            "x.",
                                            std::string(70, 'l') + ".yaml",
                                            std::string(71, 'l') + ".yaml",
                                            std::string(63, 'r') + "\xf0\x9f\x9a\x80"};
    const std::vector<IsoName> made = make_names(names);
    std::vector<std::string> primary;
    for (const IsoName &name : made) {
        primary.push_back(name.primary);
        BOOST_TEST(name.joliet.size() <= k_joliet_limit);
    }
    const std::vector<std::string> expected = {"A.;1",
                                               "A_1.;1",
                                               "A.TXT;1",
                                               "A_1.TXT;1",
                                               "A.T_T;1",
                                               "_X.;1",
                                               "X.;1",
                                               std::string(26, 'L') + ".YAML;1",
                                               std::string(24, 'L') + "_1.YAML;1",
                                               std::string(30, 'R') + ".;1"};
    BOOST_TEST(primary == expected, boost::test_tools::per_element());
    BOOST_TEST((made[7].joliet == std::u16string(59, u'l') + u".yaml"));
    BOOST_TEST((made[8].joliet == std::u16string(57, u'l') + u"_1.yaml"));
    BOOST_TEST((made[9].joliet == std::u16string(63, u'r'))); // no half of a pair
}

BOOST_AUTO_TEST_CASE(invalid_utf8_has_no_utf16) {
    for (const char *text : {"\xff", "\xc0\x80", "\xe4\xba", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                             "\x80", "\xe0\x80\x80", "\xc3("}) {
        BOOST_TEST(!utf16(text).has_value());
    }
    BOOST_TEST((utf16("a\xc3\xbc") == u"a\u00fc"));
}

BOOST_AUTO_TEST_CASE(the_last_time_fits) {
    const IsoReader iso(lay_out_and_fill(k_seed, k_latest_epoch));
    BOOST_TEST(iso.primary.creation == std::string("2155123123595900\0", 17));
    BOOST_TEST(iso.primary.entries[2].time == std::string("\xff\x0c\x1f\x17\x3b\x3b\x00", 7));
}
