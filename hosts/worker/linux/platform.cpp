// SPDX-License-Identifier: MIT
#include "platform.hpp"

#include <cerrno>

#include <dlfcn.h>
#include <sys/resource.h>
#include <unistd.h>

namespace k2s::worker {

void be_quiet() {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
}

bool write_all(Inherited to, const std::string &text) {
    std::size_t done = 0;
    while (done < text.size()) {
        const auto size = ::write(static_cast<int>(to), text.data() + done, text.size() - done);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            return false;
        }
        done += static_cast<std::size_t>(size);
    }
    return true;
}

std::int64_t read_at(Inherited from, std::uint64_t offset, void *buffer, std::size_t size) {
    return ::pread(static_cast<int>(from), buffer, size, static_cast<off_t>(offset));
}

Loaded load(const std::string &, Inherited file) {
    const auto path = "/proc/self/fd/" + std::to_string(file);
    Loaded loaded{::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL), {}};
    if (loaded.module == nullptr) {
        const char *reason = ::dlerror();
        loaded.error = reason != nullptr ? reason : "unknown reason";
        if (loaded.error.starts_with(path + ": ")) { // the number means nothing to the reader
            loaded.error.erase(0, path.size() + 2);
        }
    }
    return loaded;
}

void *find_symbol(void *module, const char *name) {
    return ::dlsym(module, name);
}

void leave(int code) {
    ::_exit(code);
}

} // namespace k2s::worker
