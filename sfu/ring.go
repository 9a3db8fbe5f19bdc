package sfu

import "sync"

// ringSize is how many packets of a video publication can be sent again: 2.8 s of 720p at
// 1.5 Mbit/s, 0.6 MB. A power of two.
const ringSize = 512

// ring keeps the newest packets of one publication to answer NACKs from, one copy for all
// subscribers. It is written by the publication and read by the RTCP readers of its seats.
type ring struct {
	mu    sync.Mutex // guards all below
	slots [ringSize]slot
}

// slot is one kept packet. The payload's array stays with the slot and is used again.
type slot struct {
	number  int64 // 64-bit number in the publication, 0 for none
	marker  bool
	vp8     vp8Descriptor
	payload []byte
}

// put keeps a copy of p.
func (r *ring) put(p *packet) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.slots[p.number%ringSize]
	s.number, s.marker, s.vp8 = p.number, p.rtp.Marker, p.vp8
	s.payload = append(s.payload[:0], p.rtp.Payload...)
}

// get appends the payload of packet number to to, with the picture numbers of at; false when it is
// no longer kept.
func (r *ring) get(number int64, at position, to []byte) (payload []byte, marker, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.slots[number%ringSize]
	if s.number != number {
		return nil, false, false
	}
	return s.vp8.put(to, s.payload, at.picture, at.tl0), s.marker, true
}
