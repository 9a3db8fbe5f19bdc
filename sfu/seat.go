package sfu

import (
	"fmt"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"github.com/pion/webrtc/v4"

	"github.com/parley/parley"
)

// outgoing is a packet on its way out of a seat: scratch that a publication lends to its seats, one
// after another.
type outgoing struct {
	header     rtp.Header
	payload    []byte
	buffer     []byte // payload's array when it had to be rewritten
	csrc       [1]uint32
	extensions [1]rtp.Extension
	batch      batch
}

// flush sends what the seats have gathered.
func (o *outgoing) flush(m *metrics) {
	for range o.batch.flush() {
		m.dropped(dropWrite)
	}
}

// seat is one recvonly m-line of a browser: an SSRC of the server's own for the whole life of the
// connection, in which one publication after another is seen or heard. It is the webrtc.TrackLocal
// of its m-line.
type seat struct {
	// constant after newSeat
	peer *Peer
	mid  string
	kind parley.MediaKind
	name string // MediaStream id: "seat-k", shared by audio and video seat k
	ssrc uint32
	// rtcp is set before the seat is handed to the room.
	rtcp rtcpReader

	// owned by the room's loop
	occupant *publication // or nil
	since    time.Time    // when occupant sat down

	mu      sync.Mutex              // guards all below
	writer  webrtc.TrackLocalWriter // nil until bound, and again after the peer closed
	formats formats                 // what this browser can receive
	rtxSSRC uint32                  // 0 when the browser takes no RTX
	levelID uint8                   // of the RFC 6464 extension, 0 when not negotiated

	source   *publication // the only one whose packets pass, or nil
	format   format       // how source is sent
	starting bool         // nothing has passed since source sat down
	rewriter rewriter     // source after source -> one stream

	sealer *srtp.Context // made with the first packet, when the path is our own
	header rtp.Header    // scratch of sealing
	plain  []byte        // likewise

	sent    *[ringSize]sentPacket // for NACKs; nil for audio
	rtxSeq  uint16
	packets uint32 // for sender reports
	octets  uint32
	told    uint32 // packets at the last sender report
}

// sentPacket remembers what went out under a sequence number: enough to send it again.
type sentPacket struct {
	number int64 // in the publication, 0 for none
	at     position
	source *publication
	again  uint8 // how often it was sent again
}

// maxResends bounds what a NACK can multiply.
const maxResends = 8

// newSeat makes the seat of one m-line. name is its MediaStream id.
func newSeat(p *Peer, mid string, kind parley.MediaKind, name string, ssrc uint32) *seat {
	s := &seat{peer: p, mid: mid, kind: kind, name: name, ssrc: ssrc}
	if kind == parley.Video {
		s.sent = &[ringSize]sentPacket{}
	}
	return s
}

// ID, RID, StreamID and Kind make the seat a webrtc.TrackLocal. Browsers replace the id: they tell
// seats apart by MID.
func (s *seat) ID() string       { return fmt.Sprintf("%s-%s", s.name, s.kind) }
func (s *seat) RID() string      { return "" }
func (s *seat) StreamID() string { return s.name }
func (s *seat) Kind() webrtc.RTPCodecType {
	return webrtc.NewRTPCodecType(string(s.kind))
}

// Bind records what was negotiated. Which codec it returns is of no consequence: each packet says
// its own, and retransmission is the seat's own affair.
func (s *seat) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.formats = newFormats(c.CodecParameters())
	if len(s.formats) == 0 {
		return webrtc.RTPCodecParameters{}, webrtc.ErrUnsupportedCodec
	}
	s.writer = c.WriteStream()
	s.rtxSSRC = uint32(c.SSRCRetransmission())
	for _, extension := range c.HeaderExtensions() {
		if extension.URI == audioLevelURI {
			s.levelID = uint8(extension.ID)
		}
	}
	return c.CodecParameters()[0], nil
}

// Unbind stops the seat: nothing is written to a closed connection.
func (s *seat) Unbind(webrtc.TrackLocalContext) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writer = nil
	return nil
}

// takes reports whether this browser can receive the publication's codec.
func (s *seat) takes(pub *publication) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.formats.find(pub.codec)
	return ok
}

// sit makes pub the only source of the seat; nil empties it. Called by the room's loop, before pub
// knows the seat.
func (s *seat) sit(pub *publication) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.source, s.starting = pub, true
	if pub == nil {
		return
	}
	s.format, _ = s.formats.find(pub.codec)
	if s.rewriter.clockRate != pub.codec.clockRate {
		s.rewriter = newRewriter(pub.codec.clockRate)
	}
}

// forward sends p, of publication from, to the browser of this seat, if from is still the one that
// sits here. Called by from's layers.
func (s *seat) forward(from *publication, p *packet, out *outgoing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Before the connection stands a packet would be lost: the stream begins with the keyframe after it.
	if s.writer != nil && s.peer.path.Load() != nil && s.rewrite(from, p, out) {
		s.transmit(&out.header, out.payload, &out.batch)
	}
}

// rewrite fills out with p as the browser is to get it; mu is held.
func (s *seat) rewrite(from *publication, p *packet, out *outgoing) bool {
	if s.source != from {
		return false // somebody else sat down while p was on its way
	}
	marker := p.rtp.Marker
	if s.starting {
		if !p.keyframe {
			return false
		}
		s.starting = false
		s.rewriter.begin(p.number, p.at(), p.arrived)
		marker = marker || s.kind == parley.Audio // a talkspurt begins (RFC 3551 §4.1)
	}
	at, ok := s.rewriter.next(p.number, p.at(), p.arrived)
	if !ok {
		return false
	}
	s.fill(&out.header, at, marker)
	out.payload = p.rtp.Payload
	switch {
	case s.kind == parley.Audio:
		s.contribute(out, from.peer.cfg.Number, p.level)
	case p.vp8.size > 0:
		out.buffer = p.vp8.put(out.buffer[:0], p.rtp.Payload, at.picture, at.tl0)
		out.payload = out.buffer
	}
	if s.sent != nil {
		s.sent[at.seq%ringSize] = sentPacket{number: p.number, at: at, source: from}
	}
	s.packets++
	s.octets += uint32(len(out.payload))
	return true
}

// fill sets a header for the seat's own SSRC, without CSRCs or extensions: those of the publisher
// mean nothing to the subscriber, whose ids are others.
func (s *seat) fill(h *rtp.Header, at position, marker bool) {
	*h = rtp.Header{
		Version:        2,
		Marker:         marker,
		PayloadType:    s.format.payload,
		SequenceNumber: at.seq,
		Timestamp:      at.timestamp,
		SSRC:           s.ssrc,
	}
}

// contribute says whose voice it is: the participant's number as CSRC, and how loud (RFC 6464).
func (s *seat) contribute(out *outgoing, number uint32, level []byte) {
	out.csrc[0] = number
	out.header.CSRC = out.csrc[:]
	if s.levelID == 0 || len(level) != 1 {
		return
	}
	out.header.Extensions = out.extensions[:0]
	_ = out.header.SetExtension(s.levelID, level) // an id of 1 to 14 and one byte always fit
}

// readFeedback takes what the browser says of the seat, until the peer closes.
func (s *seat) readFeedback() {
	var out outgoing
	out.batch.egress, out.batch.size = s.peer.room.sfu.egress, 4<<10 // a packet at a time
	readRTCP(s.rtcp, func(p rtcp.Packet) {
		switch p := p.(type) {
		case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
			s.requestKeyframe()
		case *rtcp.TransportLayerNack:
			for _, pair := range p.Nacks {
				pair.Range(func(seq uint16) bool {
					s.resend(seq, &out)
					return true
				})
			}
		}
	})
}

// requestKeyframe passes the browser's wish on to whoever sits here.
func (s *seat) requestKeyframe() {
	s.mu.Lock()
	source := s.source
	s.mu.Unlock()
	if source != nil {
		source.requestKeyframe()
	}
}

// resend sends packet seq again, as RTX (RFC 4588 §4) where the browser takes it.
func (s *seat) resend(seq uint16, out *outgoing) {
	s.mu.Lock()
	source := s.source
	var sent sentPacket
	if s.sent != nil && s.writer != nil && source != nil {
		kept := &s.sent[seq%ringSize]
		if kept.number != 0 && kept.at.seq == seq && kept.source == source && kept.again < maxResends {
			kept.again++
			sent = *kept
		}
	}
	s.fill(&out.header, sent.at, false)
	head := out.buffer[:0]
	if s.rtxSSRC != 0 && s.format.rtx != 0 && sent.number != 0 {
		out.header.SSRC, out.header.PayloadType = s.rtxSSRC, s.format.rtx
		out.header.SequenceNumber = s.rtxSeq
		s.rtxSeq++
		head = append(head, byte(seq>>8), byte(seq))
	} else if chosen := s.peer.path.Load(); chosen == nil || chosen.own {
		sent = sentPacket{} // a number is sealed once, whatever is in it
	}
	s.mu.Unlock()
	if sent.number == 0 {
		return
	}
	payload, marker, ok := source.ring.get(sent.number, sent.at, head)
	if !ok {
		return
	}
	out.buffer, out.header.Marker = payload, marker
	s.mu.Lock()
	s.transmit(&out.header, payload, &out.batch)
	s.mu.Unlock()
	out.flush(s.peer.room.sfu.metrics)
	s.peer.room.sfu.metrics.resent.Inc()
}

// state is the seat as its subscriber is told; called by the room's loop.
func (s *seat) state() SeatState {
	state := SeatState{MID: s.mid, Kind: s.kind}
	if s.occupant != nil {
		state.Track, state.Participant = s.occupant.track.ID, s.occupant.track.Participant
	}
	return state
}
