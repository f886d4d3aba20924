// SPDX-License-Identifier: MIT

// Go's net/http through a proxy: client PROXY HTTP-ORIGIN
package main

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"sync"
)

func fail(what string, err error) {
	fmt.Fprintln(os.Stderr, what, err)
	os.Exit(1)
}

// echo answers with the request's body, and its trailer as one of its own.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body) // net/http's server does not read on once it writes
	if err != nil {
		fail("origin", err)
	}
	w.Header().Set("Trailer", "X-Sum")
	w.Write(body)
	w.Header().Set("X-Sum", r.Trailer.Get("X-Sum"))
}

func exchange(client *http.Client, target string, body []byte, chunked bool) {
	request, err := http.NewRequest("POST", target, bytes.NewReader(body))
	if err != nil {
		fail("request", err)
	}
	if chunked {
		request.ContentLength = -1
		request.Trailer = http.Header{"X-Sum": []string{"7"}}
	}
	answer, err := client.Do(request)
	if err != nil {
		fail(target, err)
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	if err != nil || !bytes.Equal(got, body) {
		fail(target+" body differs", err)
	}
	if chunked && answer.Trailer.Get("X-Sum") != "7" {
		fail(target+" trailer is lost", nil)
	}
}

func main() {
	proxy, err := url.Parse(os.Args[1])
	if err != nil {
		fail("proxy", err)
	}
	plain := httptest.NewServer(http.HandlerFunc(echo))
	secure := httptest.NewTLSServer(http.HandlerFunc(echo))
	client := secure.Client()
	client.Transport.(*http.Transport).Proxy = func(*http.Request) (*url.URL, error) { return proxy, nil }
	body := make([]byte, 3000000)
	rand.Read(body)
	var all sync.WaitGroup
	for i := 0; i < 8; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for round := 0; round < 5; round++ {
				for _, origin := range []string{plain.URL, secure.URL} {
					exchange(client, origin, body[:round*1000], round%2 == 1)
					exchange(client, origin, body, round%2 == 0)
				}
			}
		}()
	}
	all.Wait()
	fmt.Println("ok")
}
