// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE vfprules
#include <boost/test/included/unit_test.hpp>
