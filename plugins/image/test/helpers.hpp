// SPDX-License-Identifier: MIT
#pragma once

#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include <boost/filesystem/operations.hpp>
#include <boost/test/unit_test.hpp>

#include "base/file.hpp"
#include "layer/tar_writer.hpp"
#include "store/store.hpp"

namespace k2s::image::test {

/// A folder of its own, gone with the object.
class Folder {
  public:
    Folder() : path_(fs::temp_directory_path() / fs::unique_path("k2s-image-%%%%%%%%")) {
        fs::create_directories(path_);
    }
    ~Folder() {
        boost::system::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    Folder(const Folder &) = delete;
    Folder &operator=(const Folder &) = delete;

    std::string path(const std::string &name = {}) const {
        return from_path(path_) + (name.empty() ? "" : "/" + name);
    }
    std::string write(const std::string &name, std::string_view content) const {
        fs::create_directories(to_path(path(name)).parent_path());
        std::ofstream(to_path(path(name)).c_str(), std::ios::binary)
            .write(content.data(), static_cast<std::streamsize>(content.size()));
        return path(name);
    }
    std::string read(const std::string &name) const { return read_all(path(name)); }
    static std::string read_all(const std::string &path) {
        std::ifstream in(to_path(path).c_str(), std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }

  private:
    fs::path path_;
};

/// The value, or the test ends with the message.
template <class T> T must(Result<T> result) {
    const std::string why = result ? std::string() : result.error().message;
    BOOST_REQUIRE_MESSAGE(result.has_value(), why);
    if constexpr (!std::is_void_v<T>) {
        return std::move(*result);
    }
}

/// The message of what has to fail, or "succeeded".
template <class T> std::string error_of(const Result<T> &result) {
    return result ? "succeeded" : result.error().message;
}
template <class T> int32_t code_of(const Result<T> &result) {
    return result ? K2S_OK : result.error().code;
}

inline bool has(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}
#define CHECK_SAYS(text, part)                                                                     \
    do {                                                                                           \
        const std::string said = (text);                                                           \
        BOOST_CHECK_MESSAGE(k2s::image::test::has(said, part), said);                              \
    } while (false)

/// An archive made by hand, so that it can be wrong in any way.
class Tar {
  public:
    Tar &add(const std::string &path, std::string_view content = {}) {
        TarEntry entry;
        entry.path = path;
        entry.size = content.size();
        return raw(tar_header(entry), content);
    }
    Tar &folder(const std::string &path) {
        TarEntry entry;
        entry.path = path;
        entry.type = EntryType::directory;
        return raw(tar_header(entry), {});
    }
    Tar &link(EntryType type, const std::string &path, const std::string &target) {
        TarEntry entry;
        entry.path = path;
        entry.type = type;
        entry.link = target;
        return raw(tar_header(entry), {});
    }
    /// A header whose bytes are changed and whose checksum is right again.
    Tar &patched(const std::string &path, size_t at, std::string_view bytes,
                 std::string_view content = {}) {
        TarEntry entry;
        entry.path = path;
        entry.size = content.size();
        std::string header = tar_header(entry);
        header.replace(at, bytes.size(), bytes);
        std::memset(header.data() + 148, ' ', 8);
        unsigned sum = 0;
        for (const char c : header) {
            sum += static_cast<unsigned char>(c);
        }
        const std::string octal = fmt::format("{:06o}", sum);
        header.replace(148, 6, octal);
        header[154] = '\0';
        return raw(header, content);
    }
    Tar &raw(std::string_view header, std::string_view content) {
        bytes_ += header;
        bytes_ += content;
        bytes_.append(tar_padding(content.size()), '\0');
        return *this;
    }
    std::string bytes() const { return bytes_ + std::string(k_tar_end, '\0'); }
    const std::string &without_end() const { return bytes_; }

  private:
    std::string bytes_;
};

/// Bytes in memory as a source, given out in pieces of `piece`.
class Text final : public Source {
  public:
    explicit Text(std::string bytes, size_t piece = 1000)
        : bytes_(std::move(bytes)), piece_(piece) {}
    Result<size_t> read(void *into, size_t size) override {
        const size_t now = std::min({size, piece_, bytes_.size() - at_});
        std::memcpy(into, bytes_.data() + at_, now);
        at_ += now;
        return now;
    }

  private:
    std::string bytes_;
    size_t piece_;
    size_t at_ = 0;
};

inline std::string read_all(Source &source) {
    std::string all;
    char buffer[777];
    for (;;) {
        const size_t got = must(source.read(buffer, sizeof(buffer)));
        if (got == 0) {
            return all;
        }
        all.append(buffer, got);
    }
}

} // namespace k2s::image::test
