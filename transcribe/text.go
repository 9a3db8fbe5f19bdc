package transcribe

import (
	"strings"

	"github.com/parley/parley"
)

// textOf joins words as they were said.
func textOf(words []parley.Word) string {
	var b strings.Builder
	for _, w := range words {
		b.WriteString(w.Text)
	}
	return strings.TrimSpace(b.String())
}
