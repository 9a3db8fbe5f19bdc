package sfu

import "encoding/binary"

// mostStrangers is how many SSRCs that belong to no stream one browser may send: Pion, which finds out what they are,
// keeps for each of them what it cannot place.
const mostStrangers = 32

// strangers are those that came. They are guarded by the sender's taking.
type strangers struct {
	came  [mostStrangers]stranger
	count int
}

// stranger is one of them.
type stranger struct {
	ssrc    uint32
	refused bool
}

// find returns the place of a stranger, a free one for one that is new; nil when there is none.
func (s *strangers) find(ssrc uint32) *stranger {
	for i := range s.came[:s.count] {
		if s.came[i].ssrc == ssrc {
			return &s.came[i]
		}
	}
	if s.count == mostStrangers {
		return nil
	}
	s.count++
	found := &s.came[s.count-1]
	found.ssrc = ssrc
	return found
}

// turnAway reports whether not even Pion is to have the packet b of one of those.
func (s *sender) turnAway(of *strangers, b []byte) bool {
	found := of.find(binary.BigEndian.Uint32(b[8:]))
	if found != nil && !found.refused {
		return false
	}
	s.peer.room.sfu.metrics.dropped(dropFlood)
	return true
}

// refuse has nothing more left to Pion of an SSRC: nobody reads it from there.
func (s *sender) refuse(ssrc uint32) {
	s.taking.Lock()
	defer s.taking.Unlock()
	for _, of := range []*strangers{&s.strangers, &s.claimed} {
		if found := of.find(ssrc); found != nil {
			found.refused = true
		}
	}
}
