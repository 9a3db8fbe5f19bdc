package sfu

import "time"

const (
	// mostHeld is how many packets of a picture are held back at most: the kernel cuts a run of them
	// for a fifth of the price of as many messages.
	mostHeld = 16
	// burst is how close packets of one picture follow each other when their sender does not pace
	// them; paced ones would be held for nothing.
	burst = 300 * time.Microsecond
)

// run gathers the packets of one picture, so that each subscriber gets them in one message. They lie in
// the ring. It belongs to a video layer, whose mu guards it.
type run struct {
	held  [mostHeld]*packet
	count int
	timer *time.Timer // sends what is held when the rest does not come; nil until needed

	bursty    bool // the last picture came at once
	timestamp uint32
	arrived   time.Time
}

// hold reports whether p, which lies in the ring, is to wait for the rest of its picture.
func (r *run) hold(p *packet, delay time.Duration, of *layer) bool {
	if delay == 0 {
		return false
	}
	if p.timestamp == r.timestamp {
		r.bursty = p.arrived.Sub(r.arrived) < burst
	}
	r.timestamp, r.arrived = p.timestamp, p.arrived
	if p.marker || !r.bursty || r.count == mostHeld {
		return false
	}
	r.held[r.count] = p
	r.count++
	switch {
	case r.count > 1:
	case r.timer == nil:
		r.timer = time.AfterFunc(delay, of.expire)
	default:
		r.timer.Reset(delay)
	}
	return true
}

// expire sends what is held: the rest of the picture did not come in time.
func (l *layer) expire() {
	defer l.pub.peer.survive()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.run.count > 0 {
		l.release(nil)
	}
}

// release forwards what is held, and then p, if any: seat by seat, so that what goes to one browser lies
// together. mu is held.
func (l *layer) release(p *packet) {
	sfu := l.pub.peer.room.sfu
	seats := *l.pub.seats.Load()
	held := l.run.held[:l.run.count]
	out := sfu.lend(time.Now()) // not when p arrived: that the server is late is not the fault of the way there
	for i, s := range seats {
		ahead(seats, i)
		for _, earlier := range held {
			s.forward(l, earlier, out)
		}
		if p != nil {
			s.forward(l, p, out)
		}
	}
	if len(held) > 0 {
		l.run.count = 0
		l.run.timer.Stop()
	}
	sfu.giveBack(out)
}

// stop lets the timer go; nothing is forwarded any more.
func (l *layer) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.run.count = 0
	if l.run.timer != nil {
		l.run.timer.Stop()
	}
}

// lend gives scratch for what leaves now. It goes from layer to layer, since each needs much of it for a
// moment.
func (s *SFU) lend(now time.Time) *outgoing {
	out, _ := s.outgoing.Get().(*outgoing)
	if out == nil {
		out = &outgoing{}
		out.batch.egress = s.egress
	}
	out.now = now.UnixMicro()
	return out
}

// giveBack sends what was gathered and takes the scratch back.
func (s *SFU) giveBack(out *outgoing) {
	out.flush(s.metrics)
	s.outgoing.Put(out)
}
