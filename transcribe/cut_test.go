package transcribe

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/parley/parley/media"
	"github.com/parley/parley/media/pcm"
)

// cutOf cuts a pattern of windows: 'v' is voice, '.' silence, 'q' voice that is quieter.
func cutOf(pattern string) []span {
	var c cutter
	var found []span
	for _, r := range pattern {
		level := float32(-20)
		switch r {
		case '.':
			level = -80
		case 'q':
			level = -40
		}
		if s, ok := c.push(r != '.', level); ok {
			found = append(found, s)
		}
	}
	if s, ok := c.flush(); ok {
		found = append(found, s)
	}
	return found
}

func repeat(r string, d time.Duration) string {
	out := ""
	for range pcm.Samples(d) / Window {
		out += r
	}
	return out
}

func TestSpeechIsCutAtPauses(t *testing.T) {
	t.Parallel()
	second := repeat(".", time.Second)
	voice := repeat("v", 2*time.Second)
	for name, c := range map[string]struct {
		pattern string
		want    []time.Duration // lengths
	}{
		"silence is nothing":           {second, nil},
		"one utterance":                {second + voice + second, []time.Duration{2640 * time.Millisecond}},
		"two with a pause between":     {voice + second + voice + second, []time.Duration{2320 * time.Millisecond, 2640 * time.Millisecond}},
		"a breath is no pause":         {voice + repeat(".", 300*time.Millisecond) + voice, []time.Duration{4300 * time.Millisecond}},
		"a cough is nothing":           {second + "vv" + second, nil},
		"the end of the track ends it": {voice, []time.Duration{2 * time.Second}},
		"a breath ends a long one":     {repeat("v", 15*time.Second) + repeat(".", 300*time.Millisecond) + voice, []time.Duration{15200 * time.Millisecond, 2 * time.Second}},
	} {
		got := cutOf(c.pattern)
		if len(got) != len(c.want) {
			t.Errorf("%s: %v", name, got)
			continue
		}
		for i, s := range got {
			if off := pcmDuration(s.end-s.start) - c.want[i]; off > 80*time.Millisecond || off < -80*time.Millisecond {
				t.Errorf("%s: %v long, want %v", name, pcmDuration(s.end-s.start), c.want[i])
			}
		}
	}
}

func TestEndlessSpeechIsCutWhereItIsQuietest(t *testing.T) {
	t.Parallel()
	got := cutOf(repeat("v", 17*time.Second) + "qq" + repeat("v", 43*time.Second))
	if len(got) < 3 {
		t.Fatalf("%d utterances of a minute", len(got))
	}
	if at := pcmDuration(got[0].end); at < 16900*time.Millisecond || at > 17100*time.Millisecond {
		t.Errorf("cut at %v, not where it is quiet", at)
	}
	for i, s := range got {
		if d := pcmDuration(s.end - s.start); d > longest+100*time.Millisecond {
			t.Errorf("utterance %d is %v long", i, d)
		}
		if i > 0 && s.start != got[i-1].end {
			t.Errorf("utterance %d begins at %d, the last one ended at %d: a word may be lost", i, s.start, got[i-1].end)
		}
	}
	if end := pcmDuration(got[len(got)-1].end); end < 59900*time.Millisecond {
		t.Errorf("the last one ends at %v", end)
	}
}

func TestTheGateKnowsVoiceFromNoise(t *testing.T) {
	t.Parallel()
	var g gate
	open := func(level float32, n int) (opened int) {
		for range n {
			if g.open(level) {
				opened++
			}
		}
		return opened
	}
	if n := open(-70, 100); n != 0 {
		t.Errorf("open for %d windows of silence", n)
	}
	if n := open(-30, 50); n != 50 {
		t.Errorf("open for %d of 50 windows of voice", n)
	}
	if n := open(-70, 50); n > gateHold {
		t.Errorf("open for %d windows after the voice", n)
	}
	g = gate{}
	if n := open(-45, 600); n > 60 {
		t.Errorf("open for %d of 600 windows of a loud fan", n)
	}
}

// asking is a detector that counts what it is asked, and hears no voice.
type asking struct{ windows int }

func (a *asking) Listen(context.Context) (Voice, error) { return a, nil }

func (a *asking) Hear(_ context.Context, s pcm.Speech) ([]bool, error) {
	a.windows += len(s) / Window
	return make([]bool, len(s)/Window), nil
}

func (*asking) Close() {}

// TestSilenceAsksNobody has microphones that are open while nobody speaks: muted by their owner, quiet, or of
// a browser that sends nothing then.
func TestSilenceAsksNobody(t *testing.T) {
	t.Parallel()
	second := talk(t, time.Second)
	quietOnes := talk(t, 0, 20*time.Second)
	for name, c := range map[string]struct {
		packets [][]byte
		every   time.Duration
		most    int // windows
	}{
		"silence that is sent":        {quietOnes, 20 * time.Millisecond, 0},
		"packets that say that it is": {slices.Repeat([][]byte{second[0][:1]}, 50), 400 * time.Millisecond, 0},
		"the same with a byte":        {slices.Repeat([][]byte{append(second[0][:1:1], 0)}, 50), 400 * time.Millisecond, 0},
		"no packets":                  {nil, 0, 0},
	} {
		voices := &asking{}
		line, err := newTimeline(media.NewClock(48_000, began), voices, func(piece) { t.Error("silence is an utterance") })
		must(t, err)
		for i, packet := range c.packets {
			line.take(t.Context(), packet, time.Duration(i)*c.every, false)
		}
		line.close(t.Context())
		if voices.windows > c.most {
			t.Errorf("%s: asked about %d windows", name, voices.windows)
		}
	}
	voices := &asking{}
	line, err := newTimeline(media.NewClock(48_000, began), voices, func(piece) {})
	must(t, err)
	for i, packet := range slices.Concat(quietOnes, talk(t, 4*time.Second), quietOnes) {
		line.take(t.Context(), packet, time.Duration(i)*20*time.Millisecond, false)
	}
	line.close(t.Context())
	const perSecond = pcm.Rate / Window
	if voices.windows < 8*perSecond || voices.windows > 10*perSecond { // what is said, and five seconds after it
		t.Errorf("asked about %d windows of what is between silence", voices.windows)
	}
}
