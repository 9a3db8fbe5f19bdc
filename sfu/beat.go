package sfu

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// beatInterval is how often a publisher is told what came and what is missing.
	beatInterval = 125 * time.Millisecond
	// attendBeats and reportBeats are how many beats there are between rounds of feedback, and between
	// reports (RFC 3550 §6.2 allows more of these at our bandwidths; a lip-sync error lasts at most this long).
	attendBeats, reportBeats = 2, 8
	// beatGroups is in how many groups the peers of a server take turns within a round.
	beatGroups = 8
	// tick is the grid on which all beats are struck: each group has its own in a round.
	tick      = attendBeats * beatInterval / beatGroups
	beatTicks = int64(beatInterval / tick)
	// lateness is how long a beat waits for a packet to strike it before a timer does: when nothing comes there
	// is little to tell.
	lateness = beatInterval
)

// clock strikes the beats of all peers of a server. A wake costs as much as forwarding ten packets, so it
// has none of its own while media flows: who was woken by a packet looks at it when that is forwarded. Its
// timer is for when nothing comes.
type clock struct {
	started time.Time
	due     atomic.Int64 // nanoseconds after started: when somebody waits for a beat

	mu    sync.Mutex // guards all below, and the due of all beats
	beats []*beat
	late  *time.Timer
}

// beat is the clock as one peer hears it.
type beat struct {
	struck chan struct{} // capacity 1
	what   atomic.Uint32 // since it was last asked

	group  int64        // its tick within a round
	period atomic.Int64 // in beats
	due    int64        // tick
}

// What a beat is for, besides telling the publisher.
const (
	beatRound  = 1 << iota // a round of feedback
	beatReport             // and reports
)

func newClock() *clock {
	c := &clock{started: time.Now()}
	c.due.Store(math.MaxInt64)
	c.late = time.AfterFunc(math.MaxInt64, func() { c.look(time.Now()) })
	c.late.Stop()
	return c
}

// add is the beat of the nth peer of a server. Its first ends a round.
func (c *clock) add(nth uint32, now time.Time) *beat {
	b := &beat{struck: make(chan struct{}, 1), group: int64(nth % beatGroups)}
	b.period.Store(attendBeats)
	c.mu.Lock()
	defer c.mu.Unlock()
	b.due = b.after(c.ticks(now))
	c.beats = append(c.beats, b)
	c.set(now)
	return b
}

func (c *clock) remove(b *beat) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.beats = slices.DeleteFunc(c.beats, func(other *beat) bool { return other == b })
	c.set(time.Now())
}

// look strikes what is due. It is cheap when nothing is, and never waits.
func (c *clock) look(now time.Time) {
	if int64(now.Sub(c.started)) < c.due.Load() || !c.mu.TryLock() {
		return // somebody else looks
	}
	defer c.mu.Unlock()
	ticks := c.ticks(now)
	for _, b := range c.beats {
		if b.due <= ticks {
			b.strike(ticks)
		}
	}
	c.set(now)
}

func (c *clock) ticks(now time.Time) int64 { return int64(now.Sub(c.started) / tick) }

// set notes when the next beat is due; mu is held.
func (c *clock) set(now time.Time) {
	next := int64(math.MaxInt64)
	for _, b := range c.beats {
		next = min(next, b.due)
	}
	if next == math.MaxInt64 {
		c.due.Store(next)
		c.late.Stop()
		return
	}
	at := time.Duration(next) * tick
	c.due.Store(int64(at))
	c.late.Reset(at + lateness - now.Sub(c.started))
}

// strike strikes a beat that is due, for all that it was to be for until now.
func (b *beat) strike(ticks int64) {
	what := uint32(0)
	for ; b.due <= ticks; b.due = b.after(b.due) {
		number := (b.due - b.group) / beatTicks
		if number%attendBeats == 0 {
			what |= beatRound
		}
		if number%reportBeats == 0 {
			what |= beatReport
		}
	}
	b.what.Or(what)
	select {
	case b.struck <- struct{}{}:
	default: // it has yet to hear the one before
	}
}

// after is the first of its ticks after another.
func (b *beat) after(ticks int64) int64 {
	period := b.period.Load() * beatTicks
	since := (ticks - b.group) % period
	if since < 0 {
		since += period
	}
	return ticks - since + period
}

// heard is to be called at each beat, with how many there are to be until the next; it reports what this one
// is for.
func (b *beat) heard(beats int) (round, report bool) {
	b.period.Store(int64(beats))
	what := b.what.Swap(0)
	return what&beatRound != 0, what&beatReport != 0
}
