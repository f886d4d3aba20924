#!/bin/sh
# SPDX-License-Identifier: MIT
set -e
"$K2S_BUILD/test/bench/abi_calls"
# A plugin in a worker, from a folder as an installed one.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$K2S_BUILD/test/plugins/isolated.so" "$folder/"
cp "$(dirname "$0")/../plugins/isolated.json" "$folder/plugin.json"
"$K2S_BUILD/test/bench/isolated_calls" "$K2S_BUILD/hosts/worker/k2s-worker" "$folder"
