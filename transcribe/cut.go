package transcribe

import (
	"time"

	"github.com/parley/parley/media/pcm"
)

// How speech is cut. Shorter pauses tear sentences apart, longer ones make captions late; Whisper
// hears 28 s at most, and works best from five on.
const (
	pause      = 600 * time.Millisecond // ends an utterance
	shortPause = 200 * time.Millisecond // ends a long one
	long       = 14 * time.Second
	longest    = 20 * time.Second // then it is cut at the quietest place of the last lookBack
	lookBack   = 5 * time.Second
	leadIn     = 320 * time.Millisecond // kept before the first voice, which detectors notice late
	tail       = 320 * time.Millisecond // and after the last
	// leastVoice is how much voice an utterance has at least: less is a cough.
	leastVoice = 3
)

// span is a stretch of a timeline, in samples at pcm.Rate.
type span struct{ start, end int }

// cutter cuts a timeline of windows into utterances.
type cutter struct {
	at        int // end of the windows seen
	free      int // from where on nothing belongs to an utterance yet
	speaking  bool
	start     int       // of the utterance
	lastVoice int       // end of its last window with voice
	voiced    int       // windows of it with voice
	levels    []float32 // of its windows, from start on
}

// push takes the next window; it returns the utterance that this ends, if any.
func (c *cutter) push(voice bool, level float32) (span, bool) {
	begin := c.at
	c.at += Window
	if !c.speaking {
		if !voice {
			return span{}, false
		}
		c.speaking = true
		c.start = max(c.free, begin-pcm.Samples(leadIn))
		c.voiced, c.levels = 0, c.levels[:0]
		for range (begin - c.start + Window - 1) / Window {
			c.levels = append(c.levels, level) // nothing quieter than the voice: not a place to cut
		}
	}
	c.levels = append(c.levels, level)
	if voice {
		c.voiced++
		c.lastVoice = c.at
	}
	enough := pause
	if c.at-c.start > pcm.Samples(long) {
		enough = shortPause
	}
	switch {
	case c.at-c.lastVoice >= pcm.Samples(enough):
		return c.end(c.lastVoice + pcm.Samples(tail))
	case c.at-c.start >= pcm.Samples(longest):
		return c.split()
	}
	return span{}, false
}

// end ends the utterance there, or at the end of what was seen.
func (c *cutter) end(there int) (span, bool) {
	s := span{c.start, min(there, c.at)}
	c.speaking, c.free = false, s.end
	return s, c.voiced >= leastVoice
}

// split ends the utterance at its quietest place of late; the next one begins there.
func (c *cutter) split() (span, bool) {
	from := max(0, len(c.levels)-pcm.Samples(lookBack)/Window)
	quietest := from
	for i := from; i < len(c.levels); i++ {
		if c.levels[i] <= c.levels[quietest] {
			quietest = i
		}
	}
	end := min(c.start+quietest*Window+Window/2, c.at)
	s := span{c.start, end}
	rest := append([]float32(nil), c.levels[quietest:]...)
	c.start, c.free, c.levels = end, end, rest
	c.voiced = leastVoice // it goes on
	return s, true
}

// flush ends the utterance that is under way: nothing follows, or not for long.
func (c *cutter) flush() (span, bool) {
	if !c.speaking {
		return span{}, false
	}
	return c.end(c.lastVoice + pcm.Samples(tail))
}

// oldest is from where on the timeline may still be asked for.
func (c *cutter) oldest() int {
	if c.speaking {
		return c.start
	}
	return max(c.free, c.at-pcm.Samples(leadIn)-Window)
}
