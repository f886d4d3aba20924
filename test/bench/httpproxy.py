#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""httpproxy beside goproxy, squid and, for tunnels, a bare epoll and splice relay: the same origin, the
proxy on one core, load and origin on the other. CPU is user and system time of the proxy.
K2S_BENCH_ROUNDS, K2S_BENCH_SECONDS; K2S_PROXY names another executable than the installed one."""
import os
import socket
import subprocess

from side_by_side import (HERE, LOAD_CORE, PROXY_CORE, SECONDS, Programs, cpu_seconds, in_turns, load,
                          need, resident_kb, table)

ORIGIN, ECHO, RELAY = 18080, 19000, 18300
PORTS = {"ours": 18181, "goproxy": 18182, "squid": 18183}
# Sends the same load straight through, so it is asked without CONNECT.
RELAY_NAME = "bare relay"

NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 16384; }}
http {{
    access_log off; keepalive_requests 1000000000; keepalive_timeout 300s; sendfile on;
    client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{ listen 127.0.0.1:18080 backlog=1024; root {folder}/www; open_file_cache max=16; }}
}}
"""

SQUID = """
http_port 127.0.0.1:18183
http_access allow all
cache deny all
cache_mem 0
access_log none
cache_log /dev/null
cache_store_log none
pid_filename none
shutdown_lifetime 0 seconds
max_filedescriptors 16384
"""


def start_all(programs):
    os.mkdir(programs.path("www"))
    for name, size in (("1k", 1 << 10), ("1m", 1 << 20), ("100m", 100 << 20)):
        with open(programs.path("www/" + name), "wb") as file:
            file.write(b"x" * size)
    origin = programs.write("nginx.conf", NGINX.format(folder=programs.folder))
    programs.start(LOAD_CORE, ["nginx", "-c", origin], ORIGIN)
    programs.tcp_load = programs.compile("tcp_load.c")
    programs.start(LOAD_CORE, [programs.tcp_load, "serve", f"127.0.0.1:{ECHO}"], ECHO)
    subprocess.run(["go", "build", "-o", programs.path("goproxy"), "."],
                   cwd=os.path.join(HERE, "peers", "goproxy"), check=True)
    return {
        "ours": programs.start(PROXY_CORE, [os.environ["K2S_PROXY"], "--addr=127.0.0.1:18181",
                                            "--max-connections=20000"], PORTS["ours"],
                               env=os.environ | {"K2S_STATE_DIR": programs.path("state"),
                                                 "K2S_LOG_ROOT": programs.path("log")}),
        "goproxy": programs.start(PROXY_CORE, [programs.path("goproxy"), "127.0.0.1:18182"],
                                  PORTS["goproxy"]),
        "squid": programs.start(PROXY_CORE, ["squid", "-N", "-f", programs.write("squid.conf", SQUID)],
                                PORTS["squid"]),
        RELAY_NAME: programs.start(PROXY_CORE, [programs.compile("splice_relay.c"),
                                                f"127.0.0.1:{RELAY}", f"127.0.0.1:{ECHO}"], RELAY),
    }


def requests(peers, path, connections):
    def measure(name):
        before = cpu_seconds(peers[name])
        count, errors, p50, p99, passed = load(
            ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "-s", HERE + "/httpproxy.lua",
             f"http://127.0.0.1:{PORTS[name]}", "--", f"http://127.0.0.1:{ORIGIN}/{path}"])
        cpu = cpu_seconds(peers[name]) - before
        return {"µs CPU": cpu / count * 1e6, "req/s": count / passed * 1e6, "p50 µs": p50, "p99 µs": p99,
                "errors": errors}
    return measure


def body(peers, path, connect):
    def measure(name):
        before = cpu_seconds(peers[name])
        command = ["taskset", "-c", LOAD_CORE, "curl", "-s", "-o", "/dev/null", "-w", "%{speed_download}\n",
                   "-x", f"http://127.0.0.1:{PORTS[name]}"] + (["-p"] if connect else [])
        url = f"http://127.0.0.1:{ORIGIN}/{path}"
        speeds = [float(subprocess.run(command + [url], capture_output=True, text=True,
                                       check=True).stdout) for _ in range(5)]
        cpu = cpu_seconds(peers[name]) - before
        return {"ms CPU": cpu / len(speeds) * 1e3, "MB/s": sorted(speeds)[2] / 1e6}
    return measure


def tunnels(programs, peers, mode, **options):
    def measure(name):
        words = [f"{key}={value}" for key, value in options.items()]
        port = PORTS.get(name, RELAY)
        if name != RELAY_NAME:
            words.append(f"connect=127.0.0.1:{ECHO}")
        before = cpu_seconds(peers[name])
        count, errors, p50, p99, passed, moved = load(
            [programs.tcp_load, mode, f"127.0.0.1:{port}"] + words)
        cpu = cpu_seconds(peers[name]) - before
        if mode == "bulk":
            return {"CPU s/GB": cpu / moved * 1e9, "MB/s": moved / passed}
        return {"µs CPU": cpu / count * 1e6, "per s": count / passed * 1e6, "p50 µs": p50, "p99 µs": p99,
                "errors": errors}
    return measure


def memory(programs, peer, name, count):
    before = resident_kb(peer)
    idle = programs.start(LOAD_CORE, [programs.tcp_load, "idle", f"127.0.0.1:{PORTS[name]}", "seconds=3",
                                      f"connections={count}", f"connect=127.0.0.1:{ECHO}"])
    try:
        idle.wait(5)
    except subprocess.TimeoutExpired:
        pass
    used = resident_kb(peer) - before
    idle.kill()
    print(f"  {name:12} {used / count:.1f} KB per idle tunnel ({count} of them)", flush=True)


def soak(peers, wanted):
    """Memory before and after very many requests, once the buffers are warm."""
    ask = requests(peers, "1k", 32)
    ask("ours")
    before = resident_kb(peers["ours"])
    done = 0
    while done < wanted:
        row = ask("ours")
        done += row["req/s"] * SECONDS
    print(f"  ours         {before} KB before, {resident_kb(peers['ours'])} KB after {done:,.0f} requests")


def hold_clients(count):
    """Clients that have asked once and keep their connection."""
    held = []
    for number in range(count):  # a thousand per address: the limit per client is 1024
        client = socket.create_connection(("127.0.0.1", PORTS["ours"]),
                                          source_address=(f"127.0.0.{2 + number // 1000}", 0))
        client.sendall(b"GET http://127.0.0.1:18080/1k HTTP/1.1\r\nHost: 127.0.0.1:18080\r\n\r\n")
        client.recv(4096)
        held.append(client)
    return held


def main():
    need("nginx", "wrk", "go", "squid", "curl", "taskset", "cc")
    with Programs() as programs:
        peers = start_all(programs)
        proxies = list(PORTS)
        for connections in (32, 256):
            table(f"GET of 1 KB, keep-alive, {connections} connections",
                  in_turns(proxies, requests(peers, "1k", connections)), "µs CPU")
        table("GET of 1 MB, 8 connections", in_turns(proxies, requests(peers, "1m", 8)), "µs CPU")
        table("GET of 100 MB", in_turns(proxies, body(peers, "100m", False)), "ms CPU")
        everyone = proxies + [RELAY_NAME]
        table("CONNECT, 2 GB on one tunnel",
              in_turns(everyone, tunnels(programs, peers, "bulk", connections=1, bytes=2 << 30)),
              "CPU s/GB")
        table("new tunnel, 1 KB there and back, close; 16 at a time",
              in_turns(everyone, tunnels(programs, peers, "rate", connections=16, seconds=SECONDS)),
              "µs CPU")
        table("1 KB there and back on 16 kept tunnels",
              in_turns(everyone, tunnels(programs, peers, "keep", connections=16, seconds=SECONDS)),
              "µs CPU")
        print("memory")
        for name in proxies:
            memory(programs, peers[name], name, 1000)
        soak(peers, 1_000_000)
        for idle in (10, 9000):
            held = hold_clients(idle)
            table(f"GET of 1 KB, 32 connections, beside {idle} idle clients",
                  in_turns(["ours"], requests(peers, "1k", 32)), "µs CPU")
            for client in held:
                client.close()


if __name__ == "__main__":
    main()
