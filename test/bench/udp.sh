#!/bin/sh
# SPDX-License-Identifier: MIT
# UDP forwarding, ours beside nginx stream: same load, same origin, alternating runs.
#   test/bench/udp.sh [SECONDS]
# The proxy has one core; load and origin are one thread on the other. CPU is the proxy's time on
# its core per datagram that arrived. The loads: a flood that an ordinary origin receives; a flood
# to an origin that takes joined datagrams (UDP_GRO); one to an origin that only counts, sent one by
# one or joined (UDP_SEGMENT); requests with answers. "half": a busy loop has half of the proxy's
# core, since one core cannot send more datagrams one by one than ours forwards on another.
set -eu
seconds=${1:-3}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${K2S_BUILD:-$root/build/linux}
ours=$build/plugins/networking/l4proxy/test/udp_standalone
module=/usr/lib/nginx/modules/ngx_stream_module.so
for tool in nginx gcc taskset; do
    command -v $tool >/dev/null || {
        echo "udp.sh needs $tool: apt-get install nginx-light libnginx-mod-stream gcc util-linux" >&2
        exit 4
    }
done
[ -e $module ] || {
    echo "udp.sh needs nginx's stream module: apt-get install libnginx-mod-stream" >&2
    exit 4
}
[ -x "$ours" ] || ninja -C "$build" plugins/networking/l4proxy/test/udp_standalone >&2
work=$(mktemp -d)
pids=
finish() {
    for pid in $pids; do kill "$pid" 2>/dev/null || :; done
    rm -rf "$work"
}
trap finish EXIT INT TERM
gcc -O2 -o "$work/load" "$here/udp_load.c"
cat >"$work/nginx.conf" <<END
load_module $module;
worker_processes 1; daemon off; pid $work/nginx.pid; error_log $work/nginx.log;
events { worker_connections 16384; }
stream {
    server { listen 127.0.0.1:18291 udp; proxy_pass 127.0.0.1:18299; proxy_timeout 60s; }
}
END
taskset -c 1 nginx -c "$work/nginx.conf" & pids="$pids $!"
taskset -c 1 "$ours" udp://127.0.0.1:18290 udp://127.0.0.1:18299 2>/dev/null & ours_pid=$!
pids="$pids $ours_pid"
sleep 1
nginx_pid=$(cat "/proc/$(cat "$work/nginx.pid")/task/$(cat "$work/nginx.pid")/children")
nginx_pid=${nginx_pid%% *}

one() { # name pid port size flows window origin sender core
    before=$(cut -d' ' -f1 "/proc/$2/schedstat")
    # shellcheck disable=SC2086
    rates=$(taskset -c 0 "$work/load" "$3" 18299 "$4" "$5" "$seconds" "$6" "$7" $8)
    after=$(cut -d' ' -f1 "/proc/$2/schedstat")
    echo "$1 $4 $5 $6 $7 ${8:-singly} $9 $rates $((after - before)) $seconds" | awk '{
        printf "%-6s %5d bytes %4d flows window %3d origin %-7s sent %-6s %-5s core %8d/s arrived of %8d/s, %6.2f us CPU\n",
            $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 / 1000 / ($8 * $11) }'
}

for size in 64 1400; do
    for load in '1 0' '16 0' '256 0' '1 0 gro' '16 0 gro' '1 0 counted' '16 0 counted' '256 0 counted' \
        '1 0 counted joined' '16 0 counted joined' '16 4' '256 1'; do
        # shellcheck disable=SC2086
        set -- $load
        one nginx "$nginx_pid" 18291 "$size" "$1" "$2" "${3:-plain}" "${4:-}" whole
        one ours "$ours_pid" 18290 "$size" "$1" "$2" "${3:-plain}" "${4:-}" whole
    done
done
taskset -c 1 sh -c 'while :; do :; done' & pids="$pids $!"
for size in 64 1400; do
    for flows in 1 16 256; do
        one nginx "$nginx_pid" 18291 "$size" "$flows" 0 counted '' half
        one ours "$ours_pid" 18290 "$size" "$flows" 0 counted '' half
    done
done
