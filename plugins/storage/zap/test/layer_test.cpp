// SPDX-License-Identifier: MIT
// zap against doubles of vmcompute.dll and computestorage.dll:
//   zap-layer-test -- VMCOMPUTE COMPUTESTORAGE
#define BOOST_TEST_MODULE zap_layer
#include <boost/test/included/unit_test.hpp>

#include <chrono>

#include <windows.h>
#include <boost/filesystem.hpp>

#include <k2s/sdk/read_file.hpp>

#include "dir.hpp"
#include "zap.hpp"

using namespace k2s::zap;

namespace {

void put(const fs::path &file, const std::string &text) {
    FILE *const out = _wfopen(file.c_str(), L"wb");
    BOOST_REQUIRE(out != nullptr);
    fwrite(text.data(), 1, text.size(), out);
    fclose(out);
}

struct Fixture {
    fs::path folder = fs::temp_directory_path() / fs::unique_path("k2s-zap-%%%%%%%%");
    fs::path store = folder / "snapshots";
    Options options;

    Fixture() {
        fs::create_directories(store);
        SetEnvironmentVariableW(L"K2S_TEST_CALLS", (folder / "calls").c_str());
        double_of(1, "vmcompute");
        layer("1", "[]");
        layer("2", "[\"C:\\\\store\\\\1\"]");
        layer("10", "[\"C:\\\\store\\\\2\",\"C:\\\\store\\\\1\"]");
        options.roots = {text_of(folder)};
        options.wait_ms = 200;
    }
    ~Fixture() {
        boost::system::error_code ignored;
        fs::remove_all(folder, ignored);
    }

    void layer(const char *name, const std::string &chain) const {
        fs::create_directories(store / name);
        put(store / name / "layerchain.json", chain);
    }

    void double_of(int argument, const char *name) {
        const auto &suite = boost::unit_test::framework::master_test_suite();
        BOOST_REQUIRE(suite.argc > argument);
        const fs::path place = folder / name;
        fs::create_directories(place);
        const fs::path from{suite.argv[argument]};
        fs::copy_file(from, place / from.filename());
        options.library_folder = text_of(place);
    }

    static void result(const wchar_t *text) { SetEnvironmentVariableW(L"K2S_TEST_RESULT", text); }

    std::string calls() const {
        std::string text;
        (void)k2s::read_file(text_of(folder / "calls"), 65536, text);
        return text;
    }

    std::expected<Report, k2s::Error> run(const fs::path &path) {
        options.folder = text_of(path);
        return zap(options);
    }

    size_t left() const {
        size_t count = 0;
        for (fs::directory_iterator entry{store}, end; entry != end; ++entry) {
            ++count;
        }
        return count;
    }
};

} // namespace

BOOST_FIXTURE_TEST_CASE(the_system_destroys_a_layer_under_its_new_name, Fixture) {
    result(L"0");
    const auto report = run(store / "10");
    BOOST_REQUIRE_MESSAGE(report, report.error().message);
    BOOST_TEST(report->removed);
    BOOST_REQUIRE(report->layers.size() == 1);
    BOOST_TEST(report->layers[0] == "10");
    const std::string told = calls();
    BOOST_TEST(told.starts_with("1 '' "));
    BOOST_TEST(told.contains("\\snapshots\\.zap-10-"));
    BOOST_TEST(left() == 2U);
}

BOOST_FIXTURE_TEST_CASE(a_layer_that_others_are_built_on_stays, Fixture) {
    result(L"0");
    const auto report = run(store / "1");
    BOOST_REQUIRE(!report);
    BOOST_TEST(report.error().code == K2S_E_BUSY);
    BOOST_TEST(report.error().message.contains("layer '10' is built on it"));
    BOOST_TEST(report.error().message.contains("layer '2' is built on it"));
    BOOST_TEST(calls().empty());
    BOOST_TEST(left() == 3U);
}

BOOST_FIXTURE_TEST_CASE(a_whole_store_goes_from_the_top, Fixture) {
    result(L"0");
    const auto report = run(store);
    BOOST_REQUIRE_MESSAGE(report, report.error().message);
    const std::vector<std::string> expected{"10", "2", "1"};
    BOOST_TEST(report->layers == expected, boost::test_tools::per_element());
    BOOST_TEST(!fs::exists(store));
}

BOOST_FIXTURE_TEST_CASE(a_failure_has_its_text_and_the_files_go_all_the_same, Fixture) {
    result(L"0x80070020"); // ERROR_SHARING_VIOLATION
    const auto report = run(store / "10");
    BOOST_REQUIRE_MESSAGE(report, report.error().message);
    BOOST_TEST(report->removed);
    BOOST_TEST(report->files == 1U);
    bool told = false;
    for (const auto &warning : report->warnings) {
        told =
            told || (warning.contains("HRESULT 0x80070020: ") && warning.contains("DestroyLayer"));
    }
    BOOST_TEST(told);
    BOOST_TEST(left() == 2U);
}

BOOST_FIXTURE_TEST_CASE(a_call_that_hangs_is_given_up, Fixture) {
    result(L"hang");
    options.layer_ms = 300;
    const auto begin = std::chrono::steady_clock::now();
    const auto report = run(store / "10");
    BOOST_REQUIRE(!report);
    BOOST_TEST(report.error().code == K2S_E_TIMEOUT);
    BOOST_TEST(report.error().message.contains("-layer-timeout"));
    BOOST_TEST((std::chrono::steady_clock::now() - begin < std::chrono::seconds{30}));
    BOOST_TEST(calls().contains("\\.zap-10-"));
}

BOOST_FIXTURE_TEST_CASE(a_system_with_the_newer_library_only, Fixture) {
    double_of(2, "computestorage");
    const auto report = run(store / "10");
    BOOST_REQUIRE_MESSAGE(report, report.error().message);
    BOOST_TEST(calls().starts_with("hcs "));
    BOOST_TEST(report->removed);
}

BOOST_FIXTURE_TEST_CASE(a_system_without_containers, Fixture) {
    options.library_folder = text_of(folder);
    const auto report = run(store);
    BOOST_REQUIRE_MESSAGE(report, report.error().message);
    BOOST_TEST(report->layers.empty());
    BOOST_TEST(report->files == 3U);
    BOOST_TEST(calls().empty());
    BOOST_TEST(!fs::exists(store));
}

BOOST_FIXTURE_TEST_CASE(a_file_that_is_open_keeps_the_layer_whole, Fixture) {
    result(L"0");
    const HANDLE open = CreateFileW((store / "10" / "layerchain.json").c_str(), GENERIC_READ,
                                    FILE_SHARE_READ, nullptr, OPEN_EXISTING, 0, nullptr);
    BOOST_REQUIRE(open != INVALID_HANDLE_VALUE);
    const auto report = run(store / "10");
    CloseHandle(open);
    if (report) {
        // wine renames a folder whose files are open; Windows does not.
        BOOST_TEST_MESSAGE("this system renames folders in use");
        return;
    }
    BOOST_TEST(report.error().code != K2S_E_TIMEOUT);
}

/// What the system removes at its next start, as it is kept in the registry: pairs of names, the
/// second one empty.
class PendingRenames {
  public:
    PendingRenames() : before_(read()) {}
    ~PendingRenames() {
        RegSetKeyValueW(HKEY_LOCAL_MACHINE, k_key, k_value, REG_MULTI_SZ, before_.data(),
                        static_cast<DWORD>(before_.size() * sizeof(wchar_t)));
    }
    PendingRenames(const PendingRenames &) = delete;
    PendingRenames &operator=(const PendingRenames &) = delete;

    static std::wstring read() {
        std::wstring names(65536, L'\0');
        auto size = static_cast<DWORD>(names.size() * sizeof(wchar_t));
        const auto failed = RegGetValueW(HKEY_LOCAL_MACHINE, k_key, k_value, RRF_RT_REG_MULTI_SZ,
                                         nullptr, names.data(), &size);
        names.resize(failed == ERROR_SUCCESS ? size / sizeof(wchar_t) : 0);
        return names;
    }

  private:
    static constexpr const wchar_t *k_key = L"System\\CurrentControlSet\\Control\\Session Manager";
    static constexpr const wchar_t *k_value = L"PendingFileRenameOperations";
    std::wstring before_;
};

BOOST_FIXTURE_TEST_CASE(what_is_held_goes_with_the_next_start, Fixture) {
    options.library_folder = text_of(folder); // without doubles
    const PendingRenames pending;
    const HANDLE open = CreateFileW((store / "10" / "layerchain.json").c_str(), GENERIC_READ,
                                    FILE_SHARE_READ, nullptr, OPEN_EXISTING, 0, nullptr);
    BOOST_REQUIRE(open != INVALID_HANDLE_VALUE);
    options.force = true;
    options.on_reboot = true;
    const auto report = run(store / "10");
    CloseHandle(open);
    BOOST_REQUIRE(!report);
    if (report.error().code != K2S_E_PARTIAL) {
        // Windows does not rename a folder whose files are open, so nothing is left over.
        BOOST_TEST(left() == 3U);
        return;
    }
    BOOST_TEST(report.error().message.contains("restart the computer"));
    const std::wstring names = PendingRenames::read();
    const size_t file = names.find(L"\\layerchain.json");
    const size_t at = names.find(L".zap-10-");
    BOOST_REQUIRE(file != std::wstring::npos);
    BOOST_TEST(at < file);                                             // the file's own path
    BOOST_TEST((names.find(L".zap-10-", file) != std::wstring::npos)); // then its folder
}
