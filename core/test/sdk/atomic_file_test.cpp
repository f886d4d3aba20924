// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE sdk_atomic_file
#include <boost/test/included/unit_test.hpp>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include <boost/filesystem.hpp>
#include <boost/filesystem/fstream.hpp>

#include <k2s/sdk/atomic_file.hpp>

#if !defined(_WIN32)
#include <csignal>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#endif

namespace fs = boost::filesystem;

namespace {

std::string utf8(const fs::path &path) {
#if defined(_WIN32)
    return k2s::detail::narrow(path.native());
#else
    return path.native();
#endif
}

struct Directory {
    fs::path path = fs::temp_directory_path() / fs::unique_path("k2s-atomic-%%%%%%%%");
    Directory() { fs::create_directories(path); }
    ~Directory() {
        boost::system::error_code ignored;
        fs::remove_all(path, ignored);
    }
    size_t entries() const {
        return static_cast<size_t>(
            std::distance(fs::directory_iterator(path), fs::directory_iterator()));
    }
};

/// Boost's streams open narrow names with mingw: not good enough for long or Unicode paths.
std::FILE *open(const fs::path &path, bool writing) {
#if defined(_WIN32)
    return _wfopen(path.c_str(), writing ? L"wb" : L"rb");
#else
    return std::fopen(path.c_str(), writing ? "wb" : "rb");
#endif
}

std::string read(const fs::path &path) {
    std::string text(65536, '\0');
    std::FILE *in = open(path, false);
    text.resize(in != nullptr ? std::fread(text.data(), 1, text.size(), in) : 0);
    if (in != nullptr) {
        std::fclose(in);
    }
    return text;
}

void put(const fs::path &path, const std::string &text) {
    std::FILE *out = open(path, true);
    BOOST_REQUIRE(out != nullptr);
    std::fwrite(text.data(), 1, text.size(), out);
    std::fclose(out);
}

} // namespace

BOOST_AUTO_TEST_CASE(commit_creates_and_replaces) {
    Directory dir;
    const fs::path target = dir.path / "file";
    for (const std::string &text : {std::string("first"), std::string("2\0nd\r\n", 6)}) {
        k2s::AtomicFile file;
        BOOST_REQUIRE_MESSAGE(file.open(utf8(target)), file.error().message);
        BOOST_TEST(file.write(text.data(), text.size()));
        BOOST_REQUIRE_MESSAGE(file.commit(), file.error().message);
        BOOST_TEST(read(target) == text);
        BOOST_TEST(dir.entries() == 1u);
    }
}

BOOST_AUTO_TEST_CASE(a_whole_file_is_written_at_once) {
    Directory dir;
    for (const char *text : {"first", "", "3rd"}) {
        BOOST_TEST(k2s::write_file(utf8(dir.path / "file"), text).ok());
        BOOST_TEST(read(dir.path / "file") == text);
    }
    const auto done = k2s::write_file(utf8(dir.path / "no" / "file"), "x");
    BOOST_TEST(done.value() == K2S_E_NOT_FOUND);
    BOOST_TEST(dir.entries() == 1u);
}

BOOST_AUTO_TEST_CASE(nothing_changes_before_the_commit) {
    Directory dir;
    const fs::path target = dir.path / "file";
    put(target, "old");
    {
        k2s::AtomicFile file;
        BOOST_REQUIRE(file.open(utf8(target)));
        BOOST_TEST(file.write("new", 3));
        BOOST_TEST(read(target) == "old");
    }
    BOOST_TEST(read(target) == "old");
    BOOST_TEST(dir.entries() == 1u);
}

BOOST_AUTO_TEST_CASE(one_object_serves_twice) {
    Directory dir;
    k2s::AtomicFile file;
    for (const char *name : {"a", "b"}) {
        BOOST_REQUIRE(file.open(utf8(dir.path / name)));
        BOOST_TEST(file.write(name, 1));
        BOOST_REQUIRE(file.commit());
        BOOST_TEST(read(dir.path / name) == name);
    }
    BOOST_TEST(!file.write("x", 1));
    BOOST_TEST(file.error().code == K2S_E_STATE);
    BOOST_TEST(!file.commit());
    BOOST_TEST(dir.entries() == 2u);
}

BOOST_AUTO_TEST_CASE(a_missing_directory_is_named) {
    Directory dir;
    const std::string target = utf8(dir.path / "no" / "file");
    k2s::AtomicFile file;
    BOOST_TEST(!file.open(target));
    BOOST_TEST(file.error().message.find(target) != std::string::npos, file.error().message);
    BOOST_TEST(dir.entries() == 0u);
}

BOOST_AUTO_TEST_CASE(targets_that_are_no_files_are_refused) {
    Directory dir;
    k2s::AtomicFile file;
    fs::create_directory(dir.path / "sub");
    BOOST_TEST(!file.open(utf8(dir.path / "sub")));
    BOOST_TEST(file.error().code == K2S_E_USAGE);
    BOOST_TEST(!file.open(""));
    BOOST_TEST(!file.open(utf8(dir.path) + "/"));
    BOOST_TEST(dir.entries() == 1u);
}

BOOST_AUTO_TEST_CASE(a_reader_is_waited_for) {
    Directory dir;
    put(dir.path / "file", "old");
    std::FILE *in = open(dir.path / "file", false);
    BOOST_REQUIRE(in != nullptr);
    std::thread reader([in] {
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
        std::fclose(in);
    });
    const auto done = k2s::write_file(utf8(dir.path / "file"), "new");
    reader.join();
    BOOST_TEST(done.ok(), done.message());
    BOOST_TEST(read(dir.path / "file") == "new");
}

BOOST_AUTO_TEST_CASE(long_unicode_paths) {
    Directory dir;
    fs::path deep = dir.path;
    for (int i = 0; i < 4; ++i) {
        deep /= std::string(80, static_cast<char>('a' + i));
    }
#if defined(_WIN32)
    const fs::path made = L"\\\\?\\" + deep.wstring();
    fs::create_directories(made);
#else
    const fs::path made = deep;
    fs::create_directories(made);
#endif
    const std::string name = "\xe4\xba\x91-\xc3\xa9\xf0\x9f\x9a\x80.iso";
    k2s::AtomicFile file;
    BOOST_REQUIRE_MESSAGE(file.open(utf8(deep) + "/" + name), file.error().message);
    BOOST_TEST(file.write("x", 1));
    BOOST_REQUIRE_MESSAGE(file.commit(), file.error().message);
    fs::directory_iterator only(made);
    BOOST_TEST(utf8(only->path().filename()) == name);
    BOOST_TEST(read(only->path()) == "x");
    fs::remove_all(made);
}

#if defined(_WIN32)

BOOST_AUTO_TEST_CASE(bad_utf8_is_refused) {
    k2s::AtomicFile file;
    BOOST_TEST(!file.open("C:\\\xff\xfe"));
}

BOOST_AUTO_TEST_CASE(a_target_in_use_stays) {
    Directory dir;
    const fs::path target = dir.path / "file";
    put(target, "old");
    HANDLE user = CreateFileW(target.c_str(), GENERIC_READ, 0, nullptr, OPEN_EXISTING, 0, nullptr);
    BOOST_REQUIRE(user != INVALID_HANDLE_VALUE);
    k2s::AtomicFile file;
    BOOST_REQUIRE(file.open(utf8(target)));
    BOOST_TEST(file.write("new", 3));
    BOOST_TEST(!file.commit());
    CloseHandle(user);
    BOOST_TEST(read(target) == "old");
    BOOST_TEST(dir.entries() == 1u);
}

#else

BOOST_AUTO_TEST_CASE(permissions_follow_the_old_file_or_the_mode) {
    Directory dir;
    const fs::path target = dir.path / "file";
    const mode_t before = umask(022);
    const auto mode_after_write = [&](unsigned mode) {
        k2s::AtomicFile file;
        BOOST_REQUIRE(file.open(utf8(target), mode));
        BOOST_REQUIRE(file.commit());
        struct stat info{};
        BOOST_REQUIRE(stat(target.c_str(), &info) == 0);
        return static_cast<unsigned>(info.st_mode & 07777);
    };
    BOOST_TEST(mode_after_write(0666) == 0644u);
    chmod(target.c_str(), 0600);
    BOOST_TEST(mode_after_write(0644) == 0600u);
    umask(before);
}

BOOST_AUTO_TEST_CASE(a_symbolic_link_is_replaced_itself) {
    Directory dir;
    put(dir.path / "real", "kept");
    fs::create_symlink("real", dir.path / "link");
    k2s::AtomicFile file;
    BOOST_REQUIRE(file.open(utf8(dir.path / "link")));
    BOOST_TEST(file.write("new", 3));
    BOOST_REQUIRE(file.commit());
    BOOST_TEST(read(dir.path / "real") == "kept");
    BOOST_TEST(read(dir.path / "link") == "new");
    BOOST_TEST(!fs::is_symlink(dir.path / "link"));
}

BOOST_AUTO_TEST_CASE(a_device_is_refused) {
    k2s::AtomicFile file;
    BOOST_TEST(!file.open("/dev/null"));
    BOOST_TEST(file.error().message.find("special file") != std::string::npos);
    Directory dir; // /dev/stdout is such a link
    fs::create_symlink("/dev/null", dir.path / "link");
    BOOST_TEST(!file.open(utf8(dir.path / "link")));
    BOOST_TEST(file.error().message.find("special file") != std::string::npos);
    BOOST_TEST(fs::is_symlink(dir.path / "link"));
}

BOOST_AUTO_TEST_CASE(a_process_that_is_killed_leaves_nothing) {
    Directory dir;
    const fs::path target = dir.path / "file";
    put(target, "old");
    const int unnamed = open(dir.path.c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
    if (unnamed < 0) {
        BOOST_TEST_MESSAGE("this file system has no files without a name");
        return;
    }
    close(unnamed);
    const pid_t child = fork();
    BOOST_REQUIRE(child >= 0);
    if (child == 0) {
        k2s::AtomicFile file;
        if (file.open(target.native()) && file.write("new", 3)) {
            raise(SIGKILL);
        }
        _exit(1);
    }
    int status = 0;
    BOOST_REQUIRE(waitpid(child, &status, 0) == child);
    BOOST_TEST(WIFSIGNALED(status));
    BOOST_TEST(read(target) == "old");
    BOOST_TEST(dir.entries() == 1u);
}

// Stands for a full disk, which needs privileges to arrange: write() fails in the middle.
BOOST_AUTO_TEST_CASE(a_failed_write_leaves_the_old_file) {
    Directory dir;
    const fs::path target = dir.path / "file";
    put(target, "old");
    rlimit old_limit{};
    getrlimit(RLIMIT_FSIZE, &old_limit);
    const rlimit small{4096, old_limit.rlim_max};
    const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
    BOOST_REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
    k2s::AtomicFile file;
    const bool opened = file.open(utf8(target));
    const std::string data(10000, 'x');
    const bool written = file.write(data.data(), data.size());
    const bool committed = file.commit();
    setrlimit(RLIMIT_FSIZE, &old_limit);
    std::signal(SIGXFSZ, old_handler);
    BOOST_TEST(opened);
    BOOST_TEST(!written);
    BOOST_TEST(!committed);
    BOOST_TEST(read(target) == "old");
    BOOST_TEST(dir.entries() == 1u);
}

#endif
