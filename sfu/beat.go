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
	period time.Duration
	phase  time.Duration // of its group, within a period
	count  int           // of beatInterval since it began
}

// newBeat is the clock of the nth peer of a server. Those who publish nothing need no beat between rounds.
func newBeat(nth uint32, publishes bool, now time.Time) *beat {
	const round = attendBeats * beatInterval
	b := &beat{period: round, phase: time.Duration(nth%beatGroups) * round / beatGroups}
	if publishes {
		b.period = beatInterval
	}
	b.timer = time.NewTimer(b.until(now))
	return b
}

// until is how long it is to the next point of the grid.
func (b *beat) until(now time.Time) time.Duration {
	since := (time.Duration(now.UnixNano()) - b.phase) % b.period
	return b.period - since
}

// next is to be called at each beat; it reports what that is for besides telling the publisher.
func (b *beat) next(now time.Time) (round, report bool) {
	b.count += int(b.period / beatInterval)
	b.timer.Reset(b.until(now))
	return b.count%attendBeats == 0, b.count%reportBeats == 0
}

func (b *beat) stop() { b.timer.Stop() }
