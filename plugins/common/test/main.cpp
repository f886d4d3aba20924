// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE common
#include <boost/test/included/unit_test.hpp>
