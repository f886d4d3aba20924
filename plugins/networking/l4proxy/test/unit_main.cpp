// SPDX-License-Identifier: MIT
// The one translation unit that holds Boost.Test itself.
#define BOOST_TEST_MODULE l4proxy
#include <boost/test/included/unit_test.hpp>
