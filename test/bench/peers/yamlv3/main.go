// SPDX-License-Identifier: MIT

// Command yamlv3 does with yaml.v3 and encoding/json what yaml2json does: each document of a file
// becomes a line of JSON on standard output.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"log"
	"os"

	"gopkg.in/yaml.v3"
)

func main() {
	file, err := os.Open(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	out := bufio.NewWriterSize(os.Stdout, 64<<10)
	decoder := yaml.NewDecoder(bufio.NewReaderSize(file, 64<<10))
	encoder := json.NewEncoder(out)
	for {
		var document any
		if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			log.Fatal(err)
		}
		if err := encoder.Encode(document); err != nil {
			log.Fatal(err)
		}
	}
	if err := out.Flush(); err != nil {
		log.Fatal(err)
	}
}
