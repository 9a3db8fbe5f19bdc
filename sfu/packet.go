package sfu

import "time"

// packet is one RTP packet on its way through the server, read once for all taps and seats. It
// belongs to its layer; the payload and what else it points to are used again for a later one.
type packet struct {
	number    int64 // sequence number in the layer, 64 bits, without the gaps that padding left
	arrived   time.Time
	seq       uint16 // the low bits of number
	timestamp uint32 // RTP clock of the layer
	marker    bool
	keyframe  bool       // begins a keyframe; true for audio, where a stream may begin anywhere
	place     place      // among the layers that its stream holds
	picture   descriptor // of VP8 and VP9; zero for others
	payload   []byte

	level      []byte // the RFC 6464 audio level extension, or nil
	dependency []byte // the AV1 dependency descriptor extension, or nil
	frame      uint16 // its frame number, 0 without one
}

// place is where a packet stands among the layers that one stream holds: the temporal ones of VP8,
// and the spatial and temporal ones of VP9 and AV1. It is zero for streams of one layer.
type place struct {
	spatial, temporal uint8
	begins, ends      bool // the first, the last packet of one layer's frame
	climbs            bool // who has not had this temporal layer yet may have it from here on
}

// at is where the packet stands in its stream.
func (p *packet) at() position {
	return position{p.seq, p.timestamp, p.picture.picture, p.frame, p.picture.tl0}
}

// keep makes p a copy of another packet, in p's own arrays.
func (p *packet) keep(other *packet) {
	payload, level, dependency := p.payload, p.level, p.dependency
	*p = *other
	p.payload = append(payload[:0], other.payload...)
	p.level = append(level[:0], other.level...)
	p.dependency = append(dependency[:0], other.dependency...)
}
