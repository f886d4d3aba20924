// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

/// What the worker needs of the system. Errors come back as text for the report.
namespace k2s::worker {

/// A number that the parent put on the command line: a descriptor on Linux, a handle on Windows.
using Inherited = std::uint64_t;

/// No core dump and no error dialog: the parent reports what happens here.
void be_quiet();

/// All of it; false when the parent is gone.
bool write_all(Inherited to, const std::string &text);

/// Bytes at an offset; 0 at the end; negative on an error.
std::int64_t read_at(Inherited from, std::uint64_t offset, void *buffer, std::size_t size);

struct Loaded {
    void *module = nullptr;
    std::string error;
};
/// Maps the library. Linux: through the open descriptor `file`, so it is the file that was hashed.
/// Windows: by `path`, which the parent's handle keeps from being changed.
Loaded load(const std::string &path, Inherited file);

void *find_symbol(void *module, const char *name);

/// Ends the process without running anything of the plugin.
[[noreturn]] void leave(int code);

} // namespace k2s::worker
