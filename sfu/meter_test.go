package sfu

import (
	"testing"
	"time"
)

// TestALayerThatIsSwitchedOffKeepsItsRate, however often: it is what it would cost to have it again.
func TestALayerThatIsSwitchedOffKeepsItsRate(t *testing.T) {
	t.Parallel()
	const frames, size = 15, 3750 // 450 kbit/s
	var m meter
	var r reading
	start := time.Unix(1e9, 0)
	for n := range 120 * frames {
		now := start.Add(time.Duration(n) * time.Second / frames)
		cycle, at := n/(4*frames), n%(4*frames)
		if on := frames + cycle%frames; at < on { // for one to two seconds of four
			m.count(&packet{arrived: now}, size)
		}
		r.look(&m, now.Add(10*time.Millisecond))
		if rate := r.rates[0][0]; at == 4*frames-1 && (rate < 430_000 || rate > 470_000) {
			t.Errorf("after %v a layer of 450 kbit/s is thought to have %d", now.Sub(start), rate)
		}
	}
}
