# SPDX-License-Identifier: MIT
# Sourced by ./dev: brings the sources that are compiled here from Debian's source packages into
# $cache/src and from there into subprojects/<folder>, where meson takes them before it would
# download what the wrap names. The machine's own apt set-up is read, never changed.

# apt with a private list of source entries, made from the machine's own entries.
source_apt() {
    command=$1
    shift
    "$command" -q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$cache/apt/sources" \
        -o Dir::State::lists="$cache/apt/lists" -o Dir::Cache::pkgcache= \
        -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root "$@"
}

source_lists() {
    [ -z "$source_lists_done" ] || return 0
    rm -rf "$cache/apt"
    mkdir -p "$cache/apt/sources" "$cache/apt/lists/partial"
    for entry in /etc/apt/sources.list.d/*.sources; do
        [ ! -e "$entry" ] || sed 's/^Types:.*/Types: deb-src/' "$entry" \
            >"$cache/apt/sources/${entry##*/}"
    done
    for entry in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ ! -e "$entry" ] || sed -n 's/^deb /deb-src /p' "$entry" \
            >"$cache/apt/sources/${entry##*/}.list"
    done
    say "reading the list of Debian's source packages"
    source_apt apt-get update >"$cache/apt/update.log" 2>&1 ||
        die "apt-get update failed for the source packages; see $cache/apt/update.log"
    source_lists_done=1
}

# fetch_tarball PACKAGE UPSTREAM TARBALL SHA256: any Debian revision of that upstream version will do,
# all have the same tarball, and older revisions disappear from the archives.
fetch_tarball() {
    [ ! -e "$cache/src/$3" ] || return 0
    source_lists
    mkdir -p "$cache/src/download"
    revisions=$(source_apt apt-cache showsrc "$1" | sed -n "s/^Version: \($2-.*\)/\1/p")
    for revision in $revisions; do
        say "fetching the source of $1 $revision"
        (cd "$cache/src/download" && source_apt apt-get source --download-only --tar-only \
            "$1=$revision") >"$cache/src/download.log" 2>&1 || true
        echo "$4  $cache/src/download/$3" | sha256sum --check --status 2>/dev/null || continue
        mv "$cache/src/download/$3" "$cache/src/$3"
        return 0
    done
    return 1
}

# find_source PACKAGE: fetches the first alternative of sources.txt that can be had. Sets
# $source_tarball, $source_sha and $source_folder.
find_source() {
    exec 8<"$root/subprojects/sources.txt"
    while read -r name upstream tarball sha folder <&8; do
        [ "$name" = "$1" ] && fetch_tarball "$name" "$upstream" "$tarball" "$sha" || continue
        exec 8<&-
        source_tarball=$cache/src/$tarball source_sha=$sha source_folder=$root/subprojects/$folder
        return 0
    done
    exec 8<&-
    die "no source of $1 with a known SHA-256 could be fetched (see $cache/src/download.log);
    unpack the archive that its subprojects/*.wrap names into subprojects/ by hand instead"
}

# prepare_source PACKAGE WRAP [PATTERN…]: the files of that source that match are in
# subprojects/<folder>, with the build file of that wrap.
prepare_source() {
    package=$1 wrap=$2
    shift 2
    find_source "$package"
    files=$root/subprojects/packagefiles/$wrap
    key="$source_sha $* $(find "$files" -type f -exec cat {} + | cksum)"
    if [ "$(cat "$source_folder/.k2s-source" 2>/dev/null)" != "$key" ]; then
        rm -rf "$source_folder" "$source_folder.part"
        mkdir -p "$source_folder.part"
        tar -xf "$source_tarball" -C "$source_folder.part" --strip-components=1 --wildcards "$@"
        [ "$package" != libarchive ] || apply_debian_patches "$package" "$source_folder.part"
        cp -r "$files/." "$source_folder.part/"
        echo "$key" >"$source_folder.part/.k2s-source"
        mv "$source_folder.part" "$source_folder"
    fi
}

# Debian's security fixes for PACKAGE, in FOLDER. They change with each advisory, so no SHA-256 of
# ours names them: apt checks them against the archive's signature.
apply_debian_patches() {
    source_lists
    say "fetching Debian's fixes for $1"
    rm -rf "$cache/src/patches"
    mkdir -p "$cache/src/patches"
    for revision in $(source_apt apt-cache showsrc "$1" | sed -n 's/^Version: //p'); do
        (cd "$cache/src/patches" && source_apt apt-get source --download-only --diff-only \
            "$1=$revision") >"$cache/src/download.log" 2>&1 && break
    done
    cat "$cache/src/patches/"*.debian.tar.* 2>/dev/null | tar -xJC "$cache/src/patches" debian/patches ||
        die "the fixes could not be fetched; see $cache/src/download.log"
    while read -r patch; do
        patch -d "$2" -p1 -s -f <"$cache/src/patches/debian/patches/$patch" ||
            die "Debian's $patch does not apply to $1"
    done <"$cache/src/patches/debian/patches/series"
}
