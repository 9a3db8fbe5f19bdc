package transcribe

import (
	"strings"
	"testing"
	"time"

	"github.com/parley/parley"
)

func TestMerge(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ base, edited, anew, want string }{
		"nothing changed":              {"we go now", "we go now", "we go now", "we go now"},
		"heard better":                 {"we go no", "we go no", "we go now", "we go now"},
		"edited alone":                 {"ask erwin now", "ask Erin now", "ask erwin now", "ask Erin now"},
		"both, elsewhere":              {"ask erwin about the offer no", "ask Erin about the offer no", "ask erwin about the offer now", "ask Erin about the offer now"},
		"both, the same":               {"ask erwin", "ask Erin", "ask erin", "ask Erin"},
		"both, in the same place":      {"ask erwin now", "ask Erin now", "ask Aaron now", ""},
		"a word put in":                {"we send offer", "we send the offer", "we sent offer", ""},
		"a word put in, apart":         {"so we send offer today", "so we send the offer today", "and we send offer today", "and we send the offer today"},
		"a word taken out":             {"we we go today", "we go today", "we we go tomorrow", "we go tomorrow"},
		"all of it rewritten":          {"a b c", "x y", "a b c", "x y"},
		"all of it rewritten, and new": {"a b c", "x y", "a b d", ""},
		"a point set":                  {"we go. now", "we go, now", "we go now then", "we go, now then"},
		"nothing was heard before":     {"", "we go", "", "we go"},
		"Chinese":                      {"請陳大聞明天來", "請陳大文明天來", "請陳大聞明天去", "請陳大文明天去"},
	} {
		merged, ok := merge(splitWords(c.base), splitWords(c.edited), splitWords(c.anew))
		if got := strings.TrimSpace(strings.Join(merged, "")); got != c.want || ok != (c.want != "") {
			t.Errorf("%s: %q, %v, want %q", name, got, ok, c.want)
		}
	}
}

func TestWordsKeepTheirTimes(t *testing.T) {
	t.Parallel()
	old := said("we send offer today", "en").Words // each 200 ms, 300 ms apart
	words := retime(splitWords("we will send the offer"), old, 0, 2*time.Second)
	if got := textOf(words); got != "we will send the offer" {
		t.Errorf("%q", got)
	}
	if words[0].Start != old[0].Start || words[2].Start != old[1].Start || words[4].End != old[2].End {
		t.Errorf("%+v", words)
	}
	last := time.Duration(0)
	for _, w := range append(words, retime(splitWords("another text"), nil, time.Second, 3*time.Second)...) {
		if w.Start < last && w.Start != time.Second || w.End < w.Start {
			t.Errorf("%q from %v to %v, after %v", w.Text, w.Start, w.End, last)
		}
		last = w.Start
	}
}

func FuzzMerge(f *testing.F) {
	f.Add("we go now", "we go, now", "we went now")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if len(a)+len(b)+len(c) > 300 {
			return
		}
		base, edited, anew := splitWords(a), splitWords(b), splitWords(c)
		if merged, ok := merge(base, base, anew); !ok || !same(merged, anew) {
			t.Errorf("nobody edited: %q", merged)
		}
		if merged, ok := merge(base, edited, base); !ok || !same(merged, edited) {
			t.Errorf("nothing was heard anew: %q", merged)
		}
		_, _ = merge(base, edited, anew)
		for _, w := range retime(edited, []parley.Word{{Text: "x", End: time.Second}}, 0, time.Second) {
			if w.End < w.Start {
				t.Errorf("%+v", w)
			}
		}
	})
}
