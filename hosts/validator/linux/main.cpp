// SPDX-License-Identifier: MIT
#include "validator.hpp"

int main(int argc, char **argv) {
    return k2s::validator::run(std::vector<std::string>(argv, argv + argc));
}
