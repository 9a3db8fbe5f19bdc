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
	consent consent

	streams atomic.Pointer[[]*stream] // copied on write
	mu      sync.Mutex                // makes writers of streams take turns

	// The browser's ids of header extensions, 0 where not negotiated; set with the first stream.
	transportID, midID, repairedID atomic.Uint32

	arrivals arrivals

	// taking makes those take turns who bring packets: the socket's reader, and readers of TCP connections.
	taking    sync.Mutex
	rate      rate       // of the packets they brought
	strangers []stranger // whose packets were left to Pion
}

// stranger is an SSRC that belongs to no stream yet.
type stranger struct {
	ssrc    uint32
	refused bool
}

// mostStrangers is how many there may be: Pion keeps what it cannot place, for each of them.
const mostStrangers = 32

// mostPackets is how many packets of one browser are taken in a second: 60 Mbit/s of video. What floods is
// dropped before it costs more.
const mostPackets = 6000

// stream is one SSRC of a sender: a layer, or its retransmissions.
type stream struct {
	ssrc    uint32
	layer   *layer
	resends bool // RFC 4588

	// guarded by taking
	counter counter // of packets that were opened
	proven  bool    // one was
	failed  int     // how many were not, before
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

// take forwards a datagram, or leaves it to Pion. The datagram is overwritten.
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
	if !ok {
		return false
	}
	s.taking.Lock()
	defer s.taking.Unlock()
	if s.rate.over(mostPackets, at) {
		s.peer.room.sfu.metrics.dropped(dropFlood)
		return true
	}
	if id := uint8(s.transportID.Load()); id != 0 {
		if number := extensionOf(b[:head], id); len(number) == 2 {
			s.arrivals.add(binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint16(number), at)
		}
	}
	known := s.stream(b[:head])
	if known == nil {
		return !s.admits(binary.BigEndian.Uint32(b[8:]))
	}
	if !known.proven && !s.prove(known, b, head) {
		return false // Pion has a say, which knows how often the numbers wrapped
	}
	if plain, ok := s.opener.open(known, b, head); ok {
		s.consent.hear(at)
		known.layer.takeDirect(plain, known.resends, at)
	} else {
		s.peer.room.sfu.metrics.dropped(dropForged)
	}
	return true
}

// admits reports whether Pion is to have a packet of a stranger; taking is held.
func (s *sender) admits(ssrc uint32) bool {
	for _, known := range s.strangers {
		if known.ssrc == ssrc {
			return !known.refused
		}
	}
	if len(s.strangers) == mostStrangers {
		s.peer.room.sfu.metrics.dropped(dropFlood)
		return false
	}
	s.strangers = append(s.strangers, stranger{ssrc: ssrc})
	return true
}

// refuse has nothing more taken of an SSRC: nobody reads it from Pion.
func (s *sender) refuse(ssrc uint32) {
	s.taking.Lock()
	defer s.taking.Unlock()
	for i := range s.strangers {
		if s.strangers[i].ssrc == ssrc {
			s.strangers[i].refused = true
			return
		}
	}
	if len(s.strangers) < mostStrangers {
		s.strangers = append(s.strangers, stranger{ssrc, true})
	}
}

// mostUnproven is how many packets of a stream may fail before it is left to Pion.
const mostUnproven = 16

// prove tries a copy of a stream's first packet: what fails to open is spoilt.
func (s *sender) prove(from *stream, b []byte, head int) bool {
	if from.failed >= mostUnproven {
		return false
	}
	if _, from.proven = s.opener.open(from, slices.Clone(b), head); !from.proven {
		from.failed++
	}
	return from.proven
}

// adopt has the packets of a layer, and its retransmissions if their SSRC is known, taken from now on.
func (s *sender) adopt(l *layer) {
	s.add(&stream{ssrc: l.ssrc, layer: l})
	if l.rtxSSRC != 0 {
		s.add(&stream{ssrc: l.rtxSSRC, layer: l, resends: true})
	}
}

// stream finds the stream that a packet belongs to, nil for one that is not known.
func (s *sender) stream(head []byte) *stream {
	ssrc := binary.BigEndian.Uint32(head[8:])
	streams := *s.streams.Load()
	for _, known := range streams {
		if known.ssrc == ssrc {
			return known
		}
	}
	// Retransmissions of an encoding say which by its RID (RFC 8852 §3.2).
	id := uint8(s.repairedID.Load())
	if id == 0 {
		return nil
	}
	rid, mid := extensionOf(head, id), extensionOf(head, uint8(s.midID.Load()))
	if len(rid) == 0 || len(mid) == 0 {
		return nil
	}
	for _, known := range streams {
		if !known.resends && known.layer.rid == string(rid) && known.layer.pub.mid == string(mid) {
			return s.add(&stream{ssrc: ssrc, layer: known.layer, resends: true})
		}
	}
	return nil
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
	newest   uint16
	held     int
}

// mostArrivals is how many are held at most: a browser that sends more in a tenth of a second floods.
const mostArrivals = 4096

func (a *arrivals) add(ssrc uint32, number uint16, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if jump := number - a.newest; a.recorder == nil || jump > mostArrivals && -jump > mostArrivals {
		a.recorder, a.held, a.newest = twcc.NewRecorder(feedbackSSRC), 0, number // what lies between would be told, too
	}
	if int16(number-a.newest) > 0 {
		a.newest = number
	}
	if a.held++; a.held <= mostArrivals {
		a.recorder.Record(ssrc, number, at.UnixMicro())
	}
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
