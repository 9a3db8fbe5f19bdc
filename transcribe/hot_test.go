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
		words := hot.correct(said(heard, "en").Words, "en")
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
		if got := textOf(hot.correct(spelled(heard), "zh")); got != want {
			t.Errorf("%q becomes %q, want %q", heard, got, want)
		}
	}
}

func TestWhatADoubtfulWordSoundsLikeTwiceStays(t *testing.T) {
	t.Parallel()
	hot := newHotWords([]string{"Erin", "Erina"})
	if got := textOf(hot.correct(said("ask eryn now", "en").Words, "en")); got != "ask eryn now" {
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

// TestCantoneseNamesAreHeardByTheirOwnSound has names in the place of which a recognizer writes characters that
// sound the same in Cantonese, and others that do so in Mandarin alone.
func TestCantoneseNamesAreHeardByTheirOwnSound(t *testing.T) {
	t.Parallel()
	hot := newHotWords([]string{"黃志強", "陳大文", "吳詠儀", "梁家輝", "何國榮", "牛頭角道"})
	for _, c := range []struct{ lang, heard, want string }{
		{"yue", "聽日叫王志強嚟開會", "聽日叫黃志強嚟開會"}, // both wong4: huáng and wáng
		{"zh", "明天叫王志強來開會", "明天叫王志強來開會"},
		{"yue", "陳大民話唔得", "陳大文話唔得"}, // both man4: wén and mín
		{"zh", "陳大民說不行", "陳大民說不行"},
		{"yue", "程大文話好", "程大文話好"}, // cing4, not can4; chéng and chén to many
		{"zh", "程大文說好", "陳大文說好"},
		{"yue", "五詠儀負責", "吳詠儀負責"},     // ng5 and ng4; tones are lost first
		{"yue", "良家輝同我講", "梁家輝同我講"},   // both loeng4
		{"yue", "何角榮會跟", "何國榮會跟"},     // gok3 and gwok3, which few tell apart
		{"yue", "去流頭角道開會", "去流頭角道開會"}, // lau4, not ngau4
		{"yue", "黄志强话好", "黄志强话好"},     // the other script is no other word
		{"yue", "我哋今日講咗好耐", "我哋今日講咗好耐"},
	} {
		words := hot.correct(spelled(c.heard), c.lang)
		if got := textOf(words); got != c.want {
			t.Errorf("%s: %q becomes %q, want %q", c.lang, c.heard, got, c.want)
		}
	}
}

func TestCantoneseSounds(t *testing.T) {
	t.Parallel()
	for _, alike := range []string{"黃王", "你李", "我哦", "國角", "吳五唔", "張章", "陈陳塵"} {
		runes := []rune(alike)
		sounds := cantoneseSoundsOf(runes)
		for i, sound := range sounds {
			if sound != sounds[0] || sound == string(runes[i]) {
				t.Errorf("%q sounds %q", alike, sounds)
			}
		}
	}
	for _, apart := range []string{"陳程", "牛流", "羅盧"} {
		if sounds := cantoneseSoundsOf([]rune(apart)); sounds[0] == sounds[1] {
			t.Errorf("%q sound alike: %q", apart, sounds)
		}
	}
}
