package remote

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/parley/parley"
)

// answer is a verbose_json transcription. Servers leave out what they do not have.
type answer struct {
	Text     *string `json:"text"`
	Language string  `json:"language"` // a name, "english", or a code
	Words    []struct {
		Word  string  `json:"word"`
		Start float64 `json:"start"` // seconds
		End   float64 `json:"end"`
	} `json:"words"`
}

var (
	errNoAnswer = errors.New("the answer is no transcription")
	errTooMuch  = errors.New("the answer has more text than anybody says in that time")
)

// mostRunes is how many characters anybody says in a second, far more than enough.
const mostRunes = 60

// parseAnswer reads an answer about speech of a length. Times that fall or lie outside are mended, since
// they are estimates; a text that cannot be one is an error, which does not repeat it.
func parseAnswer(body []byte, length time.Duration) (words []parley.Word, lang string, err error) {
	var a answer
	if err := json.Unmarshal(body, &a); err != nil || a.Text == nil || !utf8.ValidString(*a.Text) {
		return nil, "", errNoAnswer
	}
	if float64(utf8.RuneCountInString(*a.Text)) > mostRunes*length.Seconds()+mostRunes {
		return nil, "", errTooMuch
	}
	lang = languageOf(a.Language)
	parts := split(strings.TrimSpace(*a.Text))
	words = spread(parts, length)
	if timed := a.timed(parts, length); timed != nil {
		words = timed
	}
	return words, lang, nil
}

// timed gives the words their own times, where the server's words are those of its text; nil else.
func (a *answer) timed(parts []string, length time.Duration) []parley.Word {
	if len(a.Words) != len(parts) || len(parts) == 0 {
		return nil
	}
	words := make([]parley.Word, len(parts))
	last := time.Duration(0)
	for i, w := range a.Words {
		if core(w.Word) != core(parts[i]) {
			return nil
		}
		start := min(max(durationOf(w.Start), last), length)
		words[i] = parley.Word{Text: parts[i], Start: start, End: min(max(durationOf(w.End), start), length)}
		last = start
	}
	return words
}

// durationOf reads seconds; what is no number is 0.
func durationOf(seconds float64) time.Duration {
	if math.IsNaN(seconds) || seconds < 0 || seconds > 3600 {
		return 0
	}
	return time.Duration(seconds * float64(time.Second))
}

func core(word string) string {
	return strings.ToLower(strings.TrimFunc(word, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }))
}

// split cuts text into words as parley keeps them: between spaces, the space in front, and each Chinese
// character by itself.
func split(text string) []string {
	var words []string
	han := false
	for _, r := range text {
		isHan := unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana)
		begins := len(words) == 0 || isHan || r == ' ' || han && unicode.IsLetter(r)
		if begins && (len(words) == 0 || words[len(words)-1] != " ") {
			words = append(words, "")
		}
		words[len(words)-1] += string(r)
		han = isHan
	}
	return words
}

// spread gives words times by their length, for servers that tell none.
func spread(parts []string, length time.Duration) []parley.Word {
	total := 0
	for _, p := range parts {
		total += utf8.RuneCountInString(p)
	}
	words := make([]parley.Word, 0, len(parts))
	at := 0
	for _, p := range parts {
		next := at + utf8.RuneCountInString(p)
		words = append(words, parley.Word{
			Text: p, Start: length * time.Duration(at) / time.Duration(total), End: length * time.Duration(next) / time.Duration(total),
		})
		at = next
	}
	return words
}

// languageOf makes a code of what a server calls a language; "" for what it does not know.
func languageOf(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	if code, ok := map[string]string{
		"english": "en", "chinese": "zh", "mandarin": "zh", "cantonese": "yue", "vietnamese": "vi", "japanese": "ja",
		"korean": "ko", "thai": "th",
	}[name]; ok {
		return code
	}
	name, _, _ = strings.Cut(name, "-")
	if len(name) < 2 || len(name) > 3 || strings.ContainsFunc(name, func(r rune) bool { return r < 'a' || r > 'z' }) {
		return ""
	}
	return name
}
