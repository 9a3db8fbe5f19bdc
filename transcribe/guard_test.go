package transcribe

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/media/pcm"
)

// said makes a result of words between spaces, one token each.
func said(text, lang string) Result {
	r := Result{Lang: lang}
	for i, w := range strings.Fields(text) {
		if i > 0 {
			w = " " + w
		}
		at := time.Duration(i) * 300 * time.Millisecond
		r.Words = append(r.Words, parley.Word{Text: w, Start: at, End: at + 200*time.Millisecond})
	}
	r.Tokens = len(r.Words)
	return r
}

func TestWhatNobodySaysIsImplausible(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		in   time.Duration
		want bool
	}{
		"plain speech":          {"we will send the offer by friday and then call them", 4 * time.Second, false},
		"said twice":            {"yes yes that is right", 2 * time.Second, false},
		"a word that loops":     {"go go go go go go go go go go", 6 * time.Second, true},
		"a phrase that loops":   {"and so on and so on and so on and so on and so on", 8 * time.Second, true},
		"more than fits":        {strings.Repeat("one two three four five ", 12), time.Second, true},
		"nothing":               {"", time.Second, false},
		"numbers that are read": {"one two three four five six seven eight nine ten", 4 * time.Second, false},
	} {
		if got := implausible(said(c.text, "en"), c.in); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestNotesAboutSoundsAreNoWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"[Music]":                         "",
		"(upbeat music) so we begin":      "so we begin",
		"we agree [Applause]. next point": "we agree next point",
		"♪ ♪":                             "",
		"we agree (more or less":          "we agree (more or less",
		"f(x) is what we plot":            "f(x) is what we plot",
	} {
		if got := textOf(dropNotes(said(text, "en").Words)); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func TestLoopsAreCutToOne(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"so go go go go go on":                      "so go on",
		"and then and then and then and then we go": "and then we go",
		"no no no": "no no no",
	} {
		if got := textOf(cutLoops(said(text, "en").Words)); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// scripted is a recognizer whose words a test makes up.
type scripted func(s pcm.Speech, h Hint) (Result, error)

func (f scripted) Recognize(_ context.Context, s pcm.Speech, h Hint) (Result, error) { return f(s, h) }

// loud is a tone that comes and goes four times a second, as syllables do.
func loud(d time.Duration) pcm.Speech {
	s := make(pcm.Speech, pcm.Samples(d))
	for i := range s {
		s[i] = float32(i%64)/128 - 0.25
		if i/(pcm.Rate/8)%2 == 1 {
			s[i] /= 8
		}
	}
	return s
}

func TestTheGuardsHearAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		recognizer scripted
		speech     pcm.Speech
		text       string
		confidence parley.Confidence
		again      bool
	}{
		"what is plausible stands": {
			func(pcm.Speech, Hint) (Result, error) { return said("we agree", "en"), nil },
			loud(2 * time.Second), "we agree", parley.Clear, false,
		},
		"a loop is heard in halves": {
			func(s pcm.Speech, h Hint) (Result, error) {
				if s.Duration() > 5*time.Second {
					return said("go go go go go go", "en"), nil
				}
				if h.Lang != "en" {
					t.Error("the language is not locked")
				}
				return said("we go", "en"), nil
			},
			loud(6 * time.Second), "we go we go", parley.Unsure, true,
		},
		"a loop that stays is cut": {
			func(pcm.Speech, Hint) (Result, error) { return said("go go go go go go", "en"), nil },
			loud(6 * time.Second), "go go go", parley.Unsure, true,
		},
		"a language nobody speaks is tried as the nearest": {
			func(_ pcm.Speech, h Hint) (Result, error) {
				if h.Lang == "zh" {
					return said("多謝", "zh"), nil
				}
				return said("xin chào", "vi"), nil
			},
			loud(2 * time.Second), "多謝", parley.Unsure, true,
		},
		"thanks for next to nothing": {
			func(pcm.Speech, Hint) (Result, error) { return said("Thank you.", "en"), nil },
			quietSpeech(2*time.Second, 0.002), "", parley.HardlyHeard, false,
		},
		"thanks that were said": {
			func(pcm.Speech, Hint) (Result, error) { return said("Thank you.", "en"), nil },
			loud(2 * time.Second), "Thank you.", parley.Clear, false,
		},
	} {
		h, err := hear(t.Context(), c.recognizer, c.speech, known{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if h.Text() != c.text || h.confidence != c.confidence || h.again != c.again {
			t.Errorf("%s: %q, %s, again %v", name, h.Text(), h.confidence, h.again)
		}
	}
}

func quietSpeech(d time.Duration, amplitude float32) pcm.Speech {
	s := loud(d)
	for i := range s {
		s[i] *= amplitude * 4
	}
	return s
}

func TestABriefWordIsHeardInTheSpeakersLanguage(t *testing.T) {
	t.Parallel()
	engine := scripted(func(_ pcm.Speech, h Hint) (Result, error) {
		if h.Lang == "en" {
			return said("ok sure", "en"), nil
		}
		return said("請問", "zh"), nil
	})
	spoken := prior{}
	spoken.note("zh", time.Second) // too brief to tell
	if usual := spoken.usual(); usual != "" {
		t.Errorf("usual language %q after a second", usual)
	}
	spoken.note("en", 8*time.Second)
	for d, want := range map[time.Duration]string{time.Second: "ok sure", 5 * time.Second: "請問"} {
		if h, err := hear(t.Context(), engine, loud(d), known{spoken: spoken}); err != nil || h.Text() != want {
			t.Errorf("%v: %q, %v", d, h.Text(), err)
		}
	}
}

func TestWhatIsDoubtfulIsUnsure(t *testing.T) {
	t.Parallel()
	english := prior{"en": time.Minute}
	for name, c := range map[string]struct {
		text   string
		lang   string
		speech pcm.Speech
		spoken prior
		want   parley.Confidence
	}{
		"plain":                        {"we agree to that", "en", loud(2 * time.Second), nil, parley.Clear},
		"faint":                        {"we agree to that", "en", quietSpeech(2*time.Second, 0.006), nil, parley.Unsure},
		"little in a long time":        {"we agree", "en", loud(8 * time.Second), nil, parley.Unsure},
		"a language not spoken before": {"我 們 同 意 這 樣 做", "zh", loud(4 * time.Second), english, parley.Unsure},
		"the language of before":       {"we agree to that and will send it", "en", loud(4 * time.Second), english, parley.Clear},
		"one of two languages":         {"我 們 同 意 這 樣 做", "zh", loud(4 * time.Second), prior{"en": time.Minute, "zh": 9 * time.Second}, parley.Clear},
	} {
		engine := scripted(func(pcm.Speech, Hint) (Result, error) { return said(c.text, c.lang), nil })
		h, err := hear(t.Context(), engine, c.speech, known{spoken: c.spoken})
		if err != nil || h.confidence != c.want {
			t.Errorf("%s: %s, %v", name, h.confidence, err)
		}
	}
}
