// SPDX-License-Identifier: MIT

// Command goproxy is the peer of test/bench/httpproxy.py: the library that the original tool uses,
// without logging.
package main

import (
	"log"
	"net/http"
	"os"

	"github.com/elazarl/goproxy"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: goproxy host:port")
	}
	proxy := goproxy.NewProxyHttpServer()
	// As many kept connections per origin as the benchmark has clients; the default of 2 would make
	// the peer reconnect all the time.
	proxy.Tr.MaxIdleConnsPerHost = 512
	log.Fatal(http.ListenAndServe(os.Args[1], proxy))
}
