package score

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Measure says what errors are counted in.
type Measure string

// The measures.
const (
	WER Measure = "WER" // words
	CER Measure = "CER" // characters
	MER Measure = "MER" // words, and Chinese characters
)

// MeasureOf is how a language is scored; "en+zh" is a mix.
func MeasureOf(lang string) Measure {
	switch {
	case strings.Contains(lang, "+"):
		return MER
	case lang == "zh" || lang == "yue":
		return CER
	default:
		return WER
	}
}

// Units splits text into what is compared. Text without any is nil.
func Units(m Measure, text string) []string {
	var units []string
	word := strings.Builder{}
	end := func() {
		if word.Len() > 0 {
			units = append(units, word.String())
			word.Reset()
		}
	}
	for _, r := range Simplified(strings.ToLower(norm.NFKC.String(text))) {
		switch {
		case r == '\'' || r == '’' || r == '‘' || r == 'ʼ':
			// it's and its are told apart by ear only
		case !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r):
			end()
		case m == CER, m == MER && unicode.Is(unicode.Han, r):
			end()
			units = append(units, string(r))
		default:
			word.WriteRune(r)
		}
	}
	end()
	return units
}

// Errors is the least number of units put in, left out or changed between what was said and heard.
func Errors(said, heard []string) int {
	row := make([]int, len(heard)+1) // distances of said[:i] to each beginning of heard
	for j := range row {
		row[j] = j
	}
	for i, unit := range said {
		diagonal := row[0]
		row[0] = i + 1
		for j := range heard {
			change := diagonal
			if unit != heard[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(heard)]
}
