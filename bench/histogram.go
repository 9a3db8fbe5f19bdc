package bench

import (
	"math/bits"
	"time"
)

const (
	// stepBits: each power of two is cut into 64 steps, so that a quantile is at most 1.6 % too high.
	stepBits = 6
	// histogramSize holds every positive int64.
	histogramSize = (64 - stepBits) << stepBits
)

// histogram counts durations without keeping them. Its zero value is empty.
type histogram struct {
	counts [histogramSize]uint64
	total  uint64
	most   time.Duration
}

// add counts one; negative ones, by a clock that was set, count as zero.
func (h *histogram) add(d time.Duration) {
	d = max(d, 0)
	h.counts[step(uint64(d))]++
	h.total++
	h.most = max(h.most, d)
}

// quantile is the smallest duration, rounded up to its step, that the share q (0 to 1) of all do not
// exceed; 0 when there are none.
func (h *histogram) quantile(q float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank := max(1, uint64(q*float64(h.total)+0.999999))
	for i := range h.counts {
		if rank <= h.counts[i] {
			return min(stepEnd(i), h.most)
		}
		rank -= h.counts[i]
	}
	return h.most
}

// step is the index of the step that holds v.
func step(v uint64) int {
	shift := max(0, bits.Len64(v)-stepBits-1)
	return shift<<stepBits + int(v>>shift)
}

// stepEnd is the largest value of a step.
func stepEnd(i int) time.Duration {
	shift := max(0, i>>stepBits-1)
	mantissa := uint64(i) - uint64(shift)<<stepBits
	return time.Duration((mantissa+1)<<shift - 1)
}
