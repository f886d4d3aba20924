#!/bin/sh
# SPDX-License-Identifier: MIT
# build.sh SOURCE PREFIX TARGET [CROSS-PREFIX]: OpenSSL as static libraries with headers and .pc files
# in PREFIX. Built out of SOURCE, which stays as it is. What no TLS peer needs any more is left out.
# -O1: the ciphers are assembler; -O2 costs half as much time again and gains nothing measurable.
set -eu
source=$1 prefix=$2 target=$3 cross=${4:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
cd "$work"
"$source/Configure" "$target" ${cross:+--cross-compile-prefix="$cross"} \
    --prefix="$prefix" --libdir=lib --openssldir="$prefix/ssl" \
    no-shared no-tests no-legacy no-engine no-dso no-comp no-ssl3 no-weak-ssl-ciphers \
    no-rc2 no-rc4 no-md4 no-mdc2 no-idea no-seed no-bf no-cast no-camellia no-aria no-whirlpool \
    no-srp no-srtp no-gost no-ts no-cms no-sctp no-dtls no-uplink \
    -fPIC -O1 -ffunction-sections -fdata-sections >configure.log
make -j"$(nproc)" build_libs >build.log 2>&1 || {
    tail -n 30 build.log >&2
    exit 1
}
make install_dev >install.log 2>&1
