// Reads documents of the image specification as the engines do: with Go's encoding/json, into the specification's own
// types. On standard input each line is KIND and the document in base64; on standard output each is what was read, or
// "refused" and why.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// What `docker load` reads of manifest.json: image/tarexport of docker.
type listed struct {
	Config   string
	RepoTags []string
	Layers   []string
}

func read(kind string, data []byte) (interface{}, error) {
	var shape interface{}
	switch kind {
	case "manifest":
		shape = &v1.Manifest{}
	case "index":
		shape = &v1.Index{}
	case "config":
		shape = &v1.Image{}
	case "list":
		shape = &[]listed{}
	}
	if err := json.Unmarshal(data, shape); err != nil {
		return nil, err
	}
	return shape, nil
}

func main() {
	input := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, err := input.ReadString('\n')
		if err != nil {
			return
		}
		words := strings.Fields(line)
		data, err := base64.StdEncoding.DecodeString(words[1])
		if err != nil {
			panic(err)
		}
		found, err := read(words[0], data)
		if err != nil {
			fmt.Printf("refused %q\n", err.Error())
			continue
		}
		told, err := json.Marshal(found)
		if err != nil {
			panic(err)
		}
		fmt.Println(string(told))
	}
}
