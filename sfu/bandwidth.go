package sfu

import (
	"math"
	"sync"
	"time"
)

// bandwidth estimates how much one browser can be sent, from its transport-cc feedback: by delay, which
// grows before anything is lost, and by loss. Until a limit was met there is none: nothing is kept from
// a browser on suspicion.
type bandwidth struct {
	mu    sync.Mutex // guards all below
	acked []ack      // scratch
	trend trend
	wait  wait

	estimate  float64 // bit/s; +Inf until a limit was met, 0 means the same before the first feedback
	capped    float64 // what the browser itself asks not to exceed (REMB)
	cappedAt  time.Time
	asking    time.Time // since when it has
	reduced   time.Time
	raised    time.Time
	arrivals  rateWindow // what arrives
	losses    lossWindow
	blamed    float64 // the share of losses that the last reduction was for, 0 for none
	probe     probe
	lastState usage
}

const (
	// leastEstimate keeps the estimate above what voices need.
	leastEstimate = 50_000
	// backOff is what is left of the rate that arrives when a queue grows.
	backOff = 0.85
	// growth is by how much an estimate that is in use rises in a second.
	growth = 0.08
	// reduceInterval is how far apart reductions are: the next has to see what the last one did.
	reduceInterval = 300 * time.Millisecond
	// Losses below littleLoss are the way's own, not the sender's; above muchLoss they cost rate.
	littleLoss, muchLoss = 0.02, 0.10
	// stubborn is what is left of losses, at least, when a reduction has not helped.
	stubborn = 0.7
	// capLasts is how long a request not to exceed a rate holds; browsers repeat it each second.
	capLasts = 5 * time.Second
	// answerWait is how long feedback for each packet is waited for before such a request counts. Browsers measure
	// what they ask by what arrives: where that is paused for it, they never take it back.
	answerWait = time.Second
	// lossyShare is the loss in a receiver report, in 1/256, from which feedback for each packet is asked.
	lossyShare = 13
)

// feedback takes in what one RTCP packet of transport-cc feedback says of the packets in log.
func (b *bandwidth) feedback(log *sentLog, p []byte, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.acked = log.acks(p, b.acked[:0])
	state := b.lastState
	for _, a := range b.acked {
		b.losses.add(a.arrived < 0)
		b.probe.add(a)
		if a.arrived < 0 {
			continue
		}
		b.arrivals.add(a.arrived, a.size)
		b.wait.add(a.sent, a.arrived)
		state = b.trend.add(float64(a.sent)/1e3, float64(a.arrived)/1e3)
	}
	b.lastState = state
	b.control(state, now)
}

// control moves the estimate.
func (b *bandwidth) control(state usage, now time.Time) {
	if b.estimate == 0 {
		b.estimate = math.Inf(1)
	}
	arriving, known := b.arrivals.rate()
	lost, judged := b.losses.share()
	if judged && lost < littleLoss {
		b.blamed = 0 // the way is another now
	}
	settled := now.Sub(b.reduced) >= reduceInterval
	// Where sending less has not made losses fewer, they are the way's own.
	own := lost < littleLoss || b.blamed > 0 && lost > stubborn*b.blamed && lost < b.blamed+muchLoss/2
	switch {
	case state == overused && settled && known:
		b.reduce(min(b.estimate, backOff*max(arriving, b.arrivals.peak())), now)
	case lost > muchLoss && !own && settled && known:
		b.blamed = lost
		b.reduce(min(b.estimate, arriving)*(1-lost/2), now)
	case state == normal && own && known && !math.IsInf(b.estimate, 1):
		// It rises while it is used: an estimate that nobody tests is a guess.
		if most := 1.5*arriving + 10_000; b.estimate < most {
			passed := min(now.Sub(b.raised).Seconds(), 1)
			b.estimate = min(most, b.estimate*(1+growth*passed))
		}
	}
	b.raised = now
	if rate, done := b.probe.result(now); done && state != overused && rate > b.estimate {
		b.estimate = rate
	}
}

func (b *bandwidth) reduce(to float64, now time.Time) {
	b.estimate, b.reduced = max(leastEstimate, to), now
	b.probe.rest(now)
	b.losses = lossWindow{}
	b.trend.over = 0
}

// limit takes in what the browser asks not to exceed.
func (b *bandwidth) limit(rate float64, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Sub(b.cappedAt) >= capLasts {
		b.asking = now
	}
	b.capped, b.cappedAt = rate, now
}

// budget is what may be sent, in bit/s, and whether that is a limit at all. What a browser asks for counts
// while it says so, where there is no feedback for each packet to know better.
func (b *bandwidth) budget(now time.Time) (rate float64, limited bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	rate = b.estimate
	if rate == 0 {
		rate = math.Inf(1)
	}
	unheard := now.Sub(b.raised) >= answerWait && now.Sub(b.asking) >= answerWait
	if math.IsInf(rate, 1) && unheard && now.Sub(b.cappedAt) < capLasts {
		rate = b.capped
	}
	return rate, !math.IsInf(rate, 1)
}

// asked is what the browser asks not to exceed, whether that counts or not; +Inf where it asks nothing.
func (b *bandwidth) asked(now time.Time) float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Sub(b.cappedAt) < capLasts {
		return b.capped
	}
	return math.Inf(1)
}

// rateWindow measures the rate of what arrived within the last half second.
type rateWindow struct {
	slots [rateSlots]struct {
		slot  int64 // arrival / rateSlot
		bytes int
	}
	newest int64
	first  int64
}

// The window has rateSlots of rateSlot microseconds.
const rateSlots, rateSlot = 10, 50_000

// peakSlots are a fifth of a second: less is a matter of where packets lie in it.
const peakSlots = 4

func (w *rateWindow) add(arrived int64, bytes int) {
	n := arrived / rateSlot
	s := &w.slots[n%rateSlots]
	if s.slot != n {
		s.slot, s.bytes = n, 0
	}
	s.bytes += bytes
	if w.first == 0 || n-w.newest > 4*rateSlots {
		w.first = n
	}
	if n < w.newest-4*rateSlots { // the browser's clock was set
		*w = rateWindow{first: n}
		s.slot, s.bytes = n, bytes
	}
	w.newest = max(w.newest, n)
}

// rate is in bit/s; false until half a window was seen.
func (w *rateWindow) rate() (float64, bool) {
	seen := min(w.newest-w.first+1, rateSlots)
	if w.first == 0 || seen < rateSlots/2 {
		return 0, false
	}
	bytes := 0
	for _, s := range w.slots {
		if s.slot > w.newest-rateSlots {
			bytes += s.bytes
		}
	}
	return float64(8*bytes) / (float64(seen) * rateSlot / 1e6), true
}

// peak is the rate of the fastest fifth of a second within that, in bit/s: what the way takes, where a queue stood
// for as long. Half a second reaches back to before a keyframe came, and would find the way narrower than it is.
func (w *rateWindow) peak() float64 {
	most := 0
	for end := w.newest - 1; end >= w.newest-rateSlots+peakSlots; end-- {
		bytes := 0
		for _, s := range w.slots {
			if s.slot <= end && s.slot > end-peakSlots {
				bytes += s.bytes
			}
		}
		most = max(most, bytes)
	}
	return float64(8*most) / (peakSlots * rateSlot / 1e6)
}

// lossWindow counts losses over the last packets.
type lossWindow struct{ lost, total int }

// lossPackets is over how many packets at least losses are judged.
const lossPackets = 100

func (w *lossWindow) add(lost bool) {
	if w.total++; lost {
		w.lost++
	}
	if w.total >= 2*lossPackets {
		w.total, w.lost = w.total/2, w.lost/2
	}
}

// share is the share of packets that were lost; 0 and false until enough were seen.
func (w *lossWindow) share() (share float64, judged bool) {
	if w.total < lossPackets {
		return 0, false
	}
	return float64(w.lost) / float64(w.total), true
}
