package sfu

// history remembers what went out of one seat under which sequence number: enough to send it again. It
// is small, since there is one for each picture that somebody watches.
type history struct {
	sent   [ringSize]sentPacket
	stints [maxStints]*layer // whose packets went out, from one change of source to the next; nil once forgotten
	stint  uint8             // the newest, counted modulo maxStints
}

// maxStints is how many sources in a row are remembered: more changes within the length of the ring, and
// the oldest packets are not sent again.
const maxStints = 8

// sentPacket is what cannot be found in the layer's own ring.
type sentPacket struct {
	number    uint32 // the low bits of that in the layer; 0 for none
	timestamp uint32
	seq       uint16
	picture   uint16
	frame     uint16
	tl0       uint8
	marker    bool
	stint     uint8
	again     uint8 // how often it was sent again
}

// begin notes that packets of layer l follow, and names the stint they are noted with.
func (h *history) begin(l *layer) (stint uint8) {
	h.stint = (h.stint + 1) % maxStints
	h.stints[h.stint] = l
	for i := range h.sent {
		if h.sent[i].stint == h.stint {
			h.sent[i].number = 0 // of the stint this one takes the place of
		}
	}
	return h.stint
}

// note remembers a packet that goes out at at, in the newest stint. It reads nothing of h, which the processor
// does not have at hand.
func (h *history) note(at position, number int64, marker bool, stint uint8) {
	// Field by field: a literal is put together elsewhere and copied, for which the processor has to wait.
	s := &h.sent[at.seq%ringSize]
	s.number, s.timestamp, s.seq, s.picture, s.frame = uint32(number), at.timestamp, at.seq, at.picture, at.frame
	s.tl0, s.marker, s.stint, s.again = at.tl0, marker, stint, 0
}

// keepOnly forgets whose packets went out, but for pub: with a layer goes its ring, and nobody else's are sent again.
func (h *history) keepOnly(pub *publication) {
	for i, l := range h.stints {
		if l != nil && l.pub != pub {
			h.stints[i] = nil
		}
	}
}

// find returns what went out as seq and of which layer; nil when that is forgotten or was sent again too
// often.
func (h *history) find(seq uint16) (*sentPacket, *layer) {
	s := &h.sent[seq%ringSize]
	if s.number == 0 || s.seq != seq || s.again >= maxResends || h.stints[s.stint] == nil {
		return nil, nil
	}
	return s, h.stints[s.stint]
}
