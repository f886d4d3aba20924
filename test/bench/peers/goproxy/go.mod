module k2s.test/bench/goproxy

go 1.26

require github.com/elazarl/goproxy v1.8.3

require (
	golang.org/x/net v0.43.0 // indirect
	golang.org/x/text v0.28.0 // indirect
)
