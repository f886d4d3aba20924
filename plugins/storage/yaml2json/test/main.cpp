// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE yaml2json
#include <boost/test/included/unit_test.hpp>
