// SPDX-License-Identifier: BSL-1.0
// main() apart from the framework: the linker takes it only for a test that has none of its own.
#include <boost/test/included/unit_test.hpp>

bool init_unit_test();

int main(int argc, char *argv[]) {
    return boost::unit_test::unit_test_main(&init_unit_test, argc, argv);
}
