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

# prepare_source PACKAGE [PATTERN…]: the files of that source that match are in subprojects/<folder>
# with our build file. Sets $source_folder and $source_id.
prepare_source() {
    package=$1
    shift
    exec 8<"$root/subprojects/sources.txt"
    while read -r name upstream tarball sha folder <&8; do
        [ "$name" = "$package" ] || continue
        source_folder=$root/subprojects/$folder
        source_id=$sha
        if [ "$(cat "$source_folder/.k2s-source" 2>/dev/null)" = "$sha" ] ||
            { fetch_tarball "$name" "$upstream" "$tarball" "$sha" &&
                unpack_source "$cache/src/$tarball" "$sha" "$@"; }; then
            exec 8<&-
            [ ! -d "$root/subprojects/packagefiles/${package%1.81}" ] ||
                cp -ru "$root/subprojects/packagefiles/${package%1.81}/." "$source_folder/"
            return 0
        fi
    done
    exec 8<&-
    die "no source of $package with a known SHA-256 could be fetched (see $cache/src/download.log);
    unpack one of the archives named in subprojects/*.wrap into subprojects/ by hand instead"
}

unpack_source() {
    archive=$1 id=$2
    shift 2
    rm -rf "$source_folder" "$source_folder.part"
    mkdir -p "$source_folder.part"
    tar -xf "$archive" -C "$source_folder.part" --strip-components=1 --wildcards "$@" || return 1
    echo "$id" >"$source_folder.part/.k2s-source"
    mv "$source_folder.part" "$source_folder"
}
