# SPDX-License-Identifier: MIT
# Sourced by ./dev: installs the Debian packages of a group that are missing.

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# need_packages GROUP: every package of the group in packages.txt is installed.
need_packages() {
    missing=
    while read -r group package purpose; do
        [ "$group" = "$1" ] || continue
        dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' && continue
        say "missing package $package: $purpose"
        missing="$missing $package"
    done <"$root/subprojects/packages.txt"
    [ -n "$missing" ] || return 0
    [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
        die "install these packages as root, then run this again:$missing"
    say "installing with apt-get, as root:$missing"
    apt_log=$(mktemp)
    # The lists of a fresh machine are empty or old: then one update, and once more.
    if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        $missing >"$apt_log" 2>&1; then
        as_root apt-get update >"$apt_log" 2>&1 &&
            as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y \
                --no-install-recommends $missing >>"$apt_log" 2>&1 || {
            tail -n 20 "$apt_log" >&2
            die "apt-get could not install:$missing"
        }
    fi
    rm -f "$apt_log"
}
