module k2s.test/conformance/noproxy

go 1.26

require golang.org/x/net v0.50.0

require golang.org/x/text v0.34.0 // indirect
