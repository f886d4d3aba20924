-- SPDX-License-Identifier: MIT
-- wrk as the client of a forward proxy: absolute-form requests. Usage: wrk … -s httpproxy.lua URL-OF-PROXY -- URL
function init(args)
    wrk.headers["Host"] = args[1]:match("://([^/]+)")
    request_bytes = wrk.format("GET", args[1])
end

function request()
    return request_bytes
end

function done(summary, latency, requests)
    io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests,
        summary.errors.connect + summary.errors.read + summary.errors.write +
        summary.errors.status + summary.errors.timeout,
        latency:percentile(50), latency:percentile(99), summary.duration))
end
