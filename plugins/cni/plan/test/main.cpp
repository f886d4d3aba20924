// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE plan
#include <boost/test/included/unit_test.hpp>
