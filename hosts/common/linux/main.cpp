// SPDX-License-Identifier: MIT
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../host.hpp"

namespace {

/// The root of the installed tree: what `k2s.root` beside the exe says, else the exe's parent's
/// parent. False: errno says why.
bool find_root(char (&root)[PATH_MAX]) {
    const ssize_t length = readlink("/proc/self/exe", root, sizeof(root) - 1);
    if (length <= 0) {
        return false;
    }
    root[length] = '\0';
    char *slash = strrchr(root, '/');
    const auto room = static_cast<size_t>(root + sizeof(root) - slash);
    if (room <= sizeof("/k2s.root")) {
        errno = ENAMETOOLONG;
        return false;
    }
    strcpy(slash, "/k2s.root");
    const int file = open(root, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        strcpy(slash, "/..");
        return errno == ENOENT;
    }
    const ssize_t size = read(file, slash + 1, room - 2);
    close(file);
    if (size < 0) {
        return false;
    }
    slash[1 + size] = '\0';
    slash[1 + strcspn(slash + 1, "\r\n")] = '\0';
    return true;
}

} // namespace

int main(int argc, char **argv) {
    using namespace k2s::host;
    if (answers_version(argc, argv)) {
        return fflush(stdout) == 0 ? 0 : 1;
    }
    char root[PATH_MAX];
    if (!find_root(root)) {
        complain("cannot find the installed tree", strerror(errno));
        return 1;
    }
    char library[PATH_MAX + sizeof("/lib/libk2s-core.so")];
    snprintf(library, sizeof(library), "%s/lib/libk2s-core.so", root);
    void *core = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    const auto core_main = core != nullptr
                               ? reinterpret_cast<k2s_core_main_v1_fn>(dlsym(core, K2S_CORE_MAIN))
                               : nullptr;
    if (core_main == nullptr) {
        complain("cannot load the core (reinstall, or let the file k2s.root beside the exe name "
                 "the installed tree)",
                 dlerror());
        return 1;
    }
    return core_main(&k2s_this_preset, root, argc, argv);
}
