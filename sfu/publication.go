package sfu

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/parley/parley"
)

// publication is one source of one participant: what arrives on one sendonly m-line, from its first
// packet until its peer closes, in one or several layers.
type publication struct {
	// constant after newPublication
	peer   *Peer
	mid    string
	source parley.Source
	codec  codec
	rids   []string // of its encodings, the largest first; nil for one

	// constant once begun
	once  sync.Once
	track parley.Track
	live  bool        // false when the room no longer takes it: its packets are dropped
	begun atomic.Bool // all this is known

	joined   joined    // for the taps
	loudness *loudness // of audio; nil for video

	// seats is copied on every write, by the room's loop; the packet path only loads it.
	seats atomic.Pointer[[]*seat]
	// rungs are the ways to show it, the cheapest first; renewed by the peer's feedback loop.
	rungs atomic.Pointer[[]rung]

	// owned by the peer's feedback loop
	readings map[*layer]*reading
	dynacast dynacast

	// owned by the room's loop
	muted bool

	mu     sync.Mutex
	layers []*layer // guarded by mu
}

// newPublication is a publication without a name: it gets one at its first packet.
func newPublication(p *Peer, mid string, source parley.Source, c codec, rids []string) *publication {
	pub := &publication{peer: p, mid: mid, source: source, codec: c, rids: rids, readings: map[*layer]*reading{}}
	if c.kind == parley.Audio {
		pub.loudness = &loudness{}
	}
	pub.seats.Store(&[]*seat{})
	pub.rungs.Store(&[]rung{})
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
			pub.joined.taps = pub.peer.cfg.Tap(pub.track, p.arrived)
		}
		pub.live = pub.peer.room.publish(pub)
		pub.begun.Store(pub.live)
		if len(pub.joined.taps) > 0 && !p.keyframe {
			for _, l := range pub.allLayers() {
				l.requestKeyframe()
			}
		}
	})
	return pub.live
}

// end closes the taps. The layers have stopped, so nothing is written after it.
func (pub *publication) end() {
	for _, l := range pub.allLayers() {
		l.stop()
	}
	pub.joined.close()
}

// addLayer takes in an incoming stream; false when it has one of that encoding, or all that were offered.
func (pub *publication) addLayer(l *layer) bool {
	pub.mu.Lock()
	if len(pub.layers) >= max(1, len(pub.rids)) ||
		slices.ContainsFunc(pub.layers, func(other *layer) bool { return other.rid == l.rid }) {
		pub.mu.Unlock()
		return false
	}
	pub.layers = append(slices.Clone(pub.layers), l)
	slices.SortFunc(pub.layers, func(a, b *layer) int { return a.rank - b.rank })
	pub.mu.Unlock()
	pub.peer.wakeFeedback() // its rungs have changed
	return true
}

// allLayers are the incoming streams yet, the largest first; not to be changed.
func (pub *publication) allLayers() []*layer {
	pub.mu.Lock()
	defer pub.mu.Unlock()
	return pub.layers
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
