package sfu

import (
	"time"

	"github.com/pion/rtp"

	"github.com/parley/parley"
)

const (
	// mostHeld is how many packets of a picture are held back at most: the kernel cuts a run of them
	// for a fifth of the price of as many messages.
	mostHeld = 16
	// burst is how close packets of one picture follow each other when their sender does not pace
	// them; paced ones would be held for nothing.
	burst = 300 * time.Microsecond
)

// run gathers the packets of one picture, so that each subscriber gets them in one message. It belongs
// to a publication, whose mu guards it.
type run struct {
	held  [mostHeld]heldPacket
	count int
	timer *time.Timer // sends what is held when the rest does not come; nil until needed

	bursty    bool // the last picture came at once
	timestamp uint32
	arrived   time.Time
}

// heldPacket is a packet with bytes of its own.
type heldPacket struct {
	packet  packet
	rtp     rtp.Packet
	payload []byte
}

// hold reports whether p is to wait for the rest of its picture, and keeps a copy if so.
func (r *run) hold(p *packet, kind parley.MediaKind, delay time.Duration, expire func()) bool {
	if kind != parley.Video || delay == 0 {
		return false
	}
	if p.rtp.Timestamp == r.timestamp {
		r.bursty = p.arrived.Sub(r.arrived) < burst
	}
	r.timestamp, r.arrived = p.rtp.Timestamp, p.arrived
	if p.rtp.Marker || !r.bursty || r.count == mostHeld {
		return false
	}
	h := &r.held[r.count]
	h.payload = append(h.payload[:0], p.rtp.Payload...)
	h.rtp = rtp.Packet{Header: p.rtp.Header, Payload: h.payload}
	h.packet = *p
	h.packet.rtp = &h.rtp
	r.count++
	switch {
	case r.count > 1:
	case r.timer == nil:
		r.timer = time.AfterFunc(delay, expire)
	default:
		r.timer.Reset(delay)
	}
	return true
}

// expire sends what is held: the rest of the picture did not come in time.
func (pub *publication) expire() {
	pub.mu.Lock()
	defer pub.mu.Unlock()
	pub.release(nil)
}

// release forwards what is held, and then p, if any: seat by seat, so that what goes to one browser lies
// together. mu is held.
func (pub *publication) release(p *packet) {
	seats := *pub.seats.Load()
	packets := pub.run.count
	for _, s := range seats {
		for i := range pub.run.count {
			s.forward(pub, &pub.run.held[i].packet, &pub.out)
		}
		if p != nil {
			s.forward(pub, p, &pub.out)
		}
	}
	if p != nil {
		packets++
	}
	if pub.run.count > 0 {
		pub.run.count = 0
		pub.run.timer.Stop()
	}
	pub.out.flush(pub.peer.room.sfu.metrics)
	pub.peer.room.sfu.metrics.forwarded(len(seats)*packets, pub.codec.kind)
}

// stop lets the timer go; nothing is forwarded any more.
func (pub *publication) stop() {
	pub.mu.Lock()
	defer pub.mu.Unlock()
	pub.run.count = 0
	if pub.run.timer != nil {
		pub.run.timer.Stop()
	}
}
