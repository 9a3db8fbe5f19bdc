package sherpa_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/media/pcm"
	"github.com/parley/parley/transcribe"
	"github.com/parley/parley/transcribe/score"
	"github.com/parley/parley/transcribe/sherpa"
)

// TestBadSound has real speech spoilt, and sounds that are none; one engine hears all of it.
func TestBadSound(t *testing.T) {
	t.Parallel()
	e := start(t, find(t))
	s := speech(t, "en_austen_0870.wav")
	waitForWords(t, e)
	said := score.Units(score.WER, "and mister john dashwood had then leisure to consider how much there might be prudently in his power to do for them")
	for name, c := range map[string]struct {
		sound pcm.Speech
		wrong int // words at most
	}{
		"as it is":       {s, 2},
		"clipped":        {spoilt(s, func(x float32) float32 { return max(-1, min(1, 12*x)) }), 5},
		"a telephone's":  {pcm.Resample(pcm.Resample(s, pcm.Rate, 8000), 8000, pcm.Rate), 5},
		"very quiet":     {spoilt(s, func(x float32) float32 { return x / 20 }), 5},
		"with an offset": {spoilt(s, func(x float32) float32 { return x/2 + 0.3 }), 5},
	} {
		text := textOf(hearFile(t, e, e, c.sound, ""))
		if wrong := score.Errors(said, score.Units(score.WER, text)); wrong > c.wrong {
			t.Errorf("%s: %d wrong in %q", name, wrong, text)
		}
	}
	stops := s[:pcm.Samples(3300*time.Millisecond)] // in the middle of a word
	if text := textOf(hearFile(t, e, e, stops, "en")); !strings.Contains(text, "leisure") {
		t.Errorf("a track that stops: %q", text)
	}
	for name, sound := range map[string]pcm.Speech{
		"silence":      make(pcm.Speech, pcm.Samples(10*time.Second)),
		"music":        chords(10 * time.Second),
		"a single tap": append(make(pcm.Speech, pcm.Rate), append(pcm.Speech{0.9, -0.9, 0.5}, make(pcm.Speech, pcm.Rate)...)...),
		"no sound":     {},
	} {
		if text := textOf(hearFile(t, e, e, sound, "")); text != "" {
			t.Errorf("%s says %q", name, text)
		}
	}
}

func spoilt(s pcm.Speech, how func(float32) float32) pcm.Speech {
	out := make(pcm.Speech, len(s))
	for i, x := range s {
		out[i] = how(x)
	}
	return out
}

// chords are three notes at a time, struck twice a second, as of a piano far away.
func chords(d time.Duration) pcm.Speech {
	s := make(pcm.Speech, pcm.Samples(d))
	for i := range s {
		at := float64(i) / pcm.Rate
		struck := math.Exp(-6 * math.Mod(at, 0.5))
		root := 220 * math.Pow(2, math.Floor(math.Mod(at, 4))*2/12)
		for _, ratio := range []float64{1, 1.26, 1.5} {
			s[i] += float32(0.1 * struck * math.Sin(2*math.Pi*root*ratio*at))
		}
	}
	return s
}

// TestNoWordIsLostAtAnEdge compares speech that was cut with one decode of all of it.
func TestNoWordIsLostAtAnEdge(t *testing.T) {
	t.Parallel()
	e := start(t, find(t))
	waitForWords(t, e)
	words, different := 0, 0
	for _, name := range []string{"en_ls_1089-134686-0001.wav", "en_ls_2412-153948-0000.wav", "en_ls_1088-134315-0000.wav", "en_austen_0870.wav", "en_austen_0890.wav"} {
		s := speech(t, name)
		whole := score.Units(score.WER, raw(t, e, s, "en").Text())
		cut := score.Units(score.WER, textOf(hearFile(t, e, e, s, "en")))
		words += len(whole)
		different += score.Errors(whole, cut)
	}
	t.Logf("%d of %d words differ", different, words)
	if float64(different) > 0.03*float64(words) {
		t.Errorf("%d of %d words differ", different, words)
	}
}

// TestATruncatedModelEndsNothingButTheChild has a pulled model that ONNX Runtime cannot read.
func TestATruncatedModelEndsNothingButTheChild(t *testing.T) {
	t.Parallel()
	files := find(t)
	here, err := os.Getwd()
	must(t, err)
	stub := filepath.Join(sherpa.ModuleRoot(here), "..", "shared", "models", "stub-sense-voice")
	network, err := os.ReadFile(filepath.Join(stub, "model.onnx"))
	if err != nil {
		t.Skip("the stub of a model is not here:", err)
	}
	tokens, err := os.ReadFile(filepath.Join(stub, "tokens.txt"))
	must(t, err)
	directory := filepath.Join(t.TempDir(), "cut-sense-voice")
	must(t, os.MkdirAll(directory, 0o700))
	must(t, os.WriteFile(filepath.Join(directory, "model.onnx"), network[:len(network)/2], 0o600))
	must(t, os.WriteFile(filepath.Join(directory, "tokens.txt"), tokens, 0o600))
	files.Models, files.Model = filepath.Dir(directory), filepath.Base(directory)
	e := start(t, files)
	for deadline := time.Now().Add(20 * time.Second); ; {
		if ok, missing := e.Words(); !ok && strings.Contains(missing, "does not start") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nobody says that the engine does not start")
		}
	}
	_, err = e.Recognize(t.Context(), slices.Clone(chords(time.Second)), transcribe.Hint{})
	if parley.KindOf(err) != parley.Unavailable {
		t.Error(err)
	}
}
