package media

import (
	"time"

	"github.com/pion/rtp"
)

// Reorder gives the packets of one RTP stream back in order of sequence number. A packet that is
// missing is waited for until a later one has waited too long, or until too many wait; then it is
// counted as lost. Duplicates and packets that come after they were given up are dropped.
type Reorder struct {
	wait    time.Duration
	slots   []slot // by sequence number modulo their count
	waiting int
	next    uint16 // the number Pop waits for
	newest  uint16
	begun   bool
	flushed bool
}

type slot struct {
	packet  *rtp.Packet // or nil
	arrived time.Time
}

// NewReorder makes a buffer of at most window packets (a power of two), in which a packet waits at
// most wait for an earlier one.
func NewReorder(window int, wait time.Duration) *Reorder {
	return &Reorder{wait: wait, slots: make([]slot, window)}
}

func (r *Reorder) slot(seq uint16) *slot { return &r.slots[int(seq)%len(r.slots)] }

// Push adds a packet, which is the buffer's from now on.
func (r *Reorder) Push(p *rtp.Packet, arrived time.Time) {
	if !r.begun {
		r.begun, r.next, r.newest = true, p.SequenceNumber, p.SequenceNumber
	}
	ahead := int16(p.SequenceNumber - r.next)
	if ahead < 0 && ahead > -1000 {
		return // late, or seen before
	}
	if ahead < 0 || int(ahead) >= 2*len(r.slots) {
		// The sender started anew, or a long stretch is gone: what waits cannot be joined to this.
		clear(r.slots)
		r.waiting, r.next, r.newest = 0, p.SequenceNumber, p.SequenceNumber
	}
	for int(p.SequenceNumber-r.next) >= len(r.slots) { // full: give up the oldest
		if s := r.slot(r.next); s.packet != nil && s.packet.SequenceNumber == r.next {
			*s = slot{}
			r.waiting--
		}
		r.next++
	}
	s := r.slot(p.SequenceNumber)
	if s.packet != nil {
		return // seen before
	}
	*s = slot{p, arrived}
	r.waiting++
	if int16(p.SequenceNumber-r.newest) > 0 {
		r.newest = p.SequenceNumber
	}
}

// Pop gives the next packet in order, when it arrived, and how many just before it are lost; !ok
// when none is ready at now. Call it until then.
func (r *Reorder) Pop(now time.Time) (p *rtp.Packet, arrived time.Time, lost int, ok bool) {
	if r.waiting == 0 {
		r.flushed = false
		return nil, time.Time{}, 0, false
	}
	for seq := r.next; ; seq++ {
		s := r.slot(seq)
		if s.packet == nil || s.packet.SequenceNumber != seq {
			lost++
			continue
		}
		if lost > 0 && !r.flushed && now.Sub(s.arrived) < r.wait {
			return nil, time.Time{}, 0, false
		}
		p, arrived = s.packet, s.arrived
		*s = slot{}
		r.waiting--
		r.next = seq + 1
		return p, arrived, lost, true
	}
}

// Flush makes Pop give everything that waits, without waiting for what is missing.
func (r *Reorder) Flush() { r.flushed = r.waiting > 0 }
