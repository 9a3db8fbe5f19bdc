package sherpa

import (
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/parley/parley"
)

// token is one piece of text as Whisper makes it: some bytes, not always whole characters.
type token struct {
	bytes      []byte
	start, end time.Duration
}

// glyph is one character with the time of the tokens it came from.
type glyph struct {
	r          rune
	start, end time.Duration
}

// joinGlyphs puts characters together that span tokens; bytes that make no character are dropped.
func joinGlyphs(tokens []token) []glyph {
	var glyphs []glyph
	var rest []byte
	var start time.Duration
	for _, t := range tokens {
		if len(rest) == 0 {
			start = t.start
		}
		rest = append(rest, t.bytes...)
		for len(rest) > 0 && utf8.FullRune(rest) {
			r, size := utf8.DecodeRune(rest)
			rest = rest[size:]
			if r != utf8.RuneError || size > 1 {
				glyphs = append(glyphs, glyph{r, start, t.end})
			}
			start = t.start
		}
	}
	return glyphs
}

// joinWords makes words of tokens: one for each Chinese or Japanese character, and one between
// spaces elsewhere, the space in front. Punctuation goes with what it follows. Times rise and are
// within total; a word ends early where the next one starts after a pause.
func joinWords(tokens []token, total time.Duration) []parley.Word {
	var words []parley.Word
	ideograph := false // what the last word is made of
	for _, g := range joinGlyphs(tokens) {
		whole := unicode.In(g.r, unicode.Han, unicode.Hiragana, unicode.Katakana)
		begins := len(words) == 0 || g.r == ' ' || whole || (ideograph && unicode.IsLetter(g.r))
		if begins && len(words) > 0 && words[len(words)-1].Text == " " && g.r != ' ' {
			begins = false // the space in front is here already
		}
		if begins {
			words = append(words, parley.Word{Start: g.start})
			ideograph = false
		}
		w := &words[len(words)-1]
		w.Text += string(g.r)
		w.End = g.end
		ideograph = ideograph || whole
	}
	return settleTimes(trimWords(words), total)
}

// trimWords drops words of nothing but space, and the space in front of the first.
func trimWords(words []parley.Word) []parley.Word {
	kept := words[:0]
	for _, w := range words {
		if w.Text == " " || w.Text == "" {
			continue
		}
		if len(kept) == 0 && w.Text[0] == ' ' {
			w.Text = w.Text[1:]
		}
		kept = append(kept, w)
	}
	return kept
}

// settleTimes makes times rise. The engine gives each token the time up to the next one, pauses
// included: nobody takes longer over a word than its length allows.
func settleTimes(words []parley.Word, total time.Duration) []parley.Word {
	const perWord, perCharacter = 300 * time.Millisecond, 80 * time.Millisecond
	var last time.Duration
	for i := range words {
		w := &words[i]
		w.Start = min(max(w.Start, last), total)
		longest := perWord + time.Duration(utf8.RuneCountInString(w.Text))*perCharacter
		w.End = min(max(w.End, w.Start), w.Start+longest, total)
		last = w.Start
	}
	for i := range len(words) - 1 {
		words[i].End = min(words[i].End, words[i+1].Start)
	}
	return words
}
