package transcribe

import (
	"context"
	"math"
	"time"

	"github.com/parley/parley/media/pcm"
)

const (
	// listenAgain is how long a track waits before it asks for a detector again.
	listenAgain = 2 * time.Second
	// inaudible is the level of windows, in dBFS, that the detector of a live track is not asked about once
	// silentFor of them have come, five seconds, or before anything is heard at all: of what is louder by ten
	// nothing is believed.
	inaudible = quiet - 10
	silentFor = 156
)

// ear decides which windows of one track have voice. Not safe for concurrent use.
type ear struct {
	voices  Voices // or nil
	live    bool   // a track, open for an hour: its silence is to cost nothing
	voice   Voice  // nil while there is none
	retryAt time.Time
	gate    gate
	silent  int // windows in a row that are inaudible
}

// hear decides about whole windows. It always has an answer: where the detector has none, the gate. The
// silence of a live track is no question.
func (e *ear) hear(ctx context.Context, s pcm.Speech) (voiced []bool, levels []float32) {
	before := e.silent
	for at := 0; at+Window <= len(s); at += Window {
		level := levelOf(s[at : at+Window])
		levels = append(levels, level)
		voiced = append(voiced, e.gate.open(level))
		if e.silent++; level >= inaudible {
			e.silent = 0
		}
	}
	if e.live && before >= silentFor && e.silent >= before+len(levels) {
		return make([]bool, len(levels)), levels
	}
	if e.voice == nil && e.voices != nil && !time.Now().Before(e.retryAt) {
		voice, err := e.voices.Listen(ctx)
		if err != nil {
			e.retryAt = time.Now().Add(listenAgain)
			return voiced, levels
		}
		e.voice = voice
	}
	if e.voice == nil {
		return voiced, levels
	}
	heard, err := e.voice.Hear(ctx, s[:len(levels)*Window])
	if err != nil || len(heard) != len(levels) {
		e.close()
		e.retryAt = time.Now().Add(listenAgain)
		return voiced, levels
	}
	return heard, levels
}

func (e *ear) close() {
	if e.voice != nil {
		e.voice.Close()
		e.voice = nil
	}
}

// levelOf is the loudness of samples in dBFS, -100 for silence. An offset, as cheap sound cards add, is
// nothing one hears.
func levelOf(s []float32) float32 {
	var sum, squares float64
	for _, x := range s {
		sum += float64(x)
		squares += float64(x) * float64(x)
	}
	if len(s) == 0 {
		return -100
	}
	mean := sum / float64(len(s))
	power := squares/float64(len(s)) - mean*mean
	if power <= 0 {
		return -100
	}
	return float32(max(-100, 10*math.Log10(power)))
}

// gate tells voice from noise by loudness alone: voice stands out of what is always there.
type gate struct {
	floor float32 // dBFS of the noise; 0 until the first window
	hold  int     // windows for which it stays open
}

const (
	gateLeast = -50 // dBFS: what is quieter nobody understands
	gateAbove = 9   // dB above the noise
	gateHold  = 8   // windows: the gaps between syllables
	floorRise = 0.02
)

func (g *gate) open(level float32) bool {
	switch {
	case g.floor == 0:
		g.floor = min(level, gateLeast)
	case level < g.floor:
		g.floor = level
	default:
		g.floor += floorRise
	}
	if level > max(gateLeast, g.floor+gateAbove) {
		g.hold = gateHold
		return true
	}
	if g.hold > 0 {
		g.hold--
		return true
	}
	return false
}
