package sfu

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/parley/parley"
)

// demand is one seat that wants bandwidth.
type demand struct {
	ladder []rung
	shown  shown
	now    int // index of what is shown now, -1 for nothing
	chosen int // result: -1 for nothing
	best   int // the highest that its size has use for

	seat   *seat
	source *publication // that sits in it
}

const (
	// spare is what an upgrade has to leave, as a share of its rate: without, a seat would go up and
	// down with every picture that is larger than the last.
	spare = 0.15
	// enough is how much of the height shown a picture must have: less is seen.
	enough = 0.8
	// voiceRate is kept free for each voice: 32 kbit/s of Opus, headers and tags.
	voiceRate = 55_000
)

// allocate shares budget, in bit/s, among demands: first everybody gets the least, the more important
// first; then all go up a rung at a time, in the same order, as far as their size has use for. Nobody gets more
// than is shown now where all together would take more than most.
func allocate(demands []demand, budget, most float64) {
	order := make([]*demand, len(demands))
	for i := range demands {
		d := &demands[i]
		d.chosen, d.best = -1, d.useful()
		order[i] = d
	}
	slices.SortStableFunc(order, func(a, b *demand) int { return cmp.Compare(b.shown.priority, a.shown.priority) })
	take := func(d *demand, k int) bool {
		cost := float64(d.ladder[k].rate)
		if d.chosen >= 0 {
			cost -= float64(d.ladder[d.chosen].rate)
		}
		left, margin := budget, 0.0
		if k > d.now {
			left, margin = min(budget, most), spare*float64(d.ladder[k].rate)
		}
		if cost+margin > left {
			return false
		}
		d.chosen = k
		budget, most = budget-cost, most-cost
		return true
	}
	for _, d := range order {
		if len(d.ladder) > 0 {
			take(d, 0)
		}
	}
	for rose := true; rose; {
		rose = false
		for _, d := range order {
			if d.chosen >= 0 && d.chosen < d.best {
				rose = take(d, d.chosen+1) || rose
			}
		}
	}
}

// useful is the lowest rung that is as large as the seat is shown, or the highest there is.
func (d *demand) useful() int {
	if d.shown.height <= 0 && d.shown.width <= 0 {
		return len(d.ladder) - 1
	}
	for k, r := range d.ladder {
		if float64(r.size.height) < enough*float64(d.shown.height) && float64(r.size.width) < enough*float64(d.shown.width) {
			continue
		}
		for k+1 < len(d.ladder) && d.ladder[k+1].size == r.size {
			k++ // the same picture at its full frame rate
		}
		return k
	}
	return len(d.ladder) - 1
}

// fallback is the rung to show in place of one that does not deliver: the next below that does, else the
// next above; -1 when none does.
func fallback(ladder []rung, k int) int {
	for below := k; below >= 0; below-- {
		if ladder[below].delivers {
			return below
		}
	}
	for above := k + 1; above < len(ladder); above++ {
		if ladder[above].delivers {
			return above
		}
	}
	return -1
}

// allot decides what each seat of the peer is to get, and asks for the keyframes that takes. Called by the
// feedback loop.
func (p *Peer) allot(now time.Time) {
	demands, voices := p.demands()
	budget, limited := p.bandwidth.budget(now)
	choices, all := 0, float64(voices*voiceRate)
	for _, d := range demands {
		choices += len(d.ladder)
		all += float64(d.ladder[len(d.ladder)-1].rate)
	}
	// Feedback for each packet costs both ends; it is asked for where there is something to decide.
	short := p.lossy.Load() || p.bandwidth.asked(now) < all*(1+spare)
	p.stamp(choices > 1 || limited || choices > 0 && short)
	goal := p.setback.share(demands, budget, float64(voices*voiceRate), now)
	changed := false
	for i := range demands {
		changed = demands[i].seat.aim(&demands[i], now) || changed
	}
	if changed {
		p.room.tellPaused(p)
	}
	if goal > 0 {
		p.test(goal, now)
	}
}

// share allocates what the voices leave of budget among demands, by what has failed before. It returns the rate that
// a probe would have to show for the next upgrade, 0 where none is wanted or needed.
func (s *setback) share(demands []demand, budget, voices float64, now time.Time) (goal float64) {
	allocate(demands, max(0, budget-voices), s.most(budget, now)-voices)
	takes, wants := voices, 0.0
	for _, d := range demands {
		if d.chosen >= 0 {
			takes += float64(d.ladder[d.chosen].rate)
		}
		if d.chosen < d.best && wants == 0 {
			wants = float64(d.ladder[d.chosen+1].rate)
			if d.chosen >= 0 {
				wants -= float64(d.ladder[d.chosen].rate)
			}
		}
	}
	s.learn(demands, budget, voices, now)
	if wants == 0 || math.IsInf(budget, 1) {
		return 0
	}
	return max(takes+wants*(1+2*spare), 2*budget)
}

// demands are those of the peer's video seats that have somebody in them; and how many voices it has.
func (p *Peer) demands() (demands []demand, voices int) {
	if p.path.Load() == nil || p.withheld.Load() {
		return nil, 0
	}
	for _, s := range *p.seats.Load() {
		s.mu.Lock()
		source, as, current, spatial, temporal := s.source, s.shown, s.current, s.target.spatial, s.target.temporal
		s.mu.Unlock()
		switch {
		case source == nil:
		case s.kind == parley.Audio:
			voices++
		default:
			d := demand{ladder: *source.rungs.Load(), shown: as, seat: s, source: source, now: -1}
			for k, r := range d.ladder {
				if current != nil && r.layer == current && r.spatial <= spatial && r.temporal <= temporal {
					d.now = k
				}
			}
			if len(d.ladder) > 0 {
				demands = append(demands, d)
			}
		}
	}
	return demands, voices
}

// aim carries out what was decided for the seat; it reports whether its being paused has changed.
func (s *seat) aim(d *demand, now time.Time) (changed bool) {
	wanted, next := noRank, target{spatial: maxSpatial, temporal: maxTemporal}
	if d.chosen >= 0 {
		wanted = int32(d.ladder[d.chosen].rank)
		if k := fallback(d.ladder, d.chosen); k >= 0 {
			next = target{d.ladder[k].layer, d.ladder[k].spatial, d.ladder[k].temporal}
		}
	}
	s.mu.Lock()
	if s.source != d.source {
		s.mu.Unlock()
		return false // somebody else sat down meanwhile
	}
	changed = s.paused != (d.chosen < 0)
	s.paused = d.chosen < 0
	if s.paused {
		s.current = nil // it begins anew, with a keyframe
	}
	s.target = next
	current := s.current
	s.mu.Unlock()
	if s.wanted.Swap(wanted) != wanted {
		d.source.peer.wakeFeedback() // another encoding may have to be sent
	}
	l := next.layer
	if l == nil || l == current {
		return changed
	}
	if served := current == nil && l.serve(s, now); !served {
		l.requestKeyframe()
	}
	return changed
}
