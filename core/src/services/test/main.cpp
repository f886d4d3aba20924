// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE services
#include <boost/test/included/unit_test.hpp>
