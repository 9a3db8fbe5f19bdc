package sfu

import (
	"slices"
	"time"
)

// rung is one way to show a publication: one of its encodings, and what of that passes. The rungs of a
// publication are a ladder, the cheapest first.
type rung struct {
	layer             *layer // nil for an encoding that has not been seen yet
	rank              int    // 0 for the largest encoding
	spatial, temporal uint8
	rate              int // bit/s, measured or assumed
	size              size
	delivers          bool // packets of it come
}

// assumed is the height of a picture that says nothing of its size.
const assumedHeight = 720

// measure brings the ladder of a video publication up to date, and lets those who watch it know when it is
// another one. Called by the peer's feedback loop.
func (pub *publication) measure(now time.Time) {
	layers := pub.allLayers()
	full := fullSize(layers)
	ladder := make([]rung, 0, 4)
	for rank := max(0, len(pub.rids)-1); rank >= 0; rank-- {
		k := slices.IndexFunc(layers, func(l *layer) bool { return l.rank == rank })
		if k < 0 {
			of := full.halved(rank)
			ladder = append(ladder, rung{rank: rank, rate: assumedRate(of), size: of, spatial: maxSpatial, temporal: maxTemporal})
			continue
		}
		ladder = append(ladder, pub.reading(layers[k], now).rungs(layers[k], full, now)...)
	}
	before := pub.rungs.Swap(&ladder)
	if slices.EqualFunc(*before, ladder, rung.same) {
		return
	}
	for _, s := range *pub.seats.Load() {
		s.peer.wakeFeedback()
	}
}

// same reports whether two rungs show the same, whatever they cost.
func (r rung) same(other rung) bool {
	other.rate = r.rate
	return r == other
}

// reading is what the layer's meter showed last, brought up to date.
func (pub *publication) reading(l *layer, now time.Time) *reading {
	r := pub.readings[l]
	if r == nil {
		r = &reading{}
		pub.readings[l] = r
	}
	r.look(&l.meter, now)
	return r
}

// rungs are the ways to show one encoding: each of its spatial layers, and of what is left when bandwidth
// is short, the lowest of the smallest encoding, each frame rate.
func (r *reading) rungs(l *layer, full size, now time.Time) []rung {
	smallest := l.rank >= len(l.pub.rids)-1
	highest, delivers := r.highest(), l.meter.delivers(now)
	of := l.meter.pictureSize()
	if of.height == 0 {
		of = full.halved(l.rank)
	}
	told := l.structure.Load()
	var rungs []rung
	sum := 0
	for spatial := range highest.spatial + 1 {
		here := of.halved(int(highest.spatial - spatial))
		if told != nil && told.sizes[spatial].height > 0 {
			here = told.sizes[spatial]
		}
		for temporal := range highest.temporal + 1 {
			sum += r.rates[spatial][temporal]
			if (spatial > 0 || !smallest) && temporal < highest.temporal {
				continue
			}
			next := rung{
				layer: l, rank: l.rank, spatial: spatial, temporal: temporal, rate: sum, size: here, delivers: delivers,
			}
			if next.rate == 0 {
				next.rate = assumedRate(here)
			}
			rungs = append(rungs, next)
		}
	}
	// Nothing is kept back at the top: a layer that begins to come passes before it was measured.
	top := &rungs[len(rungs)-1]
	top.spatial, top.temporal = maxSpatial, maxTemporal
	return rungs
}

// highest are the highest layers that have been measured.
func (r *reading) highest() (found place) {
	for s := range r.rates {
		for t := range r.rates[s] {
			if r.rates[s][t] > 0 {
				found.spatial, found.temporal = max(found.spatial, uint8(s)), max(found.temporal, uint8(t))
			}
		}
	}
	return found
}

// fullSize is the size of the largest encoding, by whichever has told.
func fullSize(layers []*layer) size {
	for _, l := range layers {
		if s := l.meter.pictureSize(); s.height > 0 {
			return size{s.width << l.rank, s.height << l.rank}
		}
	}
	return size{assumedHeight * 16 / 9, assumedHeight}
}

// halved is the size after so many halvings: what browsers make of their encodings.
func (s size) halved(times int) size { return size{s.width >> times, s.height >> times} }

// assumedRate is about what a browser spends on pictures of this size at 30 a second: 1.3 Mbit/s on 720p.
func assumedRate(s size) int {
	const bitsPerPixel = 1.4 // in a second
	return int(bitsPerPixel * float64(s.width*s.height))
}
