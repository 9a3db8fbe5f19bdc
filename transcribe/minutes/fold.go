package minutes

import (
	_ "embed"
	"strings"
	"unicode"
)

// foldTable lists pairs of characters, traditional before simplified.
//
//go:embed tables/fold.txt
var foldTable string

// folder makes text comparable: lower case, half width, simplified characters. It maps one rune to
// one rune, so that positions in the verbatim text stay known.
type folder struct {
	simple map[rune]rune // constant after newFolder
}

// newFolder reads the table of character pairs.
func newFolder(table string) *folder {
	f := &folder{simple: map[rune]rune{}}
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for _, pair := range strings.Fields(line) {
			runes := []rune(pair)
			if len(runes) == 2 {
				f.simple[runes[0]] = runes[1]
			}
		}
	}
	return f
}

// rune folds one character.
func (f *folder) rune(r rune) rune {
	switch {
	case r >= 'a' && r <= 'z':
		return r
	case r == '\u3000':
		return ' '
	case r >= '\uff01' && r <= '\uff5e': // full-width ASCII, Unicode block FF00
		r -= 0xfee0
	case r == '\u2018' || r == '\u2019' || r == '\u02bc' || r == '`':
		return '\''
	case r >= '\u2010' && r <= '\u2015':
		return '-'
	}
	if simple, ok := f.simple[r]; ok {
		return simple
	}
	return unicode.ToLower(r)
}

// text folds a whole string.
func (f *folder) text(s string) string { return strings.Map(f.rune, s) }

// isHan reports whether r is written without spaces around it: a Chinese character.
func isHan(r rune) bool {
	return r >= '\u3400' && r <= '\u9fff' || r >= '\uf900' && r <= '\ufaff' || r >= '\U00020000' && r <= '\U0003134f'
}
