#!/bin/sh
# SPDX-License-Identifier: MIT
# What other programs make of an image: genisoimage's isoinfo and xorriso read each of its trees.
# Usage: cloudinit_iso.sh CLOUDINITISOBUILDER
set -eu

builder=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

die() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}
for tool in isoinfo:genisoimage xorriso:xorriso; do
    command -v "${tool%:*}" >/dev/null ||
        die "${tool%:*} is missing; install the package ${tool#*:} (group test in subprojects/packages.txt)"
done

# same EXPECTED ACTUAL WHAT
same() {
    [ "$1" = "$2" ] || die "$3: expected '$1', got '$2'"
}

seed=$work/seed
mkdir "$seed" "$seed/ignored"
printf 'instance-id: i-1\nlocal-hostname: node\n' >"$seed/meta-data"
printf '#cloud-config\nhostname: node\n' >"$seed/user-data"
printf 'version: 2\nethernets: {eth0: {dhcp4: true}}\n' >"$seed/network-config"
long=$(printf '%0200d' 7)
printf 'long\n' >"$seed/$long"
: >"$seed/empty"
head -c 100000 /dev/urandom >"$seed/random"

"$builder" -sourceDir "$seed" -targetFilePath "$work/a.iso" || die "the build ended with $?"
names=$(cd "$seed" && find . -type f | sed 's|^\./|/|' | LC_ALL=C sort)

facts=$(isoinfo -d -i "$work/a.iso")
same 'Volume id: cidata' "$(printf '%s\n' "$facts" | grep '^Volume id:')" 'label'
case $facts in *'Joliet with UCS level 3 found'*) ;; *) die 'isoinfo finds no Joliet' ;; esac
case $facts in *'Rock Ridge signatures version 1 found'*) ;; *) die 'isoinfo finds no Rock Ridge' ;; esac
same "$(stat -c %s "$work/a.iso")" \
    "$(($(printf '%s\n' "$facts" | sed -n 's/^Volume size is: //p') * 2048))" 'size'

same "$names" "$(isoinfo -R -f -i "$work/a.iso" | LC_ALL=C sort)" 'names in Rock Ridge'
joliet=$(isoinfo -J -f -i "$work/a.iso")
for name in meta-data user-data network-config; do
    printf '%s\n' "$joliet" | grep -qx "/$name" || die "no $name in Joliet"
    isoinfo -J -x "/$name" -i "$work/a.iso" | cmp - "$seed/$name" || die "$name through Joliet"
    isoinfo -R -x "/$name" -i "$work/a.iso" | cmp - "$seed/$name" || die "$name through Rock Ridge"
done
plain=$(printf '%s' "$(isoinfo -f -i "$work/a.iso")" | grep -c ';1$')
same "$(printf '%s\n' "$names" | grep -c .)" "$plain" 'number of plain ISO 9660 names'
modes=$(isoinfo -R -l -i "$work/a.iso" | sed -n 's/^\(-[rwx-]*\) *\([0-9]*\) *\([0-9]*\) *\([0-9]*\) .*/\1 \2 \3 \4/p' | sort -u)
same '-rw-r--r-- 1 0 0' "$modes" 'modes, links and owners'

xorriso -abort_on WARNING -osirrox on -indev "$work/a.iso" -extract / "$work/out" 2>"$work/log" || {
    cat "$work/log" >&2
    die 'xorriso cannot extract the image'
}
chmod u+w "$work/out"
rmdir "$seed/ignored"
diff -r "$seed" "$work/out" || die 'xorriso extracts something else'

touch -d 2001-02-03 "$seed"/*
cp -r "$seed" "$work/copy"
TZ=Asia/Tokyo "$builder" -sourceDir "$work/copy" -targetFilePath "$work/b.iso"
cmp "$work/a.iso" "$work/b.iso" || die 'equal seeds gave other bytes'

printf 'hostname: node\n' >"$seed/user-data"
if "$builder" -sourceDir "$seed" -targetFilePath "$work/a.iso" 2>/dev/null; then
    die 'a user-data that cloud-init ignores was packed'
fi
cmp "$work/a.iso" "$work/b.iso" || die 'a failed build touched the old image'
printf 'ok\n'
