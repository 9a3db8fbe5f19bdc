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
			publishes := n%2 == 0
			b := newBeat(n, publishes, time.Now())
			var beats, rounds, reports int
			for joined := time.Now(); time.Since(joined) < seconds*time.Second; beats++ {
				<-b.timer.C
				moments[time.Since(start)%time.Second]++
				round, report := b.next(time.Now())
				if round {
					rounds++
				}
				if report {
					reports++
				}
			}
			b.stop()
			if rounds < 4*seconds-1 || rounds > 4*seconds+1 || reports < seconds-1 || reports > seconds+1 {
				t.Errorf("peer %d: %d rounds and %d reports in %d s", n, rounds, reports, seconds)
			}
			if most := 8*seconds + 1; publishes && beats < most-2 || beats > most {
				t.Errorf("peer %d: %d beats in %d s", n, beats, seconds)
			}
		}
		if most := 4 * beatGroups; len(moments) > most {
			t.Errorf("peers wake at %d moments of a second, at most %d", len(moments), most)
		}
	})
}
