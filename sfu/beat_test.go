package sfu

import (
	"testing"
	"testing/synctest"
	"time"
)

// Peers that joined at any time wake together, and each does everything as often as it has to.
func TestBeatsAreStruckOnOneGrid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const seconds = 4
		moments := map[time.Duration]int{}
		start := time.Now()
		for n := range uint32(4 * beatGroups) {
			time.Sleep(7 * time.Millisecond)
			every := []int{1, attendBeats, reportBeats}[n%3]
			b := newBeat(n, time.Now())
			var beats, rounds, reports int
			for joined := time.Now(); time.Since(joined) < seconds*time.Second; beats++ {
				<-b.timer.C
				moments[time.Since(start)%time.Second]++
				round, report := b.next(time.Now(), every)
				if round {
					rounds++
				}
				if report {
					reports++
				}
			}
			b.stop()
			for what, counts := range map[string][2]int{
				"beats": {beats, 8 / every}, "rounds": {rounds, min(4, 8/every)}, "reports": {reports, 1},
			} {
				if got, want := counts[0], counts[1]*seconds; got < want-1 || got > want+2 {
					t.Errorf("peer %d has %d %s in %d s, not %d", n, got, what, seconds, want)
				}
			}
		}
		if most := 4 * beatGroups; len(moments) > most {
			t.Errorf("peers wake at %d moments of a second, at most %d", len(moments), most)
		}
	})
}
