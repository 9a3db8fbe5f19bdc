package score_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/parley/parley"
	"github.com/parley/parley/transcribe/score"
)

func TestUnits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		lang, text string
		want       []string
	}{
		{"en", "It's  DONE, isn’t it?", []string{"its", "done", "isnt", "it"}},
		{"en", "sign-off at 9", []string{"sign", "off", "at", "9"}},
		{"zh", "廣州，ＯＫ！", []string{"广", "州", "o", "k"}},
		{"yue", "佢哋喺度", []string{"佢", "哋", "喺", "度"}},
		{"en+zh", "我们 review 這個 PR", []string{"我", "们", "review", "这", "个", "pr"}},
		{"en", " ... ", nil},
	} {
		if got := score.Units(score.MeasureOf(c.lang), c.text); !slices.Equal(got, c.want) {
			t.Errorf("%s %q: %q, want %q", c.lang, c.text, got, c.want)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		said, heard string
		want        int
	}{
		{"we meet on friday", "we meet on friday", 0},
		{"we meet on friday", "we met friday", 2},
		{"we meet", "", 2},
		{"", "thank you", 2},
		{"a b c d", "b c d e", 2},
	} {
		if got := score.Errors(strings.Fields(c.said), strings.Fields(c.heard)); got != c.want {
			t.Errorf("%q heard as %q: %d errors, want %d", c.said, c.heard, got, c.want)
		}
	}
}

// TestScriptsAreOne holds the table to what it is for, characters from all over it.
func TestScriptsAreOne(t *testing.T) {
	t.Parallel()
	for traditional, simple := range map[string]string{
		"大學生利用漏洞免費吃肯德基獲刑":  "大学生利用漏洞免费吃肯德基获刑",
		"傍晚時分，天空被染成了金黃和橙紅": "傍晚时分，天空被染成了金黄和橙红",
		"龍龜鬱臺灣雲乾":          "龙龟郁台湾云干",
	} {
		if got := score.Simplified(traditional); got != simple {
			t.Errorf("%s becomes %s, want %s", traditional, got, simple)
		}
	}
}

func TestManifest(t *testing.T) {
	t.Parallel()
	rows, err := score.ReadManifest(strings.NewReader(
		"language\tfile\tsource\treference\r\nen\ta.wav\tx\tGood morning.\r\n\nyue\tb.wav\n"))
	want := []score.Recording{{File: "a.wav", Lang: "en", Reference: "Good morning."}, {File: "b.wav", Lang: "yue"}}
	if err != nil || !slices.Equal(rows, want) {
		t.Errorf("%+v, %v", rows, err)
	}
	for text, say := range map[string]string{
		"":                                    "lists no recording",
		"file\treference\n":                   `"language"`,
		"file\tlanguage\treference\n":         "lists no recording",
		"file\tlanguage\treference\na\t\tb\n": "line 2",
	} {
		_, err := score.ReadManifest(strings.NewReader(text))
		if !errors.Is(err, parley.Invalid) || !strings.Contains(parley.SayOf(err), say) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestCountsOfTheReferences holds the units to those that published figures are counted in.
func TestCountsOfTheReferences(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]map[string]int{
		"MANIFEST.tsv":        {"en": 340, "zh": 366, "yue": 273},
		"MANIFEST-spoken.tsv": {"en": 715},
	} {
		file, err := os.Open("../../../shared/speech/" + name)
		if err != nil {
			t.Skip("the speech recordings are not beside the repository:", err)
		}
		rows, err := score.ReadManifest(file)
		if err := errors.Join(err, file.Close()); err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for _, row := range rows {
			got[row.Lang] += len(score.Units(score.MeasureOf(row.Lang), row.Reference))
		}
		for lang, units := range want {
			if got[lang] != units {
				t.Errorf("%s, %s: %d units, want %d", name, lang, got[lang], units)
			}
		}
	}
}

func FuzzReadManifest(f *testing.F) {
	f.Add("file\tlanguage\treference\na.wav\ten\thello\n")
	f.Fuzz(func(t *testing.T, text string) {
		rows, err := score.ReadManifest(strings.NewReader(text))
		if err == nil && len(rows) == 0 || err != nil && !errors.Is(err, parley.Invalid) {
			t.Errorf("%d rows, %v", len(rows), err)
		}
		for _, row := range rows {
			said := score.Units(score.MeasureOf(row.Lang), row.Reference)
			if n := score.Errors(said, said); n != 0 {
				t.Errorf("%d errors against itself", n)
			}
		}
	})
}
