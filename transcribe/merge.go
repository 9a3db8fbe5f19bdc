package transcribe

import (
	"strings"
	"time"
	"unicode"

	"github.com/parley/parley"
)

// splitWords cuts text into words as recognizers do: between spaces, the space in front, and each Chinese
// character by itself, punctuation with what it follows.
func splitWords(text string) []string {
	var words []string
	han := false
	for _, r := range strings.Join(strings.Fields(text), " ") {
		isHan := unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana)
		begins := len(words) == 0 || isHan || r == ' ' || han && (unicode.IsLetter(r) || unicode.IsDigit(r))
		if begins && (len(words) == 0 || words[len(words)-1] != " ") {
			words = append(words, "")
		}
		words[len(words)-1] += string(r)
		han = isHan
	}
	return words
}

// textsOf are the texts of words.
func textsOf(words []parley.Word) []string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = w.Text
	}
	return texts
}

// matches pairs words of two texts that are the same, in order, as many as can be: for each of a, its place
// in b or -1.
func matches(a, b []string) []int {
	longest := make([][]int, len(a)+1) // of a[i:] and b[j:]
	for i := range longest {
		longest[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if plain(a[i]) == plain(b[j]) {
				longest[i][j] = longest[i+1][j+1] + 1
			} else {
				longest[i][j] = max(longest[i+1][j], longest[i][j+1])
			}
		}
	}
	pairs := make([]int, len(a))
	for i, j := 0, 0; i < len(a); i++ {
		pairs[i] = -1
		for j < len(b) && longest[i][j] == longest[i][j+1] && plain(a[i]) != plain(b[j]) {
			j++
		}
		if j < len(b) && plain(a[i]) == plain(b[j]) && longest[i][j] == longest[i+1][j+1]+1 {
			pairs[i] = j
			j++
		}
	}
	return pairs
}

// merge puts what somebody changed in base into what was heard anew; false when both changed the same place
// in different ways.
func merge(base, edited, anew []string) ([]string, bool) {
	toEdited, toNew := matches(base, edited), matches(base, anew)
	var merged []string
	e, n := 0, 0
	take := func(toE, toN int, original []string) bool {
		changed, heard := edited[e:toE], anew[n:toN]
		switch {
		case same(changed, original):
			merged = append(merged, heard...)
		case same(heard, original), same(changed, heard):
			merged = append(merged, changed...)
		default:
			return false
		}
		return true
	}
	from := 0 // of base, what follows the last word that all three have
	for i := range base {
		if toEdited[i] < e || toNew[i] < n {
			continue // not in all three
		}
		if !take(toEdited[i], toNew[i], base[from:i]) {
			return nil, false
		}
		e, n = toEdited[i], toNew[i]
		word := anew[n]
		if edited[e] != base[i] { // somebody set a point, or a capital
			word = edited[e]
		}
		merged = append(merged, word)
		e, n, from = e+1, n+1, i+1
	}
	if !take(len(edited), len(anew), base[from:]) {
		return nil, false
	}
	return merged, true
}

// same reports whether two texts sound the same.
func same(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if plain(a[i]) != plain(b[i]) {
			return false
		}
	}
	return true
}

// retime gives words the times of those they stand for: a word that was there keeps its own, others share
// the time between their neighbours, within start and end.
func retime(texts []string, old []parley.Word, start, end time.Duration) []parley.Word {
	words := make([]parley.Word, len(texts))
	pairs := matches(texts, textsOf(old))
	for i := 0; i < len(texts); {
		if pairs[i] >= 0 {
			words[i] = old[pairs[i]]
			words[i].Text, words[i].Heard = texts[i], ""
			i++
			continue
		}
		to := i
		for to < len(texts) && pairs[to] < 0 {
			to++
		}
		from, until := start, end
		if i > 0 {
			from = words[i-1].End
		}
		if to < len(texts) {
			until = old[pairs[to]].Start
		}
		step := max(0, until-from) / time.Duration(to-i)
		for k := i; k < to; k++ {
			at := from + time.Duration(k-i)*step
			words[k] = parley.Word{Text: texts[k], Start: at, End: at + step}
		}
		i = to
	}
	if len(words) > 0 {
		words[0].Text = strings.TrimLeft(words[0].Text, " ")
	}
	return words
}
