// SPDX-License-Identifier: MIT
#include "../arguments.hpp"

int main(int argc, char **argv) {
    return k2s::host::run(std::vector<std::string>(argv, argv + argc));
}
