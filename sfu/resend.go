package sfu

import (
	"time"

	"github.com/pion/rtcp"
)

const (
	// maxResends bounds what a NACK can multiply.
	maxResends = 8
	// mostNACKs is how many packets of them wait to be answered: those of a browser with nine seats, twice.
	mostNACKs = 18
)

// answer sends again what NACKs (RFC 4585 §6.2.1) ask for, from the ring of its layer, as RTX (RFC 4588
// §4) where the browser takes it.
func (s *seat) answer(nacks []rtcp.NackPair) {
	sfu := s.peer.room.sfu
	out := sfu.lend(time.Now())
	for _, pair := range nacks {
		pair.Range(func(seq uint16) bool {
			if s.resend(seq, out) {
				sfu.metrics.resent.Inc()
			}
			return true
		})
	}
	sfu.giveBack(out)
}

// resend sends packet seq again; false when it is not kept, or not of who sits here now.
func (s *seat) resend(seq uint16, out *outgoing) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.history == nil || s.paused {
		return false
	}
	sent, from := s.history.find(seq)
	if sent == nil || from.pub != s.source || !from.ring.read(sent.number, &out.picture) {
		return false
	}
	chosen := s.peer.path.Load()
	byRTX := s.rtxSSRC != 0 && s.format.rtx != 0
	if !byRTX && (chosen == nil || chosen.own) {
		return false // a number is sealed once, whatever is in it
	}
	sent.again++
	at := position{
		seq: seq, timestamp: sent.timestamp, picture: sent.picture, frame: sent.frame, tl0: sent.tl0,
	}
	out.head = head{
		ssrc: s.ssrc, payload: s.format.payload, marker: sent.marker, seq: seq, timestamp: at.timestamp,
	}
	if len(out.picture.dependency) > 0 {
		out.head.dependency, out.head.frame = out.picture.dependency, at.frame
	}
	if !byRTX {
		s.transmit(&s.media, out, nil, &out.picture, at)
		return true
	}
	out.head.ssrc, out.head.payload, out.head.seq = s.rtxSSRC, s.format.rtx, s.rtxSeq
	s.rtxSeq++
	s.transmit(&s.rtx, out, []byte{byte(seq >> 8), byte(seq)}, &out.picture, at)
	return true
}

// pad sends so many packets of padding over RTX: they say how much more the way to the browser takes.
// It returns the number of bytes, 0 where the seat cannot.
func (s *seat) pad(packets int, out *outgoing) (bytes int) {
	const most = 255 // bytes; the last says how many there are (RFC 3550 §5.1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.mayPad() {
		return 0
	}
	var padding [most]byte
	padding[most-1] = most
	out.picture = packet{payload: append(out.picture.payload[:0], padding[:]...)}
	for range packets {
		out.head = head{
			ssrc: s.rtxSSRC, payload: s.format.rtx, padding: true, seq: s.rtxSeq, timestamp: s.rewriter.last.timestamp,
		}
		s.rtxSeq++
		s.transmit(&s.rtx, out, nil, &out.picture, position{})
		bytes += most
	}
	return bytes
}

// mayPad reports whether padding can be sent over RTX; mu is held.
func (s *seat) mayPad() bool {
	chosen := s.peer.path.Load()
	return s.writer != nil && s.rtxSSRC != 0 && s.format.rtx != 0 && s.source != nil &&
		s.ids.transport != 0 && chosen != nil && chosen.own
}

// canPad is mayPad for who does not hold mu.
func (s *seat) canPad() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mayPad()
}
