package sfu

import (
	"slices"
	"time"
)

// probe is one short burst that shows whether the way takes more than is sent (padding over RTX).
type probe struct {
	from, to uint16 // numbers in the connection
	open     bool
	began    time.Time
	target   float64 // bit/s
	next     time.Time
	pause    time.Duration

	bytes                     int
	sentFirst, sentLast       int64
	arrivedFirst, arrivedLast int64
	first                     int // bytes of the first packet, which mark the beginning only
	got                       int
}

const (
	// probeLength is how long a burst lasts, unless it would have fewer than leastProbe packets, and
	// probeSteps in how many steps it goes out.
	probeLength = 20 * time.Millisecond
	leastProbe  = 12
	probeSteps  = 6
	// longestStep is how long such a step is at most, mostProbe how many bit/s a burst has: publishers say how large
	// their pictures are and browsers what they take, and neither need be so. At leastEstimate a step takes 94 ms.
	longestStep = 100 * time.Millisecond
	mostProbe   = 100_000_000
	// paddingBits is what one packet of padding costs on the way, headers included.
	paddingBits = 8 * (255 + 40)
	// openEnd is how many numbers a burst that still goes out may have: more than it will.
	openEnd = 1 << 14
	// probeWait is how long its feedback is waited for.
	probeWait = time.Second
	// The pause between probes doubles with each that shows nothing.
	shortestPause, longestPause = time.Second, 8 * time.Second
	// restPause follows a reduction: a queue has to empty first.
	restPause = 2 * time.Second
	// probeTrust is how much of what a probe shows is believed.
	probeTrust = 0.95
)

// due reports whether it is time for another.
func (p *probe) due(now time.Time) bool { return !p.open && !now.Before(p.next) }

// start notes that packets from to to are a probe at target bit/s.
func (p *probe) start(from, to uint16, target float64, now time.Time) {
	*p = probe{from: from, to: to, open: true, began: now, target: target, next: p.next, pause: p.pause}
}

// add takes in the feedback for one packet.
func (p *probe) add(a ack) {
	if !p.open || a.arrived < 0 || a.number-p.from > p.to-p.from {
		return
	}
	if p.got == 0 {
		p.sentFirst, p.arrivedFirst, p.first = a.sent, a.arrived, a.size
	}
	p.got++
	p.bytes += a.size
	p.sentLast, p.arrivedLast = max(p.sentLast, a.sent), max(p.arrivedLast, a.arrived)
}

// result is what the probe has shown, once it is over.
func (p *probe) result(now time.Time) (rate float64, done bool) {
	if !p.open || p.got < int(p.to-p.from)+1 && now.Sub(p.began) < probeWait {
		return 0, false
	}
	p.open = false
	lost := int(p.to-p.from) + 1 - p.got
	took := max(p.arrivedLast-p.arrivedFirst, p.sentLast-p.sentFirst)
	if p.got < 4 || lost > p.got/4 || took <= 0 {
		p.failed(now)
		return 0, false
	}
	rate = float64(8*(p.bytes-p.first)) / (float64(took) / 1e6)
	if rate < p.target*0.9 {
		p.failed(now)
	} else {
		p.pause, p.next = shortestPause, now.Add(shortestPause)
	}
	return min(rate, p.target) * probeTrust, true
}

// rest puts the next one off: the way is full. One that goes on meanwhile has filled it.
func (p *probe) rest(now time.Time) {
	if p.open {
		p.open = false
		p.failed(now)
	}
	if next := now.Add(restPause); next.After(p.next) {
		p.next = next
	}
}

// failed makes the pause before the next one longer.
func (p *probe) failed(now time.Time) {
	p.pause = min(longestPause, max(shortestPause, 2*p.pause))
	p.next = now.Add(p.pause)
}

// test sends a probe at about target bit/s to the browser, over a seat that can; it does not wait for it.
func (p *Peer) test(target float64, now time.Time) {
	target = min(max(target, leastEstimate), mostProbe)
	seats := *p.seats.Load()
	carrier := slices.IndexFunc(seats, (*seat).canPad)
	log := p.sent.Load()
	if carrier < 0 || log == nil {
		return
	}
	packets := max(leastProbe, int(target*probeLength.Seconds()/paddingBits))
	from := log.newest() + 1
	p.bandwidth.mu.Lock()
	// What goes into a queue that stands makes the voices later, and tells nothing new.
	due := p.bandwidth.probe.due(now) && !p.bandwidth.wait.long()
	if due {
		p.bandwidth.probe.start(from, from+openEnd, target, now)
	}
	p.bandwidth.mu.Unlock()
	if due {
		p.spawn(func() { p.burst(seats[carrier], packets, target) })
	}
}

// burst sends so many packets of padding at target bit/s, until the peer closes.
func (p *Peer) burst(s *seat, packets int, target float64) {
	pause := longestStep
	if seconds := float64(packets) * paddingBits / target / probeSteps; seconds < longestStep.Seconds() {
		pause = time.Duration(seconds * float64(time.Second))
	}
	for step := range probeSteps {
		out := p.room.sfu.lend(time.Now())
		s.pad(packets*(step+1)/probeSteps-packets*step/probeSteps, out)
		p.room.sfu.giveBack(out)
		select {
		case <-p.closing:
			return
		case <-time.After(pause):
		}
	}
	p.bandwidth.mu.Lock()
	p.bandwidth.probe.to = p.sent.Load().newest() // with what else went out meanwhile
	p.bandwidth.mu.Unlock()
}
