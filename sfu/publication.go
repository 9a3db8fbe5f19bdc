package sfu

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/pion/rtp"

	"github.com/parley/parley"
)

// layerSilence is how long the layer being forwarded may be silent before a smaller one takes over.
// Browsers stop their largest encoding without a word when bandwidth or CPU is short.
const layerSilence = time.Second

// tapKeyframes is how far apart the keyframes of a tapped picture may be: what somebody who jumps
// into the record waits for at most, at the price of a tenth of the bandwidth.
const tapKeyframes = 5 * time.Second

// packet is one RTP packet on its way through its publication, read once for all taps and seats. It
// and all it points to are used again for the next one.
type packet struct {
	rtp      *rtp.Packet
	arrived  time.Time
	number   int64         // sequence number in the publication, 64 bits
	keyframe bool          // begins a keyframe; true for audio, where a stream may begin anywhere
	vp8      vp8Descriptor // zero unless VP8
	level    []byte        // the RFC 6464 audio level extension, or nil
}

// at is where the packet stands in its publication.
func (p *packet) at() position {
	return position{p.rtp.SequenceNumber, p.rtp.Timestamp, p.vp8.picture, p.vp8.tl0}
}

// publication is one source of one participant: what arrives on one sendonly m-line, from its first
// packet until its peer closes. Simulcast encodings are joined here: taps and seats see one stream.
type publication struct {
	// constant after newPublication
	peer   *Peer
	mid    string
	source parley.Source
	codec  codec

	// constant once begun
	once  sync.Once
	track parley.Track
	taps  []Tap
	live  bool // false when the room no longer takes it: its packets are dropped

	// seats is copied on every write, by the room's loop; the packet path only loads it.
	seats atomic.Pointer[[]*seat]
	// Of these two, audio has the first and video the second; the other is nil.
	loudness *loudness // written here, read by the room's loop
	ring     *ring     // written here, read for NACKs

	// owned by the room's loop
	muted bool

	// mu makes the layers of one publication take turns; a publication without simulcast never waits
	// for it. It is held while a packet goes out, so that packets leave in the order they were numbered.
	mu      sync.Mutex
	layers  []*layer
	current *layer   // the one forwarded, or nil before the first packet
	joined  bool     // current is not the first: numbers are rewritten
	join    rewriter // layers -> one stream
	numbers counter  // of the joined stream
	out     outgoing // scratch for the seats
	run     run      // the beginning of a picture
	scratch []byte   // a payload rewritten by join
	// refreshed is when the last keyframe came.
	refreshed time.Time
}

// newPublication is a publication without a name: it gets one at its first packet.
func newPublication(p *Peer, mid string, source parley.Source, c codec) *publication {
	pub := &publication{peer: p, mid: mid, source: source, codec: c, join: rewriter{clockRate: c.clockRate}}
	if c.kind == parley.Video {
		pub.ring = &ring{}
	} else {
		pub.loudness = &loudness{}
	}
	pub.seats.Store(&[]*seat{})
	pub.out.batch.egress = p.room.sfu.egress
	return pub
}

// begin gives the publication its name, asks for its taps and tells the room; at the first packet,
// before that goes anywhere. It reports whether packets are wanted.
func (pub *publication) begin(p *packet) bool {
	pub.once.Do(func() {
		if !pub.peer.cfg.Publish {
			return
		}
		id, err := uuid.NewV7()
		if err != nil {
			return // no randomness: nothing is published under a name that may not be unique
		}
		pub.track = parley.Track{
			ID:          parley.TrackID(id.String()),
			Meeting:     pub.peer.room.id,
			Participant: pub.peer.cfg.Participant,
			Source:      pub.source,
			Codec:       pub.codec.mime,
			ClockRate:   pub.codec.clockRate,
			Channels:    pub.codec.channels,
		}
		if pub.peer.cfg.Tap != nil {
			pub.taps = pub.peer.cfg.Tap(pub.track, p.arrived)
		}
		pub.live = pub.peer.room.publish(pub)
		if len(pub.taps) > 0 && !p.keyframe {
			pub.requestKeyframe()
		}
	})
	return pub.live
}

// end closes the taps. The layers have stopped, so nothing is written after it.
func (pub *publication) end() {
	pub.stop()
	for _, tap := range pub.taps {
		tap.Close()
	}
}

// receive takes one packet of one layer to the taps and the seats. p is the layer's and is changed.
func (pub *publication) receive(l *layer, p *packet) {
	pub.mu.Lock()
	defer pub.mu.Unlock()
	if !pub.choose(l, p) || !pub.renumber(p) {
		return
	}
	if p.keyframe {
		l.keyframeWanted.Store(false) // before the seats are loaded: see Room.move
		pub.refreshed = p.arrived
	}
	for _, tap := range pub.taps {
		tap.Write(p.rtp, p.arrived)
	}
	if pub.ring != nil {
		pub.ring.put(p)
	} else {
		pub.loudness.hear(p)
	}
	if !pub.run.hold(p, pub.codec.kind, pub.peer.room.sfu.cfg.BatchDelay, pub.expire) {
		pub.release(p)
	}
}

// choose reports whether p, of layer l, is forwarded. The largest layer that delivers is, beginning
// with a keyframe: which of its encodings a browser sends, and when it begins, is its own affair, so
// no layer is ever waited for.
func (pub *publication) choose(l *layer, p *packet) bool {
	l.heard = p.arrived
	if pub.current == l {
		return true
	}
	if len(p.rtp.Payload) == 0 {
		return false
	}
	if pub.current == nil {
		pub.current = l
		pub.join.resume(l.number, p.at())
		return true
	}
	if l.rank > pub.current.rank && p.arrived.Sub(pub.current.heard) < layerSilence {
		return false
	}
	if !p.keyframe {
		l.requestKeyframe()
		return false
	}
	pub.join.begin(l.number, p.at(), p.arrived)
	pub.current, pub.joined = l, true
	return true
}

// renumber gives p its place in the joined stream, and reports whether it has one. Padding has none:
// it is a browser's probe for bandwidth, and the gap it would leave is closed.
func (pub *publication) renumber(p *packet) bool {
	if len(p.rtp.Payload) == 0 {
		pub.join.leaveOut(pub.current.number)
		return false
	}
	at, ok := pub.join.next(pub.current.number, p.at(), p.arrived)
	if !ok {
		return false
	}
	p.rtp.SequenceNumber, p.rtp.Timestamp = at.seq, at.timestamp
	p.number = pub.numbers.extend(at.seq)
	if pub.joined && p.vp8.size > 0 {
		pub.scratch = p.vp8.put(pub.scratch[:0], p.rtp.Payload, at.picture, at.tl0)
		p.rtp.Payload = pub.scratch
		p.vp8, _ = parseVP8(pub.scratch)
	}
	if pub.joined {
		p.rtp.SSRC = pub.layers[0].ssrc
	}
	return true
}

// addLayer takes in an incoming stream.
func (pub *publication) addLayer(l *layer) {
	pub.mu.Lock()
	defer pub.mu.Unlock()
	pub.layers = append(pub.layers, l)
}

// appendLayers appends the layers to to.
func (pub *publication) appendLayers(to []*layer) []*layer {
	pub.mu.Lock()
	defer pub.mu.Unlock()
	return append(to, pub.layers...)
}

// requestKeyframe asks the publisher for a keyframe; asking again before one came adds nothing.
func (pub *publication) requestKeyframe() {
	pub.mu.Lock()
	current := pub.current
	if current == nil && len(pub.layers) > 0 {
		current = pub.layers[0]
	}
	pub.mu.Unlock()
	if current != nil && pub.codec.kind == parley.Video {
		current.requestKeyframe()
	}
}

// refresh asks for a keyframe when somebody keeps this picture and the last one is long ago: a record
// can be entered at keyframes only, and browsers make none by themselves.
func (pub *publication) refresh(now time.Time) {
	pub.mu.Lock()
	stale := len(pub.taps) > 0 && pub.live && pub.current != nil && now.Sub(pub.refreshed) >= tapKeyframes
	pub.mu.Unlock()
	if stale {
		pub.requestKeyframe()
	}
}

// captured is the RTP time, in the publication's stream, of what its source captures now; false when
// no sender report of the publisher has told yet.
func (pub *publication) captured(now time.Time) (uint32, bool) {
	pub.mu.Lock()
	defer pub.mu.Unlock()
	if pub.current == nil {
		return 0, false
	}
	timestamp, ok := pub.current.captured(now)
	return timestamp + pub.join.delta.timestamp, ok
}

// addSeat and removeSeat are called by the room's loop only.
func (pub *publication) addSeat(s *seat) {
	seats := append(slices.Clone(*pub.seats.Load()), s)
	pub.seats.Store(&seats)
}

func (pub *publication) removeSeat(s *seat) {
	seats := slices.DeleteFunc(slices.Clone(*pub.seats.Load()), func(other *seat) bool { return other == s })
	pub.seats.Store(&seats)
}
