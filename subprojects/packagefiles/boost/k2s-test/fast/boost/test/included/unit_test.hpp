// SPDX-License-Identifier: BSL-1.0
// Stands before Boost's header of this name. That one compiles the whole framework into the test (20
// seconds each); this one declares it, and framework.cpp compiles it once for all tests.
#ifndef K2S_BOOST_TEST_INCLUDED_UNIT_TEST_HPP
#define K2S_BOOST_TEST_INCLUDED_UNIT_TEST_HPP

#ifndef BOOST_TEST_ALTERNATIVE_INIT_API
#define BOOST_TEST_ALTERNATIVE_INIT_API
#endif
#include <boost/test/unit_test.hpp>

#endif
