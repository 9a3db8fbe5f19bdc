package sfu

import "time"

const (
	// beatInterval is how often a publisher is told what came and what is missing.
	beatInterval = 125 * time.Millisecond
	// attendBeats and reportBeats are how many beats there are between rounds of feedback, and between
	// reports (RFC 3550 §6.2 allows more of these at our bandwidths; a lip-sync error lasts at most this long).
	attendBeats, reportBeats = 2, 8
	// beatGroups is in how many groups the peers of a server take turns within a round.
	beatGroups = 8
)

// beat is the clock of one peer's feedback loop. All beats are struck on one grid, so that peers that have
// nothing to do with each other wake the process together: a wake costs as much as forwarding two packets,
// and a hundred peers that wake four times a second each would cost more than a stream to all of them.
type beat struct {
	timer  *time.Timer
	phase  time.Duration // of its group, within a round
	period time.Duration // to the next beat
	at     time.Time     // the point of the grid that is next
}

// newBeat is the clock of the nth peer of a server; its first beat ends a round.
func newBeat(nth uint32, now time.Time) *beat {
	const round = attendBeats * beatInterval
	b := &beat{phase: time.Duration(nth%beatGroups) * round / beatGroups}
	b.timer = time.NewTimer(b.until(now, attendBeats))
	return b
}

// until is how long it is to the next point of the grid that is so many beats apart.
func (b *beat) until(now time.Time, beats int) time.Duration {
	b.period = time.Duration(beats) * beatInterval
	since := (time.Duration(now.UnixNano()) - b.phase) % b.period
	b.at = now.Add(b.period - since)
	return b.period - since
}

// next is to be called at each beat; it reports what that is for besides telling the publisher, and sets
// the next one so many beats later.
func (b *beat) next(now time.Time, beats int) (round, report bool) {
	struck := (time.Duration(b.at.UnixNano()) - b.phase) / beatInterval
	b.timer.Reset(b.until(now, beats))
	return struck%attendBeats == 0, struck%reportBeats == 0
}

func (b *beat) stop() { b.timer.Stop() }
