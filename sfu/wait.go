package sfu

import "math"

// wait tells whether packets stand in a queue on their way: by how much longer even the quickest of the newest
// take than the quickest of the last while. All times are in microseconds; what a packet takes has an offset, since
// each end has its own clock.
type wait struct {
	began   int64 // arrival with which the newest period began, 0 before the first packet
	periods [waitPeriods]int64
	slot    int64 // of arrival, the newest
	slots   [2]int64
}

const (
	// The quickest of the last waitPeriods, of waitPeriod each, is what the way takes when nothing stands there:
	// after a minute a way may be another.
	waitPeriods, waitPeriod = 3, 20_000_000
	// waitSlot is how long the quickest counts as one of the newest: a voice has ten packets in that.
	waitSlot = 200_000
	// longWait is a queue that a voice is late by; less comes and goes with each picture.
	longWait = 60_000
)

// add takes in one packet that arrived.
func (w *wait) add(sent, arrived int64) {
	took := arrived - sent
	switch passed := arrived - w.began; {
	case w.began == 0 || passed < -waitPeriod || passed > waitPeriods*waitPeriod:
		*w = wait{began: arrived, periods: [waitPeriods]int64{took, took, took}}
	case passed > waitPeriod:
		w.began += waitPeriod
		copy(w.periods[1:], w.periods[:])
		w.periods[0] = took
	}
	w.periods[0] = min(w.periods[0], took)
	if slot := arrived / waitSlot; slot != w.slot {
		before := int64(math.MaxInt64)
		if slot == w.slot+1 {
			before = w.slots[0]
		}
		w.slot, w.slots = slot, [2]int64{took, before}
	}
	w.slots[0] = min(w.slots[0], took)
}

// long reports whether a voice waits.
func (w *wait) long() bool {
	least := w.periods[0]
	for _, p := range w.periods {
		least = min(least, p)
	}
	return w.began != 0 && min(w.slots[0], w.slots[1])-least > longWait
}
