// SPDX-License-Identifier: MIT
#pragma once

// For every translation unit but unit_main.cpp: declarations only.
#include <boost/test/unit_test.hpp>
