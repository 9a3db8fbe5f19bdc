package sfu

import (
	"crypto/cipher"
	"encoding/binary"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
)

// sender is a browser as the socket's reader knows it: the streams whose packets it takes itself, and the
// numbers of all (transport-cc), for the feedback.
type sender struct {
	peer   *Peer
	opener opener
	rtcp   rtcpOpener
	// consent is about the browser as a whole.
	consent  consent
	knocking knocking

	streams atomic.Pointer[[]*stream] // copied on write
	mu      sync.Mutex                // makes writers of streams take turns

	// The browser's ids of header extensions, 0 where not negotiated; set with the first stream.
	transportID, midID, repairedID atomic.Uint32

	arrivals arrivals

	// taking makes those take turns who bring packets: the socket's reader, and readers of TCP connections.
	taking             sync.Mutex // guards all below
	rate               rate       // of the packets they brought that are genuine and new, or cannot be told
	strange            rate       // of those left to Pion that may be forged
	strangers, claimed strangers  // those that are genuine, and those of which that cannot be told
	// scratch
	trial    []byte
	stranger stream
}

// mostPackets is how many packets of one browser are taken in a second: 60 Mbit/s of video. What floods is
// dropped before it costs more.
const mostPackets = 6000

// mostStrange is how many packets in a second are left to Pion that cannot be opened here.
const mostStrange = 500

// stream is one SSRC of a sender: a layer, or its retransmissions.
type stream struct {
	ssrc    uint32
	layer   *layer
	resends bool // RFC 4588

	// guarded by taking
	counter counter // of packets that were opened
	proven  bool    // one was
}

func newSender(p *Peer) *sender {
	s := &sender{peer: p}
	s.consent.made = time.Now()
	s.streams.Store(&[]*stream{})
	return s
}

// learn notes the browser's id of a header extension.
func (s *sender) learn(uri string, id int) {
	if id < 0 || id > 255 {
		return
	}
	switch uri {
	case transportURI:
		s.transportID.Store(uint32(id))
	case midURI:
		s.midID.Store(uint32(id))
	case repairedRIDURI:
		s.repairedID.Store(uint32(id))
	}
}

// take takes a datagram: true when all is done with it, also where that was to drop it, false when Pion is to have
// it. The datagram is overwritten.
func (s *sender) take(b []byte, from origin, at time.Time) bool {
	const lastSTUN, first, last, rtcpFirst, rtcpLast = 3, 128, 191, 192, 223 // RFC 7983 §7, RFC 5761 §4
	switch {
	case len(b) < rtpHeaderBytes:
		return false
	case b[0] <= lastSTUN:
		return s.takeSTUN(b, from, at)
	case b[0] < first || b[0] > last:
		return false
	}
	if b[1] >= rtcpFirst && b[1] <= rtcpLast {
		return s.takeRTCP(b, at)
	}
	head, ok := headSize(b)
	return ok && s.takeRTP(b, head, at)
}

// takeRTP is take of an RTP packet whose header has that size.
func (s *sender) takeRTP(b []byte, head int, at time.Time) bool {
	s.taking.Lock()
	defer s.taking.Unlock()
	if s.rate.full(mostPackets, at) {
		s.peer.room.sfu.metrics.dropped(dropFlood)
		return true
	}
	if s.opener.aead == nil { // Pion can, or nobody yet
		s.rate.over(mostPackets, at)
		s.arrive(b[:head], at)
		_, known := s.stream(b[:head])
		return !known && s.turnAway(&s.claimed, b)
	}
	known, added := s.stream(b[:head])
	if !known.proven {
		switch {
		case !s.prove(known, b, head):
			return s.suspect(at)
		case !added && known.layer != nil:
			own := *known
			known = s.add(&own)
		}
	}
	if known == nil || known.layer == nil { // Pion finds out what it is
		s.rate.over(mostPackets, at)
		s.arrive(b[:head], at)
		return s.turnAway(&s.strangers, b)
	}
	plain, ok := s.opener.open(known, b, head)
	if !ok {
		s.peer.room.sfu.metrics.dropped(dropForged)
		return true
	}
	told := s.arrive(b[:head], at)
	fresh := known.layer.takeDirect(plain, known.resends, at)
	if fresh {
		s.consent.hear(at)
	}
	if fresh || told {
		s.rate.over(mostPackets, at)
	}
	return true
}

// arrive has the browser told that its packet with this header came; false when there is nothing new to tell.
func (s *sender) arrive(head []byte, at time.Time) bool {
	id := uint8(s.transportID.Load())
	if id == 0 {
		return false
	}
	number := extensionOf(head, id)
	return len(number) == 2 && s.arrivals.add(binary.BigEndian.Uint32(head[8:]), binary.BigEndian.Uint16(number), at)
}

// suspect leaves what cannot be opened here to Pion, which may know better, unless there is much of it.
func (s *sender) suspect(at time.Time) bool {
	over := s.strange.over(mostStrange, at)
	if over {
		s.peer.room.sfu.metrics.dropped(dropForged)
	}
	return over
}

// prove tries a copy of a stream's first packet: what fails to open is spoilt. Its numbers may have wrapped
// while Pion had it.
func (s *sender) prove(from *stream, b []byte, head int) bool {
	for turn := range int64(2) {
		from.counter = counter{newest: (turn+1)<<16 + int64(binary.BigEndian.Uint16(b[2:])), begun: true}
		s.trial = append(s.trial[:0], b...)
		if _, from.proven = s.opener.open(from, s.trial, head); from.proven {
			return true
		}
	}
	from.counter = counter{}
	return false
}

// adopt has the packets of a layer, and its retransmissions if their SSRC is known, taken from now on.
func (s *sender) adopt(l *layer) {
	s.add(&stream{ssrc: l.ssrc, layer: l})
	if l.rtxSSRC != 0 {
		s.add(&stream{ssrc: l.rtxSSRC, layer: l, resends: true})
	}
}

// stream finds the stream that a packet belongs to, or what it would be were it added: without a layer where that
// is not known.
func (s *sender) stream(head []byte) (known *stream, added bool) {
	ssrc := binary.BigEndian.Uint32(head[8:])
	streams := *s.streams.Load()
	for _, known := range streams {
		if known.ssrc == ssrc {
			return known, true
		}
	}
	found := &s.stranger
	*found = stream{ssrc: ssrc}
	// Retransmissions of an encoding say which by its RID (RFC 8852 §3.2).
	id := uint8(s.repairedID.Load())
	if id == 0 {
		return found, false
	}
	rid, mid := extensionOf(head, id), extensionOf(head, uint8(s.midID.Load()))
	if len(rid) == 0 || len(mid) == 0 {
		return found, false
	}
	for _, of := range streams {
		if !of.resends && of.layer.rid == string(rid) && of.layer.pub.mid == string(mid) {
			found.layer, found.resends = of.layer, true
		}
	}
	return found, false
}

// layer finds the layer with an SSRC of its own, nil for none.
func (s *sender) layer(ssrc uint32) *layer {
	for _, known := range *s.streams.Load() {
		if known.ssrc == ssrc && !known.resends {
			return known.layer
		}
	}
	return nil
}

// mostStreams bounds the SSRCs of one browser: sources times encodings, and their retransmissions.
const mostStreams = 64

// add takes in a stream, unless its SSRC is known or there are too many.
func (s *sender) add(added *stream) *stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	streams := *s.streams.Load()
	if len(streams) >= mostStreams || slices.ContainsFunc(streams, func(k *stream) bool { return k.ssrc == added.ssrc }) {
		return nil
	}
	streams = append(slices.Clone(streams), added)
	s.streams.Store(&streams)
	return added
}

// opener opens SRTP of AES-GCM (RFC 7714); the zero value opens nothing.
type opener struct {
	aead  cipher.AEAD
	salt  [12]byte
	nonce [12]byte // scratch; guarded by taking
}

// open opens the packet b of a stream in place and returns it without its tag; head is the size of its
// header. False when it is not genuine.
func (o *opener) open(from *stream, b []byte, head int) ([]byte, bool) {
	if o.aead == nil {
		return nil, false
	}
	counted := from.counter
	number := counted.extend(binary.BigEndian.Uint16(b[2:]))
	makeNonce(&o.nonce, &o.salt, b, uint32(number>>16)-1) // numbers begin in the second turn
	plain, err := o.aead.Open(b[head:head], o.nonce[:], b[head:], b[:head])
	if err != nil {
		return nil, false
	}
	from.counter = counted
	return b[:head+len(plain)], true
}

// arrivals are the packets of one connection that came, for transport-cc feedback.
type arrivals struct {
	mu       sync.Mutex
	recorder *twcc.Recorder // nil before the first
	held     int
	seen     window
}

// mostArrivals is how many are held at most: a browser that sends more in a tenth of a second floods.
const mostArrivals = 4096

// add notes one; false when that number was noted before, as of a packet that somebody repeats.
func (a *arrivals) add(ssrc uint32, number uint16, at time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	before := a.seen.counter.newest
	counted, fresh := a.seen.admit(number)
	if !fresh {
		return false
	}
	if a.recorder == nil || counted-before > mostArrivals { // what lies between would be told, too
		a.recorder, a.held = twcc.NewRecorder(feedbackSSRC), 0
	}
	if a.held++; a.held <= mostArrivals {
		a.recorder.Record(ssrc, number, at.UnixMicro())
	}
	return true
}

// feedback is what to tell the browser of what came since the last time.
func (a *arrivals) feedback() []rtcp.Packet {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.held == 0 {
		return nil
	}
	a.held = 0
	return a.recorder.BuildFeedbackPacket()
}
