package score

import (
	_ "embed"
	"strings"
	"sync"
	"unicode/utf8"
)

// foldTable has a line for each traditional character: it, a tab, the simplified ones it may become,
// the usual one first.
//
//go:embed TSCharacters.txt
var foldTable string

// simplified maps traditional characters to simplified ones, read once.
var simplified = sync.OnceValue(func() map[rune]rune { //nolint:gochecknoglobals // constant once read
	table := make(map[rune]rune, 1<<12)
	for line := range strings.Lines(foldTable) {
		from, to, ok := strings.Cut(strings.TrimSpace(line), "\t")
		r, size := utf8.DecodeRuneInString(from)
		if !ok || strings.HasPrefix(line, "#") || size != len(from) {
			continue
		}
		usual, _ := utf8.DecodeRuneInString(to)
		table[r] = usual
	}
	return table
})

// Simplified writes text in simplified characters, each by itself: good for comparing, not for showing.
func Simplified(text string) string {
	table := simplified()
	return strings.Map(func(r rune) rune {
		if s, ok := table[r]; ok {
			return s
		}
		return r
	}, text)
}
