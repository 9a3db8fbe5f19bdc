package score

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/parley/parley"
)

// Recording is one row of a manifest.
type Recording struct {
	File      string // as it stands there: relative to the manifest
	Lang      string // "en", "zh", "yue", or a mix: "en+zh"
	Speaker   string // "" when the manifest does not say
	Reference string // what was said; "" when nobody knows
}

// manifestLimit bounds what is read: a row is a minute of speech, half a kilobyte.
const manifestLimit = 32 << 20

// ReadManifest reads a table: tab-separated, the columns named in the first line. file, language and
// reference must be there, speaker may, others are passed over. Errors are Invalid and name the line.
func ReadManifest(r io.Reader) ([]Recording, error) {
	fail := func(line int, format string, args ...any) error {
		return &parley.Error{
			Op: "read manifest", Kind: parley.Invalid, Say: fmt.Sprintf("line %d: %s", line, fmt.Sprintf(format, args...)),
		}
	}
	text, err := io.ReadAll(io.LimitReader(r, manifestLimit+1))
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	if len(text) > manifestLimit {
		return nil, fail(1, "the manifest is longer than %d MB", manifestLimit>>20)
	}
	var names []string
	var rows []Recording
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) == "" {
			continue
		}
		cells := strings.Split(line, "\t")
		if names == nil {
			names = cells
			for _, want := range []string{"file", "language", "reference"} {
				if !slices.Contains(names, want) {
					return nil, fail(number, "no column is called %q", want)
				}
			}
			continue
		}
		cell := func(name string) string {
			if i := slices.Index(names, name); i >= 0 && i < len(cells) {
				return strings.TrimSpace(cells[i])
			}
			return ""
		}
		row := Recording{File: cell("file"), Lang: cell("language"), Speaker: cell("speaker"), Reference: cell("reference")}
		if row.File == "" || row.Lang == "" {
			return nil, fail(number, "a file and its language must be named")
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return nil, fail(number, "the manifest lists no recording")
	}
	return rows, nil
}
