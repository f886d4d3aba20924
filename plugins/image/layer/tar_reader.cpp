// SPDX-License-Identifier: MIT
#include "layer/tar_reader.hpp"

#include <optional>
#include <vector>

#include <archive.h>
#include <archive_entry.h>

#include "layer/names.hpp"

namespace k2s::image {

struct TarReader::Impl {
    explicit Impl(Source &source) : inner(source), buffer(256U << 10U) {}
    ~Impl() { archive_read_free(handle); }
    Impl(const Impl &) = delete;
    Impl &operator=(const Impl &) = delete;

    static la_ssize_t give(struct archive * /*handle*/, void *context, const void **data) {
        auto &self = *static_cast<Impl *>(context);
        auto got = self.inner.read(self.buffer.data(), self.buffer.size());
        if (!got) {
            self.failed = std::move(got.error());
            return -1;
        }
        *data = self.buffer.data();
        self.taken += *got;
        return static_cast<la_ssize_t>(*got);
    }

    std::unexpected<Error> error() {
        if (failed) {
            return std::unexpected(*failed); // why the source failed, rather than that it did
        }
        const char *why = archive_error_string(handle);
        return fail(K2S_E_FAILED, "it is no sound tar archive: {}",
                    why != nullptr ? why : "unreadable");
    }

    Source &inner;
    std::vector<char> buffer;
    uint64_t taken = 0;
    uint64_t given = 0;
    std::optional<Error> failed;
    struct archive *handle = archive_read_new();
};

TarReader::TarReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TarReader::~TarReader() = default;

Result<std::unique_ptr<TarReader>> TarReader::open(Source &inner) {
    auto impl = std::make_unique<Impl>(inner);
    if (impl->handle == nullptr) {
        throw std::bad_alloc();
    }
    archive_read_support_format_tar(impl->handle);
    archive_read_support_format_empty(impl->handle);
#if defined(_WIN32)
    // Else the names of old formats would be read in the code page of this Windows. Elsewhere it
    // would have them converted to the locale's set, which is ASCII here, and they would be lost.
    archive_read_set_format_option(impl->handle, "tar", "hdrcharset", "UTF-8");
#endif
    if (archive_read_open(impl->handle, impl.get(), nullptr, &Impl::give, nullptr) != ARCHIVE_OK) {
        return impl->error();
    }
    return std::unique_ptr<TarReader>(new TarReader(std::move(impl)));
}

Result<bool> TarReader::next(ArchiveEntry &entry) {
    struct archive_entry *raw = nullptr;
    const int status = archive_read_next_header(impl_->handle, &raw);
    if (status == ARCHIVE_EOF && !impl_->failed) {
        return false;
    }
    // A warning is about a name outside of the locale's character set; the name itself is there.
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) {
        return impl_->error();
    }
    const auto text = [](const char *utf8, const char *native) {
        return std::string(utf8 != nullptr ? utf8 : native != nullptr ? native : "");
    };
    entry.path = text(archive_entry_pathname_utf8(raw), archive_entry_pathname(raw));
    entry.size = archive_entry_size_is_set(raw) != 0 && archive_entry_size(raw) > 0
                     ? static_cast<uint64_t>(archive_entry_size(raw))
                     : 0;
    entry.link.clear();
    if (archive_entry_hardlink(raw) != nullptr || archive_entry_hardlink_utf8(raw) != nullptr) {
        entry.type = ArchiveEntry::Type::hard_link;
        entry.link = text(archive_entry_hardlink_utf8(raw), archive_entry_hardlink(raw));
    } else if (archive_entry_filetype(raw) == AE_IFLNK) {
        entry.type = ArchiveEntry::Type::symlink;
        entry.link = text(archive_entry_symlink_utf8(raw), archive_entry_symlink(raw));
    } else {
        entry.type = archive_entry_filetype(raw) == AE_IFDIR   ? ArchiveEntry::Type::directory
                     : archive_entry_filetype(raw) == AE_IFREG ? ArchiveEntry::Type::file
                                                               : ArchiveEntry::Type::special;
    }
    bool readable = is_utf8(entry.path);
#if defined(_WIN32)
    // libarchive converts names there; one that was no UTF-8 comes as something else, with a
    // warning.
    readable = readable && status == ARCHIVE_OK;
#endif
    if (entry.path.empty() || !readable) {
        return fail(K2S_E_FAILED, "it has an entry whose name is {}",
                    entry.path.empty() ? "empty" : "no UTF-8");
    }
    return true;
}

Result<size_t> TarReader::read(void *into, size_t size) {
    const la_ssize_t got = archive_read_data(impl_->handle, into, size);
    if (got < 0) {
        return impl_->error();
    }
    // The holes of a sparse file take no room in the archive: terabytes may come out of nothing.
    if ((impl_->given += static_cast<uint64_t>(got)) > impl_->taken) {
        return fail(K2S_E_FAILED,
                    "it has a sparse file, which has no place in an archive of images");
    }
    return static_cast<size_t>(got);
}

} // namespace k2s::image
