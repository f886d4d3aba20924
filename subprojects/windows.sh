# SPDX-License-Identifier: MIT
# Sourced by ./dev: what the Windows build needs on a Linux machine – headers, OpenSSL, cross files,
# and a wine prefix to run the result in. Everything is kept in $cache and made once.

# Header-only libraries are the system's own: links to them in a folder that holds nothing else,
# because -I/usr/include would mix in the headers of Linux.
windows_headers() {
    headers=$cache/windows/headers
    mkdir -p "$headers/include" "$headers/lib/pkgconfig"
    for name in boost fmt nlohmann valijson; do
        ln -sfn "/usr/include/$name" "$headers/include/$name"
    done
    for entry in fmt:libfmt-dev nlohmann_json:nlohmann-json3-dev valijson:libvalijson-dev; do
        version=$(dpkg-query -W -f '${Version}' "${entry#*:}" | sed 's/[+-].*//')
        printf 'Name: %s\nDescription: headers\nVersion: %s\nCflags: -I%s\n' "${entry%:*}" \
            "$version" "$headers/include" >"$headers/lib/pkgconfig/${entry%:*}.pc"
    done
}

windows_openssl() {
    find_source openssl
    recipe=$root/subprojects/packagefiles/openssl/build.sh
    key=$({ cat "$recipe"; echo "$source_sha"; x86_64-w64-mingw32-gcc-posix -dumpfullversion; } |
        sha256sum | cut -c1-12)
    openssl=$cache/windows/openssl-$key
    [ ! -e "$openssl/lib/pkgconfig/openssl.pc" ] || return 0
    say "building OpenSSL for Windows (a minute, once)"
    work=$(mktemp -d)
    rm -rf "$openssl"
    tar -xf "$source_tarball" -C "$work" --strip-components=1
    sh "$recipe" "$work" "$openssl" mingw64 x86_64-w64-mingw32- ||
        die "OpenSSL could not be built for Windows"
    rm -rf "$work"
}

# windows_cross_file: the machine's half of the cross file; subprojects/windows.ini is the other.
windows_cross_file() {
    cat >"$build.ini" <<END
[binaries]
exe_wrapper = '$root/subprojects/wine-run'

[properties]
boost_root = '$headers'
pkg_config_libdir = ['$openssl/lib/pkgconfig', '$headers/lib/pkgconfig',
    '/usr/x86_64-w64-mingw32/lib/pkgconfig']
END
}

# The prefix is this user's alone; mscoree and mshtml are switched off because their installers would
# ask to download Mono and Gecko. No debugger looks at an exe that crashes on purpose: wine's brings a
# desktop along, which keeps the output of the exe open.
wine_environment() {
    WINEPREFIX=$cache/windows/wine
    WINEDEBUG=-all
    WINEDLLOVERRIDES='mscoree,mshtml,winemenubuilder.exe='
    export WINEPREFIX WINEDEBUG WINEDLLOVERRIDES
    wine=$root/subprojects/wine-run wineserver=/usr/lib/wine/wineserver64
    if [ ! -e "$WINEPREFIX/.k2s-ready-2" ]; then
        say "making a wine prefix in $WINEPREFIX (700 MB, once)"
        rm -rf "$WINEPREFIX"
        mkdir -p "$WINEPREFIX"
        { "$wine" wineboot.exe -i &&
            "$wine" reg.exe add 'HKCU\Software\Wine' /v Version /d win10 /f &&
            "$wine" reg.exe add 'HKLM\Software\Microsoft\Windows NT\CurrentVersion\AeDebug' \
                /v Debugger /d none /f; } \
            >"$cache/windows/wineboot.log" 2>&1 </dev/null 9>&- ||
            die "wine could not make its prefix; see $cache/windows/wineboot.log"
        "$wineserver" -w
        touch "$WINEPREFIX/.k2s-ready-2"
    fi
}

# One server for a whole test run: an exe then starts in 0.1 s rather than 0.5 s. It and the services
# of the prefix start here, detached, so that no test's output pipe stays open in them.
wine_server() {
    {
        "$wineserver" -p30
        "$wine" wineboot.exe
    } >/dev/null 2>&1 </dev/null 9>&- || true
}
