// SPDX-License-Identifier: MIT
#include "process/test/child.hpp"

#include <cstdio>
#include <cstdlib>

#include "process/process.hpp"
#include "util/environment.hpp"
#include "util/path.hpp"

namespace child {

namespace {

void print(const std::string &text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

std::string hex(const std::string &text) {
    std::string result;
    for (unsigned char c : text) {
        result += fmt::format("{:02x}", c);
    }
    return result;
}

// Starts a tree through the code under test, tells its escaped member in a file, and stays.
int be_host(const std::string &file) {
    k2s::core::process::Spec spec;
    spec.program = *k2s::core::executable_path();
    spec.arguments = {"--child", "parent"};
    spec.out = k2s::core::process::Output::deliver(
        [&file](std::string_view piece) {
            if (FILE *out = std::fopen(file.c_str(), "w")) {
                std::fwrite(piece.data(), 1, piece.size(), out);
                std::fclose(out);
            }
            return true;
        },
        1000);
    return k2s::core::process::run(std::move(spec)) ? 0 : 1;
}

} // namespace

int play(const std::vector<std::string> &arguments) {
    const std::string role = arguments.at(0);
    const auto argument = [&](std::size_t n) { return arguments.at(n); };
    if (role == "arguments") {
        for (std::size_t n = 1; n < arguments.size(); ++n) {
            print(hex(arguments[n]) + "\n");
        }
    } else if (role == "exit") {
        return std::atoi(argument(1).c_str());
    } else if (role == "crash") {
        crash();
    } else if (role == "hang") {
        sleep_ms(60000);
    } else if (role == "flood") {
        const std::string block(65536, 'x');
        for (int n = 0; n < std::atoi(argument(1).c_str()); ++n) {
            print(block);
        }
    } else if (role == "cat") {
        char buffer[4096];
        for (std::size_t size; (size = std::fread(buffer, 1, sizeof buffer, stdin)) > 0;) {
            std::fwrite(buffer, 1, size, stdout);
        }
    } else if (role == "environment") {
        print(k2s::core::environment(argument(1).c_str()).value_or("(unset)"));
    } else if (role == "both") {
        print("to out");
        std::fputs("to err", stderr);
    } else if (role == "handles") {
        print(open_handles());
    } else if (role == "report") {
        print("noise");
        write_to(argument(1), "result");
    } else if (role == "parent" || role == "leaver") {
        // A descendant that has left session, group and parent, and holds the output open.
        print(std::to_string(start_escaped({"--child", "hang"})) + "\n");
        if (role == "parent") {
            sleep_ms(60000);
        }
    } else if (role == "host") {
        return be_host(argument(1));
    }
    return 0;
}

} // namespace child
