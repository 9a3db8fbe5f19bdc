package sfu

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// hearing counts what one peer hears of the clock.
type hearing struct {
	every                  int // beats
	beats, rounds, reports int
	latest                 time.Duration // after a tick of its own
}

func (h *hearing) listen(c *clock, b *beat, end <-chan struct{}) {
	for {
		select {
		case <-b.struck:
			h.latest = max(h.latest, (time.Since(c.started)-time.Duration(b.group)*tick)%beatInterval)
			round, report := b.heard(h.every)
			h.beats++
			if round {
				h.rounds++
			}
			if report {
				h.reports++
			}
		case <-end:
			return
		}
	}
}

// Each peer is looked after as often as it has to be, at most so late: by packets while they come, by
// a timer when they do not.
func TestBeatsAreStruckByPacketsOrElseByATimer(t *testing.T) {
	for name, test := range map[string]struct{ packets, late time.Duration }{
		"packets": {6 * time.Millisecond, 6 * time.Millisecond},
		"silence": {time.Hour, beatInterval},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const seconds = 4
				c, end := newClock(), make(chan struct{})
				var peers [3 * beatGroups]hearing
				var running sync.WaitGroup
				running.Go(func() {
					packets := time.NewTicker(test.packets)
					defer packets.Stop()
					for {
						select {
						case <-packets.C:
							c.look(time.Now())
						case <-end:
							return
						}
					}
				})
				for n := range peers {
					time.Sleep(7 * time.Millisecond)
					peers[n].every = []int{1, attendBeats, reportBeats}[n%3]
					b := c.add(uint32(n), time.Now())
					defer c.remove(b)
					running.Go(func() { peers[n].listen(c, b, end) })
				}
				time.Sleep(seconds * time.Second)
				close(end)
				running.Wait()
				for n, h := range peers {
					check := func(what string, got, want int) {
						if want *= seconds; got < want-2 || got > want+2 {
							t.Errorf("peer %d has %d %s in %d s, not %d", n, got, what, seconds, want)
						}
					}
					if name == "packets" { // in silence two are one
						check("beats", h.beats, 8/h.every)
					}
					check("rounds", h.rounds, min(4, 8/h.every))
					check("reports", h.reports, 1)
					if h.latest > test.late {
						t.Errorf("peer %d hears a beat %v late", n, h.latest)
					}
				}
			})
		})
	}
}

// A peer that was kept from its clock hears at once what all it missed was for.
func TestBeatsThatWereMissedAreOne(t *testing.T) {
	c := newClock()
	b := c.add(0, c.started)
	defer c.remove(b)
	c.look(c.started.Add(1500 * time.Millisecond))
	<-b.struck
	if round, report := b.heard(1); !round || !report {
		t.Errorf("round %v, report %v, not both", round, report)
	}
	c.look(c.started.Add(1501 * time.Millisecond))
	select {
	case <-b.struck:
		t.Error("struck twice for one beat")
	default:
	}
}
