// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE cloudinitisobuilder_builder
#include <boost/test/included/unit_test.hpp>

#if !defined(_WIN32)
#include <sys/stat.h>
#endif

#include "builder.hpp"
#include "files.hpp"
#include "iso_reader.hpp"

using namespace k2s::cloudinitisobuilder;
namespace fs = boost::filesystem;

namespace {

Options options(const Workspace &work) {
    Options made;
    made.source_dir = work.source.string(); // the temporary directory's name is ASCII
    made.target = (work.root / "seed.iso").string();
    return made;
}

/// Expects a failure that leaves an old target, and nothing new beside it.
void refuse(const Workspace &work, const Options &wanted, int32_t code, const std::string &part) {
    const fs::path target = work.root / "seed.iso";
    Workspace::put(target, "old");
    const size_t before = work.entries();
    const auto built = build(wanted);
    BOOST_REQUIRE(!built.has_value());
    BOOST_TEST(built.error().code == code);
    BOOST_TEST(built.error().message.find(part) != std::string::npos, built.error().message);
    BOOST_TEST(Workspace::get(target) == "old");
    BOOST_TEST(work.entries() == before);
}

} // namespace

BOOST_AUTO_TEST_CASE(a_seed_becomes_an_image) {
    Workspace work;
    work.add_seed();
    fs::create_directory(work.source / "sub");
    const auto built = build(options(work));
    BOOST_REQUIRE_MESSAGE(built.has_value(), built.error().message);
    BOOST_TEST(built->files.size() == 3u);
    BOOST_TEST(built->files[0].name == "meta-data");
    BOOST_TEST(built->skipped == std::vector<std::string>{"sub"}, boost::test_tools::per_element());
    BOOST_REQUIRE(built->findings.size() == 1u);
    BOOST_TEST(built->findings[0].text() ==
               "sub: a directory, skipped: the image holds files only");
    const std::string image = Workspace::get(work.root / "seed.iso");
    BOOST_TEST(image.size() == built->image_bytes);
    const IsoReader iso(image);
    BOOST_TEST(iso.primary.label == "cidata");
    BOOST_REQUIRE(iso.primary.entries.size() == 5u);
    BOOST_TEST(iso.primary.entries[4].name == "user-data");
    BOOST_TEST(iso.content(iso.primary.entries[4]) == Workspace::get(work.source / "user-data"));
    BOOST_TEST(work.entries() == 2u); // the seed and the image, no temporary file
}

BOOST_AUTO_TEST_CASE(equal_seeds_give_equal_bytes) {
    Workspace one, two;
    one.add_seed();
    two.add("user-data", "");
    two.add_seed();
    fs::last_write_time(two.source / "user-data", 1000000000);
    BOOST_REQUIRE(build(options(one)).has_value());
    BOOST_REQUIRE(build(options(two)).has_value());
    const std::string first = Workspace::get(one.root / "seed.iso");
    BOOST_TEST((first == Workspace::get(two.root / "seed.iso")));
    Options later = options(one);
    later.epoch = 1700000000;
    BOOST_REQUIRE(build(later).has_value());
    BOOST_TEST((first != Workspace::get(one.root / "seed.iso")));
}

// The same bytes on each platform: a checksum that was made on Linux and holds under Windows.
BOOST_AUTO_TEST_CASE(bytes_do_not_depend_on_the_platform) {
    Workspace work;
    work.add_seed();
    BOOST_REQUIRE(build(options(work)).has_value());
    uint64_t fnv = 0xcbf29ce484222325ULL;
    for (const char c : Workspace::get(work.root / "seed.iso")) {
        fnv = (fnv ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    }
    BOOST_TEST(fnv == 9873040932780022144ULL);
}

BOOST_AUTO_TEST_CASE(a_plan_writes_nothing) {
    Workspace work;
    work.add_seed();
    work.add("meta-data", "nothing");
    const auto planned = plan(options(work));
    BOOST_REQUIRE(planned.has_value());
    BOOST_TEST(!planned->report.passed);
    BOOST_TEST(planned->report.image_bytes > 300000u);
    BOOST_TEST(work.entries() == 1u);
    BOOST_TEST(!k2s::cloudinitisobuilder::write(*planned).has_value());
    BOOST_TEST(work.entries() == 1u);
}

BOOST_AUTO_TEST_CASE(what_was_checked_is_what_is_written) {
    Workspace work;
    work.add_seed();
    const auto planned = plan(options(work));
    BOOST_REQUIRE(planned.has_value());
    work.add("user-data", "changed meanwhile");
    BOOST_REQUIRE(k2s::cloudinitisobuilder::write(*planned).has_value());
    const IsoReader iso(Workspace::get(work.root / "seed.iso"));
    BOOST_TEST(iso.content(iso.primary.entries[4]) == "#cloud-config\nhostname: node\n");
}

BOOST_AUTO_TEST_CASE(validation_stops_a_build) {
    Workspace work;
    work.add_seed();
    work.add("meta-data", "local-hostname: x\n");
    refuse(work, options(work), K2S_E_FAILED, "meta-data:1:1: error: no instance-id");
    Options off = options(work);
    off.validation = Validation::off;
    BOOST_TEST(build(off).has_value());
}

BOOST_AUTO_TEST_CASE(warnings_stop_only_a_strict_build) {
    Workspace work;
    work.add_seed();
    work.add("user-data", "#cloud-config\npassword: geheim\n");
    Options strict = options(work);
    strict.validation = Validation::strict;
    refuse(work, strict, K2S_E_FAILED, "user-data:2:11: warning: ");
    const auto built = build(options(work));
    BOOST_REQUIRE(built.has_value());
    BOOST_TEST(built->findings.size() == 1u);
}

BOOST_AUTO_TEST_CASE(wrong_options) {
    Workspace work;
    work.add_seed();
    Options o = options(work);
    o.source_dir.clear();
    refuse(work, o, K2S_E_USAGE, "no source directory");
    o = options(work);
    o.target.clear();
    refuse(work, o, K2S_E_USAGE, "no target file");
    for (const char *label : {"", "seventeen-letters", "ci data", "\xc3\xbc"}) {
        o = options(work);
        o.label = label;
        refuse(work, o, K2S_E_USAGE, "volume label");
    }
    for (const int64_t epoch : {int64_t{-1}, k_latest_epoch + 1, INT64_MAX}) {
        o = options(work);
        o.epoch = epoch;
        refuse(work, o, K2S_E_USAGE, "time stamp");
    }
    o = options(work);
    o.target = (work.source / "seed.iso").string();
    refuse(work, o, K2S_E_USAGE, "lies in the source directory");
    o.target = (work.root / "seed" / ".." / "seed" / "seed.iso").string();
    refuse(work, o, K2S_E_USAGE, "lies in the source directory");
    o.target = work.source.string();
    refuse(work, o, K2S_E_USAGE, "is a directory");
}

BOOST_AUTO_TEST_CASE(another_label_is_possible) {
    Workspace work;
    work.add_seed();
    Options o = options(work);
    o.label = "OEMDRV";
    const auto built = build(o);
    BOOST_REQUIRE(built.has_value());
    BOOST_TEST(built->findings.size() == 1u);
    BOOST_TEST(IsoReader(Workspace::get(work.root / "seed.iso")).joliet.label == "OEMDRV");
}

BOOST_AUTO_TEST_CASE(missing_sources_and_targets) {
    Workspace work;
    work.add_seed();
    Options o = options(work);
    o.source_dir += "-none";
    refuse(work, o, K2S_E_NOT_FOUND, o.source_dir);
    o = options(work);
    o.source_dir = (work.source / "user-data").string();
    refuse(work, o, K2S_E_NOT_FOUND, o.source_dir);
    o = options(work);
    o.target = (work.root / "none" / "seed.iso").string();
    const auto built = build(o);
    BOOST_REQUIRE(!built.has_value());
    BOOST_TEST(built.error().message.find(o.target) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(bounds) {
    Workspace work;
    work.add_seed();
    Options o = options(work);
    o.max_entries = 2;
    refuse(work, o, K2S_E_NO_MEMORY, "more than 2 entries");
    o.max_entries = 3;
    o.max_bytes = 60;
    refuse(work, o, K2S_E_NO_MEMORY, "is too big");
    fs::resize_file(work.source / "user-data", 5ULL << 30U); // sparse
    o = options(work);
    refuse(work, o, K2S_E_NO_MEMORY, "user-data' is too big");
    o.max_bytes = UINT64_MAX;
    refuse(work, o, K2S_E_NO_MEMORY, "user-data' is too big"); // ISO 9660 has 32 bits for a size
}

BOOST_AUTO_TEST_CASE(unicode_and_long_paths) {
    Workspace work;
    const std::string sub = "\xc3\xbc-\xe4\xba\x91-" + std::string(100, 'd');
#if defined(_WIN32)
    const fs::path deep =
        L"\\\\?\\" + (work.root / L"\u00fc-\u4e91-").wstring() + std::wstring(100, L'd');
    const std::string separator = "\\";
    const fs::path inner = deep / std::wstring(100, L'e');
#else
    const fs::path deep = work.root / sub;
    const std::string separator = "/";
    const fs::path inner = deep / std::string(100, 'e');
#endif
    fs::create_directories(inner);
    for (const char *name : {"meta-data", "user-data"}) {
        Workspace::put(inner / name, name[0] == 'm' ? "instance-id: 1\n" : "#!/bin/sh\n");
    }
    Options o = options(work);
    o.source_dir = work.root.string() + separator + sub + separator + std::string(100, 'e');
    o.target = work.root.string() + separator + sub + separator + "\xf0\x9f\x9a\x80.iso";
    const auto built = build(o);
    BOOST_REQUIRE_MESSAGE(built.has_value(), built.error().message);
    BOOST_TEST(built->files.size() == 2u);
    BOOST_TEST(std::distance(fs::directory_iterator(deep), fs::directory_iterator()) == 2);
    fs::remove_all(deep);
}

#if !defined(_WIN32) // wine makes no symbolic links, and Windows has no such names or files
BOOST_AUTO_TEST_CASE(links_and_special_files_are_refused) {
    Workspace work;
    work.add_seed();
    fs::create_symlink("/etc/passwd", work.source / "vendor-data");
    refuse(work, options(work), K2S_E_FAILED, "vendor-data' is a symbolic link");
    fs::remove(work.source / "vendor-data");
    BOOST_REQUIRE(::mkfifo((work.source / "fifo").c_str(), 0600) == 0);
    refuse(work, options(work), K2S_E_FAILED, "fifo' is not a regular file");
    fs::remove(work.source / "fifo");
    work.add("bad\xff", "");
    refuse(work, options(work), K2S_E_FAILED, "not UTF-8");
    fs::remove(work.source / "bad\xff");
    work.add("bad\n", "");
    refuse(work, options(work), K2S_E_FAILED, "control character");
}
#endif
