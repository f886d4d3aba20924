// SPDX-License-Identifier: MIT
/// \file
/// The archive module: libarchive behind the two functions of archive_table.h.
#include <memory>
#include <string>

#include <archive.h>
#include <archive_entry.h>

#include <k2s/sdk/error.hpp>

#include "install/archive_table.h"

namespace {

using Reading = std::unique_ptr<archive, decltype(&archive_read_free)>;
using Writing = std::unique_ptr<archive, decltype(&archive_write_free)>;
using Entry = std::unique_ptr<archive_entry, decltype(&archive_entry_free)>;

int32_t broken(k2s_error *error, archive *of) {
    const char *why = archive_error_string(of);
    return k2s::report(error, K2S_E_CONFIG, "archive",
                       why != nullptr ? why : "it is no whole zip archive");
}

uint32_t kind_of(archive_entry *entry) {
    if (archive_entry_hardlink(entry) != nullptr || archive_entry_symlink(entry) != nullptr) {
        return K2S_ARCHIVE_OTHER;
    }
    const auto type = archive_entry_filetype(entry);
    return type == AE_IFREG   ? K2S_ARCHIVE_FILE
           : type == AE_IFDIR ? K2S_ARCHIVE_FOLDER
                              : K2S_ARCHIVE_OTHER;
}

int32_t K2S_CALL read(k2s_bytes bytes, const k2s_archive_reader *reader, k2s_error *error) {
    const Reading from(archive_read_new(), archive_read_free);
    if (!from || archive_read_support_format_zip_seekable(from.get()) != ARCHIVE_OK ||
        archive_read_open_memory(from.get(), bytes.ptr, static_cast<std::size_t>(bytes.len)) !=
            ARCHIVE_OK) {
        return broken(error, from.get());
    }
    archive_entry *entry = nullptr;
    int got = ARCHIVE_OK;
    while ((got = archive_read_next_header(from.get(), &entry)) == ARCHIVE_OK) {
        const char *name = archive_entry_pathname(entry);
        const std::string text = name != nullptr ? name : "";
        int32_t status = reader->entry(reader->context, {text.data(), text.size()}, kind_of(entry));
        const void *piece = nullptr;
        std::size_t size = 0;
        la_int64_t offset = 0;
        int part = ARCHIVE_OK;
        while (status >= 0 &&
               (part = archive_read_data_block(from.get(), &piece, &size, &offset)) == ARCHIVE_OK) {
            status = reader->data(reader->context, {static_cast<const uint8_t *>(piece), size});
        }
        if (status < 0) {
            return status;
        }
        if (part != ARCHIVE_EOF) {
            return broken(error, from.get());
        }
    }
    return got == ARCHIVE_EOF ? K2S_OK : broken(error, from.get());
}

int32_t K2S_CALL write(const k2s_str *names, const k2s_bytes *contents, uint64_t count,
                       const k2s_sink *to, k2s_error *error) {
    const Writing out(archive_write_new(), archive_write_free);
    const auto put = [](archive *, void *context, const void *data,
                        std::size_t size) -> la_ssize_t {
        const auto &sink = *static_cast<const k2s_sink *>(context);
        return sink.write(sink.context, {static_cast<const uint8_t *>(data), size}) < 0
                   ? -1
                   : static_cast<la_ssize_t>(size);
    };
    if (!out || archive_write_set_format_zip(out.get()) != ARCHIVE_OK ||
        archive_write_set_bytes_in_last_block(out.get(), 1) != ARCHIVE_OK ||
        archive_write_open(out.get(), const_cast<k2s_sink *>(to), nullptr, put, nullptr) !=
            ARCHIVE_OK) {
        return broken(error, out.get());
    }
    for (uint64_t i = 0; i < count; ++i) {
        const Entry entry(archive_entry_new(), archive_entry_free);
        const std::string name(names[i].ptr, static_cast<std::size_t>(names[i].len));
        archive_entry_set_pathname(entry.get(), name.c_str());
        archive_entry_set_size(entry.get(), static_cast<la_int64_t>(contents[i].len));
        archive_entry_set_filetype(entry.get(), AE_IFREG);
        archive_entry_set_perm(entry.get(), 0644);
        const auto size = static_cast<std::size_t>(contents[i].len);
        if (archive_write_header(out.get(), entry.get()) != ARCHIVE_OK ||
            archive_write_data(out.get(), contents[i].ptr, size) != static_cast<la_ssize_t>(size)) {
            return broken(error, out.get());
        }
    }
    return archive_write_close(out.get()) == ARCHIVE_OK ? K2S_OK : broken(error, out.get());
}

constexpr k2s_archive k_table{sizeof(k2s_archive), 0, read, write};

} // namespace

extern "C" K2S_EXPORT const k2s_archive *K2S_CALL k2s_core_archive_v1() {
    return &k_table;
}
