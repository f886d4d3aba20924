#!/bin/sh
# SPDX-License-Identifier: MIT
exec "$K2S_BUILD/test/bench/abi_calls"
