// SPDX-License-Identifier: MIT
// Writes the man pages and completion scripts of the test tools into the directory argv[1].
#include <cstdio>
#include <string>

#include "fixture.hpp"

using namespace k2s::core;

namespace {

bool write_file(const std::string &path, const std::string &text) {
    auto *file = std::fopen(path.c_str(), "wb");
    if (file == nullptr) {
        return false;
    }
    const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
    return std::fclose(file) == 0 && written;
}

} // namespace

int main(int argc, char **argv) {
    if (argc != 2) {
        return 2;
    }
    const std::string directory = argv[1];
    bool done = true;
    for (const auto &tool : {test::k2s_tool(), test::preset("httpproxy"), test::preset("yaml2json"),
                             test::preset("devgon"), test::preset("cplauncher")}) {
        for (const auto &page : man_pages(tool)) {
            done = done && write_file(directory + "/" + page.file, page.text);
        }
        done = done && write_file(directory + "/" + tool.name + ".bash",
                                  completion_script(tool, "bash").value_or(""));
    }
    return done ? 0 : 1;
}
