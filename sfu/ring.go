package sfu

import "sync"

// ringSize is how many packets of a layer are kept: 2.8 s of 720p at 1.5 Mbit/s, 0.6 MB. A power of
// two.
const ringSize = 512

// ring keeps the newest packets of one video layer, one copy for all subscribers: to answer NACKs from,
// to let a picture leave at once, and to give who comes late the pictures since the last keyframe. It
// is written by the layer, which alone may read without the lock, and read by the feedback loops of those who watch.
type ring struct {
	mu    sync.Mutex // guards all below
	slots [ringSize]packet

	newest   int64 // the largest number put in; owned by the layer
	keyframe int64 // where the newest keyframe begins, 0 for nowhere; likewise
}

// put keeps a copy of p and returns it; it is good until ringSize packets later.
func (r *ring) put(p *packet) *packet {
	kept := &r.slots[p.number%ringSize]
	r.mu.Lock()
	kept.keep(p)
	r.mu.Unlock()
	r.newest = max(r.newest, p.number)
	if p.keyframe {
		r.keyframe = max(r.keyframe, p.number)
	}
	return kept
}

// kept is packet number as the layer itself may read it, nil when it is not kept.
func (r *ring) kept(number int64) *packet {
	if p := &r.slots[number%ringSize]; p.number == number {
		return p
	}
	return nil
}

// sinceKeyframe is how many packets came since the newest keyframe began, that one included; 0 when
// there was none, or it is not kept any more.
func (r *ring) sinceKeyframe() int64 {
	if r.keyframe == 0 || r.newest-r.keyframe >= ringSize || r.kept(r.keyframe) == nil || r.kept(r.newest) == nil {
		return 0
	}
	return r.newest - r.keyframe + 1
}

// picturesSinceKeyframe is how many pictures the packets that sinceKeyframe counts, and that are kept, belong to.
func (r *ring) picturesSinceKeyframe() int {
	pictures := 0
	var before *packet
	for number := r.keyframe; number <= r.newest; number++ {
		if p := r.kept(number); p != nil {
			if before == nil || p.timestamp != before.timestamp {
				pictures++
			}
			before = p
		}
	}
	return pictures
}

// read copies the packet whose number has these low 32 bits into to; false when it is not kept.
func (r *ring) read(low uint32, to *packet) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := &r.slots[low%ringSize]
	if p.number == 0 || uint32(p.number) != low {
		return false
	}
	to.keep(p)
	return true
}
