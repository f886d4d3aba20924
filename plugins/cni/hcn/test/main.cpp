// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE cni_hcn
#include <boost/test/included/unit_test.hpp>
