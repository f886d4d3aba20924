// SPDX-License-Identifier: MIT

// Command noproxy prints what golang.org/x/net/http/httpproxy decides for every bypass list and
// target of this file: the oracle behind cases.tsv.
//
//	go run . > cases.tsv
//
// The first line names all hosts (without brackets). Each other line: bypass list, port, and those of
// the hosts that are reached directly; all others go through the proxy.
package main

import (
	"bufio"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"golang.org/x/net/http/httpproxy"
)

var lists = []string{
	"",
	"*",
	" * ",
	"example.com",
	".example.com",
	"*.example.com",
	"EXAMPLE.com",
	" example.com , other.org ",
	"example.com,,other.org,",
	"example.com:80",
	"example.com:8080",
	".example.com:443",
	"*.example.com:8443",
	"example.com:080",
	"example.com:http",
	"example.com:",
	":80",
	".",
	"com",
	".com",
	"localhost",
	"127.0.0.1",
	"10.1.2.3",
	"10.1.2.3:80",
	"10.1.2.3:8080",
	"10.0.0.0/8",
	"10.1.2.3/16",
	"10.0.0.0/8,192.168.0.0/16",
	"10.0.0.0/33",
	"10.0.0.0/",
	"010.1.2.3",
	"0.0.0.0/0",
	"::/0",
	"::1",
	"[::1]",
	"fd00::1",
	"[fd00::1]",
	"[fd00::1]:80",
	"[fd00::1]:8080",
	"fd00::/8",
	"FD00::/8",
	"::ffff:10.1.2.3",
	"::ffff:10.0.0.0/104",
	"fe80::1%eth0",
	"http://example.com",
	"user@example.com",
	"example.com/path",
	"*,example.com",
	"other.org,*",
	"a.b.example.com",
	"xn--bcher-kva.example",
	"localhost,127.0.0.1,::1,172.19.1.100,172.20.0.0/16,172.21.0.0/16,.local,.cluster.local",
}

var hosts = []string{
	"example.com", "EXAMPLE.COM", "www.example.com", "a.b.example.com", "notexample.com",
	"example.com.", "example.org", "other.org", "com", "localhost", "LOCALHOST", "localhost.",
	"foo.localhost", "127.0.0.1", "127.9.9.9", "::1", "10.1.2.3", "10.200.0.1", "11.1.2.3",
	"192.168.5.5", "172.19.1.100", "172.20.3.4", "172.21.255.255", "172.22.0.1",
	"fd00::1", "fd00:0:0::1", "fe80::1", "2001:db8::1", "::ffff:10.1.2.3", "svc.local",
	"svc.cluster.local", "local", "xn--bcher-kva.example",
}

var ports = []struct{ scheme, port string }{
	{"http", ""}, {"http", "8080"}, {"https", ""}, {"https", "8443"},
}

func main() {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	fmt.Fprintf(out, "hosts\t\t%s\n", strings.Join(hosts, " "))
	for _, list := range lists {
		config := &httpproxy.Config{
			HTTPProxy: "http://proxy.test:3128", HTTPSProxy: "http://proxy.test:3128", NoProxy: list,
		}
		decide := config.ProxyFunc()
		for _, p := range ports {
			number := p.port
			if number == "" {
				number = map[string]string{"http": "80", "https": "443"}[p.scheme]
			}
			var direct []string
			for _, host := range hosts {
				written := net.JoinHostPort(host, number)
				if p.port == "" {
					written = strings.TrimSuffix(written, ":"+number)
				}
				proxy, err := decide(&url.URL{Scheme: p.scheme, Host: written, Path: "/"})
				if err != nil {
					fmt.Fprintln(os.Stderr, list, host, err)
					os.Exit(1)
				}
				if proxy == nil {
					direct = append(direct, host)
				}
			}
			fmt.Fprintf(out, "%s\t%s\t%s\n", list, number, strings.Join(direct, " "))
		}
	}
}
