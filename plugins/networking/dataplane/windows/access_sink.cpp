// SPDX-License-Identifier: MIT
#include "../access_sink.hpp"

#include <algorithm>

#include <windows.h>

#include "wide.hpp"

namespace k2s::dataplane {
namespace {

error_code last_error() {
    return {static_cast<int>(GetLastError()), boost::system::system_category()};
}

class WindowsFile final : public AppendFile {
  public:
    explicit WindowsFile(HANDLE handle) : handle_(handle), regular_(is_disk(handle)) {
        LARGE_INTEGER size{};
        if (regular_ && GetFileSizeEx(handle, &size) != 0) {
            size_ = static_cast<uint64_t>(size.QuadPart);
        }
    }
    ~WindowsFile() override { CloseHandle(handle_); }

    error_code append(std::string_view bytes, size_t &written) override {
        written = 0;
        while (written < bytes.size()) {
            DWORD n = 0;
            const auto left = static_cast<DWORD>(std::min<size_t>(bytes.size() - written, 1 << 20));
            if (WriteFile(handle_, bytes.data() + written, left, &n, nullptr) == 0) {
                return last_error();
            }
            written += n;
            size_ += n;
        }
        return {};
    }
    bool regular() const override { return regular_; }
    uint64_t size() const override { return size_; }

  private:
    static bool is_disk(HANDLE handle) { return GetFileType(handle) == FILE_TYPE_DISK; }

    HANDLE handle_;
    bool regular_;
    uint64_t size_ = 0;
};

} // namespace

std::expected<std::unique_ptr<AppendFile>, error_code> AppendFile::open(const std::string &path) {
    const HANDLE handle = CreateFileW(wide(path).c_str(), FILE_APPEND_DATA,
                                      FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                                      nullptr, OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr);
    if (handle == INVALID_HANDLE_VALUE) {
        return std::unexpected(last_error());
    }
    return std::make_unique<WindowsFile>(handle);
}

error_code replace_file(const std::string &from, const std::string &to) {
    return MoveFileExW(wide(from).c_str(), wide(to).c_str(), MOVEFILE_REPLACE_EXISTING) != 0
               ? error_code()
               : last_error();
}

std::expected<std::unique_ptr<DatagramSink>, error_code> DatagramSink::open(const std::string &) {
    return std::unexpected(error_code(net::error::operation_not_supported));
}

} // namespace k2s::dataplane
