package sherpa

import (
	"bufio"
	"bytes"
	"io"
	"sync"
)

// noise sums up what a child writes to its standard error. The text itself is not kept: a library
// may print what it heard.
type noise struct {
	mu     sync.Mutex // guards everything below
	lines  int
	reason string // the last known reason to end that was seen; "" for none
}

// reasons are what the libraries say before they end the process, and what it means.
func reasons() map[string]string {
	return map[string]string{
		"Protobuf parsing failed": "a model file is damaged",
		"Load model from":         "a model file cannot be loaded",
		"bad_alloc":               "out of memory",
		"cannot allocate memory":  "out of memory",
		"panic:":                  "a fault in parley",
		"fatal error:":            "a fault in parley",
	}
}

// read takes lines until r ends; the rest of a line that is longer than the buffer is dropped.
func (n *noise) read(r io.Reader) {
	known := reasons()
	in := bufio.NewReaderSize(r, 1024)
	for {
		line, rest, err := in.ReadLine()
		if err != nil {
			return
		}
		n.mu.Lock()
		if !rest {
			n.lines++
		}
		for text, reason := range known {
			if bytes.Contains(line, []byte(text)) {
				n.reason = reason
			}
		}
		n.mu.Unlock()
	}
}

func (n *noise) summary() (lines int, reason string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.lines, n.reason
}
