// SPDX-License-Identifier: MIT
// The one translation unit that holds Boost.Test itself.
#define BOOST_TEST_MODULE dataplane
#include <boost/test/included/unit_test.hpp>
