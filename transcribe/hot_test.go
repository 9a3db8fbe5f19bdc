package transcribe

import (
	"strings"
	"testing"

	"github.com/parley/parley"
)

// spelled makes words of Chinese text, one a character, punctuation with what it follows.
func spelled(text string) []parley.Word {
	var words []parley.Word
	for _, r := range text {
		if strings.ContainsRune("，。？", r) && len(words) > 0 {
			words[len(words)-1].Text += string(r)
			continue
		}
		words = append(words, parley.Word{Text: string(r)})
	}
	return words
}

func TestHotWords(t *testing.T) {
	t.Parallel()
	hot := newHotWords([]string{"Erin Murphy", "Ben Carter", "Noah Brooks", "Mei Lin", "Chloe", "陳大文", "Kubernetes", "ab"})
	for heard, want := range map[string]string{
		"and airing you all":          "and Erin you all",
		"ask Merfy's team":            "ask Murphy's team",
		"so Ambent can send it":       "so Ben can send it",
		"Chloey, please":              "Chloe, please",
		"we run Cubernetis here":      "we run Kubernetes here",
		"been there, no, then or":     "been there, no, then or", // common words stay
		"Reuben and Ember":            "Reuben and Ember",
		"M-M-H-M that works":          "M-M-H-M that works",
		"let me rerun it":             "let me rerun it",
		"a second copywriter":         "a second copywriter",
		"chloe and erin":              "chloe and erin",
		"may lean on her":             "may lean on her",
		"the b2b and 42nd":            "the b2b and 42nd",
		"nothing here sounds like it": "nothing here sounds like it",
	} {
		words := hot.correct(said(heard, "en").Words)
		if got := textOf(words); got != want {
			t.Errorf("%q becomes %q, want %q", heard, got, want)
		}
		for i, w := range words {
			if original := strings.Fields(heard)[i]; w.Heard != "" && strings.TrimSpace(w.Heard) != original || w.Heard == "" && strings.TrimSpace(w.Text) != original {
				t.Errorf("%q: word %d was heard as %q", heard, i, w.Heard)
			}
		}
	}
	for heard, want := range map[string]string{
		"請陳大聞，明天來": "請陳大文，明天來",
		"程大文說好":    "陳大文說好",
		"陈大文说好":    "陈大文说好", // the other script is no other word
		"大文說好":     "大文說好",
		"很大文章":     "很大文章",
	} {
		if got := textOf(hot.correct(spelled(heard))); got != want {
			t.Errorf("%q becomes %q, want %q", heard, got, want)
		}
	}
}

func TestWhatADoubtfulWordSoundsLikeTwiceStays(t *testing.T) {
	t.Parallel()
	hot := newHotWords([]string{"Erin", "Erina"})
	if got := textOf(hot.correct(said("ask eryn now", "en").Words)); got != "ask eryn now" {
		t.Errorf("%q", got)
	}
}

func TestTheRosterIsHot(t *testing.T) {
	t.Parallel()
	tr := &Transcriber{cfg: Config{Glossary: []string{"Parley"}}}
	hot := newHotWords(tr.termsOf(parley.Meeting{Title: "Budget review"}, []parley.Participant{
		{Name: "Priya Nair", Title: "Data", Aliases: []string{"Pri", "data"}},
	}))
	if got := strings.Join(hot.latin, " "); got != "Budget review Parley Priya Nair Pri" {
		t.Errorf("hot: %s", got)
	}
}
