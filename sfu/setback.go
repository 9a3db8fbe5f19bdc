package sfu

import (
	"math"
	"time"
)

// setback remembers that more was tried than the way to a browser takes: an upgrade, or a picture where there was
// none, that was taken back soon after. Without, it would be tried again as soon as the queue it made is gone,
// and the picture would come and go every few seconds. It is of the whole way, not of a seat: whichever seat
// asks for as much next would fail alike. Owned by the feedback loop. All rates are of voices and pictures
// together, in bit/s.
type setback struct {
	rate     float64 // the least that was too much; 0 for nothing
	promised float64 // the highest estimate that had allowed it
	pause    time.Duration
	until    time.Time // when as much may be tried again

	tried   time.Time // the newest upgrade: when it was last waited for
	trusted float64   // the estimate that allowed it
}

const (
	// trialLasts is how long an upgrade is on trial: a deep queue takes its time to be noticed.
	trialLasts = 30 * time.Second
	// The pause before as much is tried again doubles with each failure, unless none came for setbackLasts after
	// the last pause.
	shortestSetback, longestSetback = 5 * time.Second, time.Minute
	setbackLasts                    = time.Minute
	// clearly is by how much an estimate has to exceed those that were wrong, to be believed before the pause is
	// over. Only probes show that much. Where a router lets short bursts pass they are wrong too, but each has to
	// show more than the last.
	clearly = 1.5
	// less is what part of what failed may be tried at once: the rates of pictures move by a quarter, and those of
	// two rungs differ by more.
	less = 0.75
)

// most is what all may take together after an upgrade, with this budget. What is shown already it does not concern.
func (s *setback) most(budget float64, now time.Time) float64 {
	if s.rate == 0 || !now.Before(s.until) || budget >= clearly*s.promised {
		return math.Inf(1)
	}
	return less * s.rate
}

// learn takes in what was decided about demands, with this budget for voices and pictures.
func (s *setback) learn(demands []demand, budget, voices float64, now time.Time) {
	rises, falls, shown := false, false, voices
	for _, d := range demands {
		rises = rises || d.chosen > d.now
		falls = falls || d.chosen < min(d.now, d.best) // what its size has no use for is no loss
		if d.now >= 0 {
			shown += float64(d.ladder[d.now].rate)
		}
	}
	if s.rate > 0 && now.Sub(s.until) > setbackLasts {
		s.rate, s.promised, s.pause = 0, 0, 0
	}
	switch {
	case falls && shown > budget && now.Sub(s.tried) <= trialLasts: // not for the sake of another seat
		if s.rate == 0 || shown < s.rate {
			s.rate = shown
		}
		s.promised = max(s.promised, s.trusted)
		s.pause = min(longestSetback, max(shortestSetback, 2*s.pause))
		s.until, s.tried = now.Add(s.pause), time.Time{}
	case rises && !math.IsInf(budget, 1): // before a limit was met, nothing was promised
		s.tried, s.trusted = now, budget
	}
}
