package sfu

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/parley/parley"
)

// seat is one recvonly m-line of a browser: an SSRC of the server's own for the whole life of the
// connection, in which one publication after another is seen or heard. It is the webrtc.TrackLocal
// of its m-line.
type seat struct {
	// constant after newSeat
	peer  *Peer
	route *route // of peer
	ssrc  uint32
	audio bool // kind, where each packet can read it

	// mu guards all down to rtx. What each packet needs lies together and comes first: with a hundred seats none
	// of it is in the processor's cache any more when the next packet comes.
	mu                sync.Mutex
	paused            bool         // nothing may pass: bandwidth is short
	hurried           bool         // what went out last were old pictures, all at once
	spatial, temporal uint8        // the highest layers within current that pass
	stint             uint8        // of history, the newest
	source            *publication // the only one whose packets pass, or nil
	current           *layer       // whose packets pass; nil when nothing has passed since source sat down
	format            format       // how source is sent
	ids               extensionIDs
	target            target                  // what of source is to pass
	writer            webrtc.TrackLocalWriter // nil until bound, and again after the peer closed
	history           *history                // of what went out, for NACKs; nil for audio, and until something did
	packets           uint32                  // for sender reports
	octets            uint32
	media             sealing
	rewriter          rewriter

	told     uint32  // packets at the last sender report
	reported instant // what that said; zero before the first
	formats  formats
	shown    shown  // how its browser shows it
	rtxSSRC  uint32 // 0 when the browser takes no RTX
	rtxSeq   uint16 // of the next retransmission
	rtx      sealing

	// constant after newSeat
	kind parley.MediaKind
	mid  string
	name string // MediaStream id: "seat-k", shared by audio and video seat k
	// rtcp is what Pion has about it; set before the seat is handed to the room.
	rtcp rtcpReader

	// owned by the room's loop
	occupant *publication // or nil
	since    time.Time    // when occupant sat down
	wanted   atomic.Int32 // rank of the encoding that is to be seen here, noRank for none
}

// shown is how a browser shows a seat.
type shown struct {
	width, height int // device pixels; 0 for unknown
	priority      int // higher first
}

// instant ties RTP time to the server's clock.
type instant struct {
	timestamp uint32
	at        time.Time
}

// target is what of a publication a seat is to get.
type target struct {
	layer             *layer // nil: whichever comes
	spatial, temporal uint8  // the highest layers within it
}

// noRank is that of no encoding.
const noRank int32 = -1

// newSeat makes the seat of one m-line. name is its MediaStream id.
func newSeat(p *Peer, mid string, kind parley.MediaKind, name string, ssrc uint32) *seat {
	s := &seat{peer: p, route: p.route, mid: mid, kind: kind, audio: kind == parley.Audio, name: name, ssrc: ssrc}
	s.wanted.Store(noRank)
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
		switch extension.URI {
		case audioLevelURI:
			s.ids.level = shortID(extension.ID)
		case transportURI:
			s.ids.transport = shortID(extension.ID)
		case dependencyURI:
			s.ids.dependency = shortID(extension.ID)
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
	s.source, s.current, s.target, s.paused = pub, nil, target{spatial: maxSpatial, temporal: maxTemporal}, false
	s.wanted.Store(noRank)
	if s.history != nil {
		s.history.keepOnly(pub)
	}
	if pub == nil {
		return
	}
	s.format, _ = s.formats.find(pub.codec)
	if s.rewriter.clockRate != pub.codec.clockRate {
		s.rewriter, s.reported = newRewriter(pub.codec.clockRate), instant{}
	}
}

// interrupt has what is seen or heard here begin anew when packets pass again.
func (s *seat) interrupt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = nil
}

// show notes how the browser shows the seat.
func (s *seat) show(as shown) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shown = as
}

// requestKeyframe passes the browser's wish on to whoever sits here.
func (s *seat) requestKeyframe() {
	s.mu.Lock()
	current, source := s.current, s.source
	s.mu.Unlock()
	switch {
	case current != nil:
		current.requestKeyframe()
	case source != nil:
		s.peer.wakeFeedback()
	}
}

// state is the seat as its subscriber is told; called by the room's loop.
func (s *seat) state() SeatState {
	state := SeatState{MID: s.mid, Kind: s.kind}
	if s.occupant != nil {
		state.Track, state.Participant = s.occupant.track.ID, s.occupant.track.Participant
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paused {
		state.Paused = PausedBandwidth
	}
	return state
}
