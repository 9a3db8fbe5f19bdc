package sherpa_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/media/pcm"
	"github.com/parley/parley/transcribe"
	"github.com/parley/parley/transcribe/sherpa"
)

// hearFile is what a whole sound becomes, guards and all. voices, or nil, cuts it.
func hearFile(t *testing.T, r transcribe.Recognizer, voices transcribe.Voices, s pcm.Speech, lang string) []transcribe.Spoken {
	t.Helper()
	var all []transcribe.Spoken
	must(t, transcribe.File(t.Context(), s, r, voices, transcribe.About{Lang: lang}, func(u transcribe.Spoken, _ time.Duration) error {
		all = append(all, u)
		return nil
	}))
	return all
}

func textOf(all []transcribe.Spoken) string {
	var texts []string
	for _, u := range all {
		texts = append(texts, u.Text)
	}
	return strings.Join(texts, " ")
}

// raw is what the model says by itself.
func raw(t *testing.T, r transcribe.Recognizer, s pcm.Speech, lang string) transcribe.Result {
	t.Helper()
	result, err := r.Recognize(t.Context(), s, transcribe.Hint{Lang: lang})
	must(t, err)
	return result
}

// TestGuards has one engine hear what makes the model fail.
func TestGuards(t *testing.T) {
	t.Parallel()
	e := start(t, find(t))
	for name, hears := range map[string]func(*testing.T, *sherpa.Engine){
		"a loop is heard again and cut":     aLoopIsHeardAgainAndCut,
		"a phrase that loops":               aPhraseThatLoops,
		"nothing is lost at thirty seconds": nothingIsLostAtThirtySeconds,
		"noise has no words":                noiseHasNoWords,
		"a language that slips":             aLanguageThatSlips,
	} {
		t.Run(name, func(t *testing.T) { hears(t, e) }) //nolint:paralleltest // one engine does one thing at a time
	}
}

// aLoopIsHeardAgainAndCut has all of it heard at once: cut at its pauses it does not loop.
func aLoopIsHeardAgainAndCut(t *testing.T, e *sherpa.Engine) {
	s := speech(t, "yue_wsy_xg0055639_31550_45350.wav")
	loop := strings.Repeat("小", 8)
	if text := raw(t, e, s, "zh").Text(); !strings.Contains(text, loop) {
		t.Skip("the model does not loop here any more:", text)
	}
	all := hearFile(t, e, deaf{}, s, "")
	text := textOf(all)
	if strings.Contains(text, "小小小") || !strings.Contains(text, "班次") || !strings.Contains(text, "旅客") {
		t.Errorf("heard %q", text)
	}
	for _, u := range all {
		if u.End-u.Start > 8*time.Second && u.Confidence == parley.Clear {
			t.Errorf("%q is said to be clear", u.Text)
		}
	}
}

// aPhraseThatLoops decodes Cantonese as English, which makes the model repeat a sentence.
func aPhraseThatLoops(t *testing.T, e *sherpa.Engine) {
	s := speech(t, "yue_wsy_xq0015072_175450_190230.wav")
	const phrase = "It's called"
	if text := raw(t, e, s, "en").Text(); strings.Count(text, phrase) < 6 {
		t.Skip("the model does not loop here any more:", text)
	}
	if text := textOf(hearFile(t, e, e, s, "en")); strings.Count(text, phrase) > 3 {
		t.Errorf("heard %q", text)
	}
}

// nothingIsLostAtThirtySeconds hears 52 s that hardly pause; the model alone would drop 22.
func nothingIsLostAtThirtySeconds(t *testing.T, e *sherpa.Engine) {
	s := speech(t, "zh_az_continuous.wav")
	all := hearFile(t, e, e, s, "zh")
	heard := time.Duration(0)
	for _, u := range all {
		if u.End-u.Start > transcribe.MaxSpeech {
			t.Errorf("%v at once", u.End-u.Start)
		}
		heard += u.End - u.Start
	}
	if heard < 50*time.Second {
		t.Errorf("%v of %v were heard", heard, s.Duration())
	}
	text := textOf(all)
	for _, words := range []string{"秋天", "清晨", "街上的行人", "哪個季節|哪个季节"} { // from all over it
		if one, other, _ := strings.Cut(words, "|"); !strings.Contains(text, one) && (other == "" || !strings.Contains(text, other)) {
			t.Errorf("%q is not in %q", words, text)
		}
	}
}

// noiseHasNoWords gives the model noise, of which it makes words, with a detector and without.
func noiseHasNoWords(t *testing.T, e *sherpa.Engine) {
	made := false
	for _, amplitude := range []float32{0, 0.001, 0.05} {
		s := make(pcm.Speech, pcm.Samples(4*time.Second))
		r := rand.New(rand.NewPCG(3, 4))
		for i := range s {
			s[i] = amplitude * float32(r.NormFloat64())
		}
		made = made || raw(t, e, s, "").Text() != ""
		if text := textOf(hearFile(t, e, e, s, "")); text != "" {
			t.Errorf("noise of %v says %q", amplitude, text)
		}
		if text := textOf(hearFile(t, e, deaf{}, s, "")); text != "" {
			t.Errorf("noise of %v, all of it taken for voice, says %q", amplitude, text)
		}
	}
	if !made {
		t.Error("the model makes no words of noise any more: this test tests nothing")
	}
}

// aLanguageThatSlips hears Cantonese of which the model takes pieces for Vietnamese.
func aLanguageThatSlips(t *testing.T, e *sherpa.Engine) {
	s := speech(t, "yue_wsy_204826042729_IHpyB_28_13900.wav")
	piece := s[pcm.Samples(2370*time.Millisecond):pcm.Samples(4950*time.Millisecond)]
	if lang := raw(t, e, piece, "").Lang; lang == "zh" || lang == "en" || lang == "yue" {
		t.Skip("the model guesses right here now:", lang)
	}
	for _, sound := range []pcm.Speech{piece, s} {
		for _, u := range hearFile(t, e, e, sound, "") {
			if u.Lang != "zh" && u.Lang != "yue" {
				t.Errorf("%q is taken for %q", u.Text, u.Lang)
			}
		}
	}
}

// deaf takes everything for voice.
type deaf struct{}

func (deaf) Listen(context.Context) (transcribe.Voice, error) { return deaf{}, nil }

func (deaf) Hear(_ context.Context, s pcm.Speech) ([]bool, error) {
	heard := make([]bool, len(s)/transcribe.Window)
	for i := range heard {
		heard[i] = true
	}
	return heard, nil
}

func (deaf) Close() {}
