package sfu

import (
	"slices"
	"time"
)

// dynacast keeps a publisher from sending encodings that nobody watches.
type dynacast struct {
	told  []string    // the RIDs wanted, as the browser was told; nil before the first time
	since []time.Time // since when each is not wanted, zero for wanted
}

// unwatched is for how long an encoding is sent to nobody before its browser is asked to stop: people who
// turn pages come back.
const unwatched = time.Second

// look decides which encodings are wanted; it returns their RIDs, the largest first, and whether that is
// news. Called by the peer's feedback loop.
func (pub *publication) look(now time.Time) (rids []string, news bool) {
	d := &pub.dynacast
	if len(pub.rids) == 0 || !pub.begun.Load() {
		return nil, false
	}
	if d.since == nil {
		d.since, d.told = make([]time.Time, len(pub.rids)), pub.rids
	}
	wanted := make([]bool, len(pub.rids))
	wanted[0] = len(pub.joined.taps) > 0 // a record has the best there is
	for _, s := range *pub.seats.Load() {
		if rank := s.wanted.Load(); rank >= 0 && int(rank) < len(wanted) {
			wanted[rank] = true
		}
	}
	rids = []string{}
	for rank, rid := range pub.rids {
		switch {
		case wanted[rank]:
			d.since[rank] = time.Time{}
		case d.since[rank].IsZero():
			d.since[rank] = now
		}
		if wanted[rank] || now.Sub(d.since[rank]) < unwatched && slices.Contains(d.told, rid) {
			rids = append(rids, rid)
		}
	}
	news = !slices.Equal(rids, d.told)
	d.told = rids
	return rids, news
}
