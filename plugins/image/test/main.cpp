// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE image
#include <boost/test/included/unit_test.hpp>
