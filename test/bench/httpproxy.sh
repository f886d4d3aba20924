#!/bin/sh
# SPDX-License-Identifier: MIT
# CPU per proxied request, ours beside goproxy: same origin, same client, alternating runs.
#   test/bench/httpproxy.sh [SECONDS [CONNECTIONS]]
# K2S_PROXY names another executable than the build's httpproxy_standalone.
# The proxy has one core, the load generator and the origin the other one. CPU is user + system time
# of the proxy process, so a busy machine changes the rate but hardly the cost.
set -eu
seconds=${1:-5}
connections=${2:-32}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
ours=${K2S_PROXY:-${K2S_BUILD:-$root/build/linux}/plugins/networking/httpproxy/test/httpproxy_standalone}
for tool in nginx wrk go taskset; do
    command -v $tool >/dev/null || {
        echo "httpproxy.sh needs $tool: apt-get install nginx-light wrk golang-go util-linux" >&2
        exit 4
    }
done
if [ ! -x "$ours" ]; then
    ninja -C "${K2S_BUILD:-$root/build/linux}" plugins/networking/httpproxy/test/httpproxy_standalone >&2
fi
work=$(mktemp -d)
pids=
finish() {
    for pid in $pids; do kill "$pid" 2>/dev/null || :; done
    rm -rf "$work"
}
trap finish EXIT INT TERM

(cd "$here/peers/goproxy" && go build -o "$work/goproxy" .)
mkdir "$work/www"
head -c 1024 /dev/zero | tr '\0' x >"$work/www/1k"
head -c 1048576 /dev/zero >"$work/www/1m"
head -c 104857600 /dev/zero >"$work/www/100m"
cat >"$work/nginx.conf" <<EOF
worker_processes 1; daemon off; pid $work/nginx.pid; error_log $work/nginx.log;
events { worker_connections 4096; }
http {
    access_log off; keepalive_requests 1000000000; keepalive_timeout 300s; sendfile on;
    client_body_temp_path $work/b; proxy_temp_path $work/p; fastcgi_temp_path $work/f;
    uwsgi_temp_path $work/u; scgi_temp_path $work/s;
    server { listen 127.0.0.1:18080 backlog=1024; root $work/www; open_file_cache max=16; }
}
EOF
chmod -R a+rX "$work"
taskset -c 0 nginx -c "$work/nginx.conf" & pids="$pids $!"
taskset -c 1 "$ours" --addr=127.0.0.1:18181 2>"$work/ours.log" & ours_pid=$!
taskset -c 1 "$work/goproxy" 127.0.0.1:18182 2>"$work/goproxy.log" & goproxy_pid=$!
pids="$pids $ours_pid $goproxy_pid"
sleep 1

ticks() { # user + system time of a process in clock ticks
    sed 's/.*) //' "/proc/$1/stat" | awk '{print $12 + $13}'
}
hertz=$(getconf CLK_TCK)

keep_alive() { # name pid port
    before=$(ticks "$2")
    line=$(taskset -c 0 wrk -t1 -c"$connections" -d"${seconds}s" -s "$here/httpproxy.lua" \
        "http://127.0.0.1:$3" -- http://127.0.0.1:18080/1k | grep RESULT)
    after=$(ticks "$2")
    echo "$line" | awk -v name="$1" -v ticks=$((after - before)) -v hz="$hertz" '{
        printf "%-8s %8.0f req/s  %7.2f us CPU/request  p50 %6.2f ms  p99 %6.2f ms  errors %d\n",
            name, $2 / ($6 / 1e6), ticks / hz / $2 * 1e6, $4 / 1e3, $5 / 1e3, $3 }' |
        tee -a "$work/result.$1"
}

bulk() { # name pid port what curl-option
    before=$(ticks "$2")
    speed=$(for each in 1 2 3; do
        taskset -c 0 curl -s $5 -o /dev/null -w '%{speed_download} ' -x "http://127.0.0.1:$3" \
            http://127.0.0.1:18080/100m
    done)
    after=$(ticks "$2")
    echo "$speed" | awk -v name="$1" -v what="$4" -v ticks=$((after - before)) -v hz="$hertz" '{
        printf "%-8s %-12s %6.0f MB/s  %6.1f ms CPU per 100 MB\n",
            name, what, $NF / 1e6, ticks / hz * 1e3 / NF }'
}

echo "GET of 1 KB, keep-alive, $connections connections, $seconds s each"
for round in 1 2 3; do
    keep_alive ours "$ours_pid" 18181
    keep_alive goproxy "$goproxy_pid" 18182
done
median() { awk '{print $4}' "$work/result.$1" | sort -n | sed -n 2p; }
awk -v a="$(median ours)" -v b="$(median goproxy)" 'BEGIN {
    printf "median: ours %.2f us, goproxy %.2f us, ratio %.2f\n", a, b, a / b }'
echo "one 100 MB body"
for round in 1 2; do
    bulk ours "$ours_pid" 18181 plain ''
    bulk goproxy "$goproxy_pid" 18182 plain ''
    bulk ours "$ours_pid" 18181 CONNECT -p
    bulk goproxy "$goproxy_pid" 18182 CONNECT -p
done
grep VmRSS "/proc/$ours_pid/status" | sed 's/^/ours: /'
grep VmRSS "/proc/$goproxy_pid/status" | sed 's/^/goproxy: /'
