// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include <boost/filesystem/path.hpp>

#include "util/result.hpp"

/// A plugin's library as one open file: what is looked at, hashed, probed and loaded is the same
/// file, whatever happens to its name in between.
namespace k2s::core::trust {

namespace fs = boost::filesystem;

/// The largest file that is hashed or loaded.
constexpr std::uint64_t k_file_max = 512ULL * 1024 * 1024;

/// Tells a file that was replaced or written from the one that was probed, for the price of a stat.
/// The change time (Linux ctime, Windows ChangeTime) cannot be set back by whoever may write to the
/// file, so equality means "untouched" as far as the system's clock is right.
struct FileIdentity {
    std::uint64_t device = 0; // Windows: volume serial number
    std::uint64_t file = 0;   // inode; Windows: the low half of the file's id
    std::uint64_t file_high = 0;
    std::uint64_t size = 0;
    std::int64_t modified = 0; // Linux: ns since 1970; Windows: 100 ns since 1601
    std::int64_t changed = 0;  // the same unit

    bool operator==(const FileIdentity &) const = default;
};

/// That of the file or folder behind a name; nothing when there is none, or none that can be seen.
std::optional<FileIdentity> identify(const fs::path &path);

/// Who, besides this user and root (administrators), could change what a process runs.
enum class Guard {
    plugin, ///< the file, its folder, and each folder above up to the plugin root
    system, ///< for a privileged process: every folder above as well, and this user is not enough
};

class OpenLibrary {
  public:
#ifdef _WIN32
    using Native = void *;
    static constexpr Native k_closed = nullptr;
#else
    using Native = int;
    static constexpr Native k_closed = -1;
#endif

    /// Opens it for reading (on Windows so that nobody can write, rename or delete it meanwhile)
    /// and looks at its header. Errors: K2S_E_NOT_FOUND, K2S_E_PERMISSION, K2S_E_UNSUPPORTED
    /// (another platform's library), K2S_E_FAILED (empty, cut off, no regular file, larger than 512
    /// MiB).
    static Result<OpenLibrary> open(const fs::path &library);

    /// The same for a plugin's other files: nothing is expected of their content.
    static Result<OpenLibrary> open_any(const fs::path &file);

    OpenLibrary(OpenLibrary &&other) noexcept
        : path_(std::move(other.path_)), native_(std::exchange(other.native_, k_closed)),
          identity_(other.identity_) {}
    OpenLibrary &operator=(OpenLibrary &&other) noexcept {
        std::swap(path_, other.path_);
        std::swap(native_, other.native_);
        std::swap(identity_, other.identity_);
        return *this;
    }
    ~OpenLibrary();

    [[nodiscard]] const fs::path &path() const { return path_; }
    [[nodiscard]] const FileIdentity &identity() const { return identity_; }
    [[nodiscard]] Native native() const { return native_; }

    /// What to give to the system's loader so that it maps this very file. Linux: a path through
    /// the open descriptor, which must then stay open as long as the library is mapped: the dynamic
    /// linker knows libraries by name first, and a reused number would get the old library.
    [[nodiscard]] fs::path load_path() const;

    /// Refuses a library that others may change; the message names the first thing that is open to
    /// others and how to close it. Error: K2S_E_PERMISSION.
    [[nodiscard]] Result<void> check_permissions(const fs::path &plugin_root, Guard guard) const;

    /// The file still is what identity() says: nobody has written to it since it was opened.
    [[nodiscard]] bool unchanged() const;

    /// Bytes at an offset; fewer at the end of the file, 0 on an error.
    std::size_t read_at(std::uint64_t offset, void *buffer, std::size_t size) const;

  private:
    OpenLibrary(fs::path path, Native native) : path_(std::move(path)), native_(native) {}
    Result<void> identify();

    fs::path path_;
    Native native_;
    FileIdentity identity_;
};

} // namespace k2s::core::trust
