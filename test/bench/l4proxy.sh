#!/bin/sh
# SPDX-License-Identifier: MIT
# TCP forwarding, ours beside HAProxy and a bare epoll+splice relay: same load, same origin, in turns.
#   test/bench/l4proxy.sh [SECONDS [CONNECTIONS]]
# Client, proxy and origin are in three network namespaces joined by veth; the proxy has one core, the
# load the other. "ours-ns" runs outside and has its sockets in the proxy's namespace, as l4proxy does.
# CPU is user + system time of the proxy process. Needs root.
set -eu
seconds=${1:-3}
connections=${2:-32}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${K2S_BUILD:-$root/build/linux}
ours=$build/plugins/networking/l4proxy/test/l4proxy_standalone
for tool in haproxy gcc taskset ip; do
    command -v $tool >/dev/null || {
        echo "l4proxy.sh needs $tool: apt-get install haproxy gcc util-linux iproute2" >&2
        exit 4
    }
done
[ "$(id -u)" = 0 ] || { echo "l4proxy.sh makes network namespaces: run it as root" >&2; exit 4; }
[ -x "$ours" ] || ninja -C "$build" plugins/networking/l4proxy/test/l4proxy_standalone >&2
work=$(mktemp -d)
pids=
net=k2sb$$
finish() {
    for pid in $pids; do kill "$pid" 2>/dev/null || :; done
    for side in c p o; do ip netns del $net$side 2>/dev/null || :; done
    rm -rf "$work"
}
trap finish EXIT INT TERM
ulimit -n "$(ulimit -Hn)"

for side in c p o; do
    ip netns add $net$side
    ip -n $net$side link set lo up
done
join() { # namespace third-octet: a veth pair between it and the proxy's
    ip link add name eth0 netns "$1" type veth peer name "v$2" netns ${net}p
    ip -n "$1" addr add "10.97.$2.2/24" dev eth0
    ip -n ${net}p addr add "10.97.$2.1/24" dev "v$2"
    ip -n "$1" link set eth0 up
    ip -n ${net}p link set "v$2" up
}
join ${net}c 1
join ${net}o 2
# Each exchange of "rate" leaves a TIME_WAIT on both ways; nobody shall run out of ports.
for side in c p o; do
    ip netns exec $net$side sh -c 'echo 1024 65535 >/proc/sys/net/ipv4/ip_local_port_range
        echo 1000 >/proc/sys/net/ipv4/tcp_max_tw_buckets'
done

gcc -O2 -o "$work/load" "$here/tcp_load.c"
gcc -O2 -o "$work/relay" "$here/splice_relay.c"
cat >"$work/haproxy.cfg" <<END
global
    nbthread 1
    maxconn $((($(ulimit -n) - 200) / 2))
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen l
    bind 10.97.1.1:7001
    server s 10.97.2.2:7000
END
start() { # name port command…
    name=$1
    shift 2
    taskset -c 1 "$@" 2>"$work/$name.log" &
    echo $! >"$work/$name.pid"
    pids="$pids $!"
}
taskset -c 0 ip netns exec ${net}o "$work/load" serve 10.97.2.2:7000 &
pids="$pids $!"
start haproxy 7001 ip netns exec ${net}p haproxy -db -q -f "$work/haproxy.cfg"
start relay 7002 ip netns exec ${net}p "$work/relay" 10.97.1.1:7002 10.97.2.2:7000
start ours 7003 ip netns exec ${net}p "$ours" tcp://10.97.1.1:7003 tcp://10.97.2.2:7000
start ours-ns 7004 "$ours" "tcp://[netns:${net}p]10.97.1.1:7004" \
    "tcp://[netns:${net}p]10.97.2.2:7000"
sleep 1
hertz=$(getconf CLK_TCK)
port_of() {
    case $1 in haproxy) echo 7001 ;; relay) echo 7002 ;; ours) echo 7003 ;; *) echo 7004 ;; esac
}
ticks() { sed 's/.*) //' "/proc/$1/stat" | awk '{print $12 + $13}'; }
load() { # mode port key=value…
    mode=$1 port=$2
    shift 2
    ip netns exec ${net}c taskset -c 0 "$work/load" "$mode" "10.97.1.1:$port" "$@"
}
rss() { awk '/VmRSS/ {print $2}' "/proc/$1/status"; }

measure() { # mode name key=value…
    mode=$1 name=$2
    shift 2
    pid=$(cat "$work/$name.pid")
    before=$(ticks "$pid")
    line=$(load "$mode" "$(port_of "$name")" "$@" | grep RESULT)
    after=$(ticks "$pid")
    echo "$line" | awk -v name="$name" -v mode="$mode" -v ticks=$((after - before)) -v hz="$hertz" '{
        if (mode == "bulk")
            printf "%-8s %6.2f Gbit/s  %.3f s CPU per GB\n", name, $7 * 8 / $6 / 1e3,
                ticks / hz / ($7 / 1e9)
        else
            printf "%-8s %8.0f/s  %6.2f us CPU each  p50 %5d us  p99 %6d us  errors %d\n",
                name, $2 / ($6 / 1e6), ticks / hz / $2 * 1e6, $4, $5, $3 }'
}

all="haproxy relay ours ours-ns"
for round in 1 2 3; do
    for what in "rate connect, 1 KB there and back, close" "keep 1 KB there and back, kept"; do
        echo "${what#* }, $connections connections"
        for name in $all; do
            measure "${what%% *}" $name connections="$connections" seconds="$seconds"
        done
    done
done
echo "1 KB there and back, kept, one connection"
for name in $all; do measure keep $name connections=1 seconds="$seconds"; done
for streams in 1 8; do
    for round in 1 2; do
        echo "bulk, $streams streams"
        for name in $all; do
            measure bulk $name connections=$streams bytes=$((8000000000 / streams))
        done
    done
done
idle=$((($(ulimit -n) - 800) / 2)) # two descriptors each, some left for the load
[ "$idle" -le 10000 ] || idle=10000
open_idle() { # name: connections that stay open until close_idle
    ip netns exec ${net}c taskset -c 0 "$work/load" idle "10.97.1.1:$(port_of "$1")" \
        connections=$idle seconds=2 >/dev/null &
    idler=$!
    sleep 3
}
close_idle() {
    kill $idler
    wait $idler 2>/dev/null || :
}
echo "memory of a pair, $idle of them idle"
for name in haproxy ours ours-ns; do # the bare relay has no descriptors for so many
    pid=$(cat "$work/$name.pid")
    load keep "$(port_of $name)" connections=64 seconds=1 >/dev/null
    before=$(rss "$pid")
    open_idle $name
    during=$(rss "$pid")
    close_idle
    awk -v name=$name -v kb=$((during - before)) -v n=$idle 'BEGIN {
        printf "%-8s %6.2f KB\n", name, kb / n }'
done
echo "cost with $idle idle connections beside"
for name in haproxy ours ours-ns; do
    open_idle $name
    measure keep $name connections="$connections" seconds="$seconds"
    close_idle
done
