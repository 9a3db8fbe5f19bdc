package sherpa_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

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
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(poll) {
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

// TestTheWrongLanguageIsBounded has people speak another language than the one they chose. What comes of it is
// wrong, short enough to be said, not a loop, in the language that was asked for; the right one mends it.
func TestTheWrongLanguageIsBounded(t *testing.T) {
	t.Parallel()
	e := start(t, find(t))
	for name, c := range map[string]struct{ file, chosen, spoken, says string }{
		"english heard as chinese": {"en_ls_1089-134686-0001.wav", "zh", "en", "yellow lamps"},
		"chinese heard as english": {"zh_wenet_mid.wav", "en", "zh", "漏洞"},
	} {
		s := speech(t, c.file)
		said := 0
		for _, u := range hearFile(t, e, e, s, c.chosen) {
			said += len(u.Words)
			if u.Lang != c.chosen {
				t.Errorf("%s: heard as %q", name, u.Lang)
			}
			for at := range u.Words { // four in a row that say the same
				if at+4 <= len(u.Words) && u.Words[at].Text == u.Words[at+1].Text && u.Words[at].Text == u.Words[at+2].Text && u.Words[at].Text == u.Words[at+3].Text {
					t.Errorf("%s: loops in %q", name, u.Text)
				}
			}
		}
		if most := int(8 * s.Duration().Seconds()); said > most {
			t.Errorf("%s: %d words in %v", name, said, s.Duration())
		}
		if text := textOf(hearFile(t, e, e, s, c.spoken)); !strings.Contains(strings.ToLower(text), c.says) {
			t.Errorf("%s: asked again as %s it says %q", name, c.spoken, text)
		}
	}
}

// TestTenPeopleAtOnce has ten speak at the same time, one of whom is cut off in the middle of a word: everybody's
// words are complete, and nobody has those of another.
func TestTenPeopleAtOnce(t *testing.T) {
	t.Parallel()
	e := start(t, find(t))
	waitForWords(t, e)
	tr, keep, m := openPathWith(t, e, e, nil)
	one := packets(t, append(speech(t, "en_austen_0890.wav"), make(pcm.Speech, pcm.Rate)...))
	other := packets(t, append(speech(t, "en_austen_0870.wav")[:pcm.Samples(4*time.Second)], make(pcm.Speech, pcm.Rate)...))
	cutOff := other[:165] // 3.3 s: in the middle of a word
	const people = 10
	of := func(i int) ([][]byte, string, string) {
		switch {
		case i == people-1:
			return cutOff, "leisure", "selfish"
		case i%2 == 0:
			return one, "selfish", "leisure"
		}
		return other, "leisure", "selfish"
	}
	taps := make([]*transcribe.Track, people)
	for i := range taps {
		taps[i] = openTap(t, tr, m, parley.TrackID(fmt.Sprintf("track-%d", i)))
	}
	for k := range len(one) {
		for i, tap := range taps {
			if sent, _, _ := of(i); k < len(sent) {
				tap.Write(&rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(k), Timestamp: uint32(k * 960)}, Payload: sent[k]},
					pathBegan.Add(time.Duration(k)*20*time.Millisecond))
			}
		}
		if k%10 == 9 {
			time.Sleep(10 * time.Millisecond) // ten times as fast as in a meeting
		}
	}
	for _, tap := range taps {
		tap.Close()
	}
	for i := range people {
		_, has, hasNot := of(i)
		text := textOfTrack(t, tr, keep, m, parley.TrackID(fmt.Sprintf("track-%d", i)))
		if lower := strings.ToLower(text); !strings.Contains(lower, has) || strings.Contains(lower, hasNot) {
			t.Errorf("track %d says %q", i, text)
		}
	}
}
