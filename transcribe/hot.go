package transcribe

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/parley/parley"
	"github.com/parley/parley/transcribe/minutes"
	"github.com/parley/parley/transcribe/score"
)

//go:embed common_en.txt
var commonTable string

// commonWords are words that a recognizer writes right by itself, and that people say: none of them is
// taken for a name. Read once.
var commonWords = sync.OnceValue(func() map[string]bool { //nolint:gochecknoglobals // constant once read
	words := make(map[string]bool, 1<<15)
	for line := range strings.Lines(commonTable) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "#") {
			words[line] = true
		}
	}
	return words
})

const (
	// leastLatin and leastHan are how long a hot word is at least: what is shorter sounds like too much.
	leastLatin = 3
	leastHan   = 3
)

// hotWords are words that are likely in a meeting and that a model may not know: names of those
// present, the firm's own terms. It is constant once made.
type hotWords struct {
	latin []string
	han   []hanWord
}

// hanWord is a word in Chinese characters with how they sound in Mandarin and in Cantonese.
type hanWord struct {
	runes             []rune
	sounds, cantonese []string
}

// newHotWords takes names and terms as people write them.
func newHotWords(terms []string) hotWords {
	var h hotWords
	for _, term := range terms {
		for word := range strings.FieldsSeq(term) {
			runes := []rune(strings.TrimFunc(word, func(r rune) bool { return !unicode.IsLetter(r) }))
			switch {
			case len(runes) >= leastHan && isHan(runes...):
				h.han = append(h.han, hanWord{runes, soundsOf(runes), cantoneseSoundsOf(runes)})
			case len(runes) >= leastLatin && isLatin(runes) && !slices.Contains(h.latin, string(runes)):
				h.latin = append(h.latin, string(runes))
			}
		}
	}
	return h
}

// isHan reports whether all are Chinese characters.
func isHan(runes ...rune) bool {
	return !slices.ContainsFunc(runes, func(r rune) bool { return !unicode.Is(unicode.Han, r) })
}

func isLatin(runes []rune) bool {
	return !slices.ContainsFunc(runes, func(r rune) bool { return r >= unicode.MaxASCII || !unicode.IsLetter(r) })
}

// correct puts hot words in the place of words that sound like them, in the language that is spoken, and that
// nobody else says. What was heard is kept in Heard. It changes words.
func (h hotWords) correct(words []parley.Word, lang string) []parley.Word {
	for i := range words {
		h.correctLatin(&words[i])
	}
	for _, hot := range h.han {
		for i := 0; i+len(hot.runes) <= len(words); i++ {
			hot.correct(words[i:i+len(hot.runes)], lang)
		}
	}
	return words
}

func (h hotWords) correctLatin(w *parley.Word) {
	from := strings.IndexFunc(w.Text, unicode.IsLetter)
	if from < 0 || len(h.latin) == 0 {
		return
	}
	core := w.Text[from:]
	if end := strings.IndexFunc(core, func(r rune) bool { return !unicode.IsLetter(r) }); end >= 0 {
		core = core[:end]
	}
	rest := w.Text[from+len(core):]
	if len(core) < leastLatin || !isLatin([]rune(core)) || strings.ContainsFunc(rest, unicode.IsDigit) {
		return
	}
	lower := strings.ToLower(core)
	if commonWords()[lower] || !strings.ContainsAny(lower, "aeiouy") {
		return
	}
	if hot := h.soundingLike(lower); hot != "" && !strings.EqualFold(hot, core) {
		w.Heard = w.Text
		w.Text = w.Text[:from] + hot + rest
	}
}

// soundingLike is the one hot word that a word sounds like, or that hangs on to a hesitation in it;
// "" when there is none, or more than one.
func (h hotWords) soundingLike(word string) string {
	found := ""
	for _, hot := range h.latin {
		if strings.EqualFold(hot, word) {
			return hot
		}
		if !minutes.SoundsLike(hot, word) && !hesitatesBefore(word, strings.ToLower(hot)) {
			continue
		}
		if found != "" {
			return ""
		}
		found = hot
	}
	return found
}

// hesitatesBefore reports whether a word is "um" and a name in one, as "um Ben" is heard as "Ambent".
func hesitatesBefore(word, name string) bool {
	before, after, ok := strings.Cut(word, name)
	return ok && len(after) <= 1 && slices.Contains([]string{"um", "uhm", "am", "em", "im", "om", "m", "uh", "ah", "er"}, before)
}

// correct replaces characters that sound as those of the word do, all of them.
func (h hanWord) correct(words []parley.Word, lang string) {
	heard := make([]rune, len(words))
	for i, w := range words {
		runes := []rune(strings.TrimFunc(w.Text, func(r rune) bool { return !unicode.IsLetter(r) }))
		if len(runes) != 1 || !isHan(runes...) {
			return
		}
		heard[i] = runes[0]
	}
	sound, want := soundsOf, h.sounds
	if lang == "yue" {
		sound, want = cantoneseSoundsOf, h.cantonese
	}
	if score.Simplified(string(heard)) == score.Simplified(string(h.runes)) || !slices.Equal(sound(heard), want) {
		return
	}
	for i := range words {
		if heard[i] != h.runes[i] {
			words[i].Heard = words[i].Text
			words[i].Text = strings.Replace(words[i].Text, string(heard[i]), string(h.runes[i]), 1)
		}
	}
}
