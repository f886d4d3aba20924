// SPDX-License-Identifier: MIT
#include "worker.hpp"

int main(int argc, char **argv) {
    return k2s::worker::run(std::vector<std::string>(argv, argv + argc));
}
