package recorder_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/parley/parley"
)

// TestTheDocumentedManifestIsOne decodes the example of docs/storage-format.md strictly, and writes it
// again to the byte.
func TestTheDocumentedManifestIsOne(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/storage-format.md")
	must(t, err)
	_, rest, _ := strings.Cut(string(text), "```json\n")
	example, _, found := strings.Cut(rest, "\n```")
	if !found {
		t.Fatal("the document has no example")
	}
	decoder := json.NewDecoder(strings.NewReader(example))
	decoder.DisallowUnknownFields()
	var m parley.Manifest
	must(t, decoder.Decode(&m))
	again, err := json.MarshalIndent(m, "", " ")
	must(t, err)
	if !bytes.Equal(again, []byte(example)) {
		t.Errorf("it is written as\n%s", again)
	}
}
