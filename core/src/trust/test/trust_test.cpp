// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE trust
#include <boost/test/included/unit_test.hpp>

#include <cstdio>
#include <cstring>
#include <thread>

#include <boost/filesystem/operations.hpp>

#include "trust/binary_format.hpp"
#include "trust/identity.hpp"
#include "trust/records.hpp"
#include "trust/test/permissions.hpp"
#include "util/path.hpp"
#include "util/read_file.hpp"

using namespace k2s::core;
using namespace k2s::core::trust;

namespace {

struct Folder {
    fs::path path = fs::temp_directory_path() / fs::unique_path("k2s-trust-%%%%%%%%");
    Folder() { fs::create_directory(path); }
    ~Folder() {
        boost::system::error_code ignored;
        fs::remove_all(path, ignored);
    }
};

void write(const fs::path &file, const std::string &text) {
    FILE *out = std::fopen(file.string().c_str(), "wb");
    BOOST_REQUIRE(out != nullptr);
    BOOST_REQUIRE(std::fwrite(text.data(), 1, text.size(), out) == text.size());
    std::fclose(out);
}

template <class T> void put(std::string &bytes, std::size_t offset, T value) {
    std::memcpy(bytes.data() + offset, &value, sizeof value);
}

// The least that a 64-bit ELF shared object and a PE32+ DLL need to be recognised.
std::string elf_library(std::uint16_t machine = k_elf_x86_64) {
    std::string bytes(4096, '\0');
    std::memcpy(bytes.data(), "\177ELF\2\1\1", 7);
    put<std::uint16_t>(bytes, 16, 3); // ET_DYN
    put<std::uint16_t>(bytes, 18, machine);
    put<std::uint64_t>(bytes, 32, 64); // program headers
    put<std::uint16_t>(bytes, 54, 56);
    put<std::uint16_t>(bytes, 56, 1);
    put<std::uint32_t>(bytes, 64, 1);         // PT_LOAD
    put<std::uint64_t>(bytes, 64 + 32, 4096); // its size in the file
    return bytes;
}

std::string pe_library(std::uint16_t machine = k_pe_x86_64) {
    std::string bytes(1024, '\0');
    std::memcpy(bytes.data(), "MZ", 2);
    put<std::uint32_t>(bytes, 60, 64);
    std::memcpy(bytes.data() + 64, "PE\0\0", 4);
    put<std::uint16_t>(bytes, 64 + 4, machine);
    put<std::uint16_t>(bytes, 64 + 6, 1);          // one section
    put<std::uint16_t>(bytes, 64 + 20, 240);       // size of the optional header
    put<std::uint16_t>(bytes, 64 + 22, 0x2022);    // DLL
    put<std::uint16_t>(bytes, 64 + 24, 0x20b);     // PE32+
    put<std::uint32_t>(bytes, 64 + 264 + 16, 512); // size of the section's data
    put<std::uint32_t>(bytes, 64 + 264 + 20, 512); // and where it begins
    return bytes;
}

constexpr Platform k_linux{Format::Elf, k_elf_x86_64};
constexpr Platform k_windows{Format::Pe, k_pe_x86_64};

Result<void> check(const std::string &bytes, Platform wanted) {
    return check_binary(
        [&](std::uint64_t offset, void *buffer, std::size_t size) -> std::size_t {
            if (offset >= bytes.size()) {
                return 0;
            }
            size = std::min(size, bytes.size() - static_cast<std::size_t>(offset));
            std::memcpy(buffer, bytes.data() + offset, size);
            return size;
        },
        bytes.size(), wanted, "x");
}

void expect(const std::string &bytes, Platform wanted, int code, const std::string &words) {
    const auto checked = check(bytes, wanted);
    BOOST_TEST_REQUIRE(!checked);
    BOOST_TEST(checked.error().code == code, checked.error().message);
    BOOST_TEST(checked.error().message.find(words) != std::string::npos, checked.error().message);
}

Record record(const std::string &library, std::int64_t changed) {
    Record result;
    result.library = library;
    result.identity = {1, 2, 3, 4, -5, changed};
    result.sha256 = std::string(64, 'a');
    result.id = "storage";
    result.version = "2.0.0";
    result.time = 1700000000;
    return result;
}

} // namespace

BOOST_AUTO_TEST_CASE(headers) {
    BOOST_TEST(check(elf_library(), k_linux).has_value());
    BOOST_TEST(check(pe_library(), k_windows).has_value());
    expect(pe_library(), k_linux, K2S_E_UNSUPPORTED,
           "a Windows library for x86-64, this host is Linux");
    expect(elf_library(), k_windows, K2S_E_UNSUPPORTED, "a Linux library");
    expect(elf_library(k_elf_aarch64), k_linux, K2S_E_UNSUPPORTED, "64-bit ARM");
    expect(pe_library(k_pe_arm64), k_windows, K2S_E_UNSUPPORTED, "64-bit ARM");
    expect("#!/bin/sh\n", k_linux, K2S_E_UNSUPPORTED, "a script");
    expect("some text", k_linux, K2S_E_UNSUPPORTED, "neither an ELF nor a PE file");
    auto program = elf_library();
    put<std::uint16_t>(program, 16, 2); // ET_EXEC
    expect(program, k_linux, K2S_E_UNSUPPORTED, "another kind");
    auto exe = pe_library();
    put<std::uint16_t>(exe, 64 + 22, 0x22);
    expect(exe, k_windows, K2S_E_UNSUPPORTED, "a Windows program");
}

BOOST_AUTO_TEST_CASE(every_cut_is_noticed) {
    for (std::size_t size = 4; size < elf_library().size(); size += 7) {
        expect(elf_library().substr(0, size), k_linux, K2S_E_FAILED, "cut off");
    }
    for (std::size_t size = 4; size < pe_library().size(); size += 7) {
        expect(pe_library().substr(0, size), k_windows, K2S_E_FAILED, "cut off");
    }
    // Numbers that overflow when added.
    auto bytes = elf_library();
    put<std::uint64_t>(bytes, 64 + 8, ~std::uint64_t{0} - 100);
    expect(bytes, k_linux, K2S_E_FAILED, "cut off");
    bytes = elf_library();
    put<std::uint64_t>(bytes, 32, ~std::uint64_t{0} - 10);
    expect(bytes, k_linux, K2S_E_FAILED, "cut off");
}

BOOST_AUTO_TEST_CASE(opening) {
    const Folder folder;
    const auto file = folder.path / "p.bin";
    const auto code_of = [&] {
        const auto opened = OpenLibrary::open(file);
        return opened ? 0 : opened.error().code;
    };
    BOOST_TEST(code_of() == K2S_E_NOT_FOUND);
    write(file, "");
    BOOST_TEST(code_of() == K2S_E_FAILED);
    write(file, "text");
    BOOST_TEST(code_of() == K2S_E_UNSUPPORTED);
    BOOST_TEST(!OpenLibrary::open(folder.path).has_value()); // a folder
    write(file, this_platform().format == Format::Elf ? elf_library() : pe_library());
    BOOST_TEST(code_of() == 0);
}

BOOST_AUTO_TEST_CASE(identity_tells_changes) {
    const Folder folder;
    const auto file = folder.path / "p.bin";
    const auto bytes = this_platform().format == Format::Elf ? elf_library() : pe_library();
    const auto identity = [&] { return OpenLibrary::open(file)->identity(); };
    write(file, bytes);
    const auto first = identity();
    BOOST_TEST(first.size == bytes.size());
    BOOST_TEST((identity() == first));
    // The same bytes and length in a new file under the same name.
    const auto other = folder.path / "other";
    write(other, bytes);
    fs::rename(other, file);
    BOOST_TEST((identity() != first));
    const auto second = identity();
    write(file, bytes + "x");
    BOOST_TEST((identity() != second));
}

BOOST_AUTO_TEST_CASE(who_may_write) {
    const Folder folder;
    fs::create_directory(folder.path / "plugin");
    const auto file = folder.path / "plugin" / "p.bin";
    write(file, this_platform().format == Format::Elf ? elf_library() : pe_library());
    BOOST_TEST(permissions::check(folder.path, file) == "");
}

BOOST_AUTO_TEST_CASE(record_format) {
    auto odd = record("/a b/\tn\n%41\xff.so", 7);
    odd.verdict = Verdict::Quarantined;
    odd.code = -7;
    odd.reason = "crashed:\nline two\t100%";
    odd.sha256.clear();
    const auto text = format_records({record("/x.so", 1), odd});
    const auto parsed = parse_records(text);
    BOOST_TEST_REQUIRE(parsed.size() == 2u);
    BOOST_TEST(parsed[0].library == "/x.so");
    BOOST_TEST((parsed[0].identity == record("", 1).identity));
    BOOST_TEST(parsed[0].version == "2.0.0");
    BOOST_TEST(parsed[1].library == odd.library);
    BOOST_TEST(parsed[1].reason == odd.reason);
    BOOST_TEST(parsed[1].code == -7);
    BOOST_TEST((parsed[1].verdict == Verdict::Quarantined));
    BOOST_TEST(format_records(parsed) == text);

    // Whatever stands in the file: the good lines count, and nothing else happens.
    BOOST_TEST(
        parse_records(text + "garbage\n\t\t\t\n\xff\n" + std::string(5000, '\t') + "\n").size() ==
        2u);
    BOOST_TEST(parse_records("").empty());
    BOOST_TEST(parse_records("{\"json\":true}").empty());
    for (std::size_t size = 0; size < text.size(); ++size) {
        BOOST_TEST(parse_records(text.substr(0, size)).size() <= 2u);
    }
    // A good verdict without a hash is not believed.
    auto bad = record("/x.so", 1);
    bad.sha256 = "short";
    BOOST_TEST(parse_records(format_records({bad})).empty());
}

BOOST_AUTO_TEST_CASE(records_in_a_file) {
    const Folder folder;
    const auto file = folder.path / "state" / "plugins.state";
    Records records(file);
    BOOST_TEST(records.find("/x.so", {}) == nullptr);
    const auto saved = records.put(record("/x.so", 1));
    BOOST_TEST(saved.has_value(), (saved ? "" : saved.error().message));
    BOOST_TEST(records.find("/x.so", record("", 1).identity) != nullptr);
    BOOST_TEST(records.find("/x.so", record("", 2).identity) == nullptr); // changed since

    Records second(file);
    BOOST_TEST_REQUIRE(second.find("/x.so", record("", 1).identity) != nullptr);
    // Two processes, each with its own view: neither loses the other's change.
    BOOST_TEST(second.put(record("/y.so", 1)).has_value());
    BOOST_TEST(records.put(record("/x.so", 3)).has_value());
    Records third(file);
    BOOST_TEST(third.all().size() == 2u);
    BOOST_TEST(third.find("/x.so", record("", 3).identity) != nullptr);
    BOOST_TEST(third.find("/y.so", record("", 1).identity) != nullptr);
    BOOST_TEST(third.forget("/x.so").has_value());
    BOOST_TEST(Records(file).all().size() == 1u);

    write(file, "no records at all");
    BOOST_TEST(Records(file).all().empty());
    BOOST_TEST(Records(file).put(record("/z.so", 1)).has_value());
    BOOST_TEST(Records(file).all().size() == 1u);
}

// On Windows a file that is being read cannot be replaced: a verdict must not get lost over that.
BOOST_AUTO_TEST_CASE(readers_keep_no_record_out) {
    const Folder folder;
    const auto file = folder.path / "plugins.state";
    BOOST_TEST_REQUIRE(Records(file).put(record("/x.so", 0)).has_value());
    std::jthread reader([&](const std::stop_token &stop) {
        while (!stop.stop_requested()) {
            static_cast<void>(Records(file).all());
        }
    });
    for (int i = 1; i <= 50; ++i) {
        const auto saved = Records(file).put(record("/x.so", i));
        BOOST_TEST(saved.has_value(), (saved ? "" : saved.error().message));
    }
}

BOOST_AUTO_TEST_CASE(first_use_is_one_at_a_time) {
    const Folder folder;
    const Records one(folder.path / "state" / "plugins.state");
    const Records other(folder.path / "state" / "plugins.state");
    {
        const auto held = one.lock_first_use(std::chrono::milliseconds(0));
        BOOST_TEST_REQUIRE(held.has_value());
        const auto busy = other.lock_first_use(std::chrono::milliseconds(30));
        BOOST_TEST_REQUIRE(!busy.has_value());
        BOOST_TEST(busy.error().code == K2S_E_BUSY);
    }
    BOOST_TEST(other.lock_first_use(std::chrono::milliseconds(0)).has_value());
}

BOOST_AUTO_TEST_CASE(a_trial_that_never_ended_is_seen) {
    const Folder folder;
    const auto file = folder.path / "plugins.state";
    auto trying = record("/x.so", 1);
    trying.verdict = Verdict::Trying;
    Records reader(file);
    BOOST_TEST(reader.all().empty());
    BOOST_TEST(Records(file).put(trying).has_value());
    BOOST_TEST(reader.all().empty()); // it has read before
    reader.refresh();
    BOOST_TEST_REQUIRE(reader.all().size() == 1u);
    BOOST_TEST((reader.all()[0].verdict == Verdict::Trying));
}

BOOST_AUTO_TEST_CASE(records_without_a_place) {
    const Folder folder;
    write(folder.path / "file", "");
    Records records(folder.path / "file" / "plugins.state"); // below a file: cannot be made
    const auto saved = records.put(record("/x.so", 1));
    BOOST_TEST(!saved.has_value());
    BOOST_TEST(records.find("/x.so", record("", 1).identity) != nullptr); // still good here
}

#ifndef _WIN32
BOOST_AUTO_TEST_CASE(records_that_others_may_write_are_not_believed) {
    const Folder folder;
    const auto file = folder.path / "plugins.state";
    BOOST_TEST(Records(file).put(record("/x.so", 1)).has_value());
    fs::permissions(file, fs::owner_read | fs::owner_write | fs::others_write);
    BOOST_TEST(Records(file).all().empty());
}
#endif
