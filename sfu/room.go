package sfu

import (
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/parley/parley"
)

// PeerState is how a peer's connection is.
type PeerState string

// The states of a peer, once it was asked to connect.
const (
	Connected    PeerState = "connected"    // media can flow
	Disconnected PeerState = "disconnected" // no answer for 5 s; it may come back by itself
	Failed       PeerState = "failed"       // given up: only an ICE restart helps
)

// SeatState is one seat as its subscriber is told of it. Track and Participant are empty for an
// empty seat.
type SeatState struct {
	MID         string
	Kind        parley.MediaKind
	Track       parley.TrackID
	Participant parley.ParticipantID
	Paused      PauseReason // why nothing of Track is sent, "" when it is
}

// PauseReason says why a seat that somebody sits in gets nothing.
type PauseReason string

// PausedBandwidth: the way to the browser does not take the smallest picture there is. It ends by itself.
const PausedBandwidth PauseReason = "bandwidth"

// SeatRequest asks for one video seat.
type SeatRequest struct {
	MID   string
	Track parley.TrackID // the publication to show, "" for an empty seat
	// Width and Height are the size it is shown at, in device pixels: no more is sent than that has use
	// for; 0 for unknown. Priority orders seats when bandwidth is short, higher first.
	Width, Height, Priority int
}

// Observer is told what happens in a room: from one goroutine, in order, with no lock held. It must
// return at once, and never call back into the room or its peers.
type Observer interface {
	PublicationStarted(t parley.Track)
	PublicationEnded(id parley.TrackID)
	// SeatsChanged has the subscriber's whole map, in m-line order.
	SeatsChanged(p parley.ParticipantID, seats []SeatState)
	PeerChanged(p parley.ParticipantID, s PeerState)
	// EncodingsWanted names those of a publication's encodings that are of use to anybody, by RID, the
	// largest first. All are until it is called.
	EncodingsWanted(p parley.ParticipantID, source parley.Source, rids []string)
}

// Room is one meeting's media. A loop owns who is in it, what is published, and who sits where; its
// methods are safe for concurrent use and wait for the loop, never for the network.
type Room struct {
	// constant after newRoom
	sfu *SFU
	id  parley.MeetingID
	obs Observer
	log *zap.Logger

	requests chan func()
	stop     chan struct{} // closed by Close
	stopped  chan struct{} // closed by the loop
	closed   sync.Once
	present  sync.WaitGroup // one per peer, until everything of it has stopped; none is added once the room is closing

	// owned by the loop
	closing      bool
	peers        map[parley.ParticipantID]*Peer
	publications map[parley.TrackID]*publication
	changed      []*Peer  // whose seat map their browser has not been told yet
	contended    bool     // more talkers than voices: somebody has to be chosen again and again
	ranked       []talker // scratch
	others       []talker // scratch
}

// newRoom makes a room; its loop is the caller's to run.
func newRoom(s *SFU, id parley.MeetingID, obs Observer) *Room {
	return &Room{
		sfu:          s,
		id:           id,
		obs:          obs,
		log:          s.log.With(zap.String("meeting", string(id))),
		requests:     make(chan func()),
		stop:         make(chan struct{}),
		stopped:      make(chan struct{}),
		peers:        map[parley.ParticipantID]*Peer{},
		publications: map[parley.TrackID]*publication{},
	}
}

// loop carries out requests one after another, and gives the voices while they are contended.
func (r *Room) loop() {
	defer close(r.stopped)
	ticker := time.NewTicker(voiceInterval)
	defer ticker.Stop()
	for {
		var tick <-chan time.Time
		if r.contended {
			tick = ticker.C
		}
		select {
		case request := <-r.requests:
			request()
		case now := <-tick:
			r.giveVoices(now)
			r.tellSeats()
		case <-r.stop:
			return
		}
	}
}

// do carries out f in the loop, tells whose seats it changed, and waits for that; false when the room is
// closed.
func (r *Room) do(f func()) bool {
	done := make(chan struct{})
	select {
	case r.requests <- func() { defer close(done); f(); r.tellSeats() }:
		<-done
		return true
	case <-r.stopped:
		return false
	}
}

// Close closes all peers and returns when everything has stopped and every tap is closed, those of who was leaving
// already too.
func (r *Room) Close() {
	r.closed.Do(func() {
		var peers []*Peer
		r.do(func() {
			r.closing = true
			for _, p := range r.peers {
				peers = append(peers, p)
			}
		})
		var closing sync.WaitGroup
		for _, p := range peers {
			closing.Go(p.Close)
		}
		closing.Wait()
		r.present.Wait()
		close(r.stop)
		<-r.stopped
		r.sfu.forget(r)
	})
}

// enter takes a peer in; called by Join.
func (r *Room) enter(p *Peer) error {
	var err error
	open := r.do(func() {
		_, here := r.peers[p.cfg.Participant]
		switch {
		case r.closing:
			err = errRoomClosed()
		case here:
			err = &parley.Error{Op: "join", Kind: parley.Conflict, Say: "This participant is in the room already."}
		default:
			r.peers[p.cfg.Participant] = p
			r.present.Add(1)
		}
	})
	if !open {
		return errRoomClosed()
	}
	return err
}

func errRoomClosed() error {
	return &parley.Error{Op: "join", Kind: parley.Unavailable, Say: "The meeting's room is closed."}
}

// leave lets a peer go: its seats are vacated, and so are those that its publications sat in.
func (r *Room) leave(p *Peer) {
	r.do(func() {
		if r.peers[p.cfg.Participant] != p {
			return
		}
		delete(r.peers, p.cfg.Participant)
		for _, s := range *p.seats.Load() {
			r.move(s, nil)
		}
		for id, pub := range r.publications {
			if pub.peer != p {
				continue
			}
			delete(r.publications, id)
			for _, s := range *pub.seats.Load() {
				r.move(s, nil)
			}
			r.sfu.metrics.publications.Dec()
			r.obs.PublicationEnded(id)
		}
		r.giveVoices(time.Now())
	})
}

// publish takes a publication in; false when its peer has left. Called by its read loop.
func (r *Room) publish(pub *publication) bool {
	var live bool
	r.do(func() {
		if r.peers[pub.peer.cfg.Participant] != pub.peer {
			return
		}
		live = true
		pub.muted = pub.peer.muted[pub.source]
		r.publications[pub.track.ID] = pub
		r.sfu.metrics.publications.Inc()
		r.obs.PublicationStarted(pub.track)
		r.giveVoices(time.Now())
	})
	return live
}

// addSeats gives a peer the seats of an offer, and tells its browser the whole map.
func (r *Room) addSeats(p *Peer, seats []*seat) {
	r.do(func() {
		if r.peers[p.cfg.Participant] != p {
			return
		}
		all := append(slices.Clone(*p.seats.Load()), seats...)
		p.seats.Store(&all)
		r.mark(p)
		r.giveVoices(time.Now())
	})
}

// seat carries out a subscriber's requests, all or none.
func (r *Room) seat(p *Peer, requests []SeatRequest) error {
	var err error
	open := r.do(func() {
		type change struct {
			seat *seat
			to   *publication
		}
		changes := make([]change, len(requests))
		for i, request := range requests {
			var c change
			if c.seat, c.to, err = r.check(p, request); err != nil {
				return
			}
			changes[i] = c
		}
		for i, c := range changes {
			c.seat.show(shown{requests[i].Width, requests[i].Height, requests[i].Priority})
			r.move(c.seat, c.to)
		}
		p.wakeFeedback()
	})
	if !open {
		return errRoomClosed()
	}
	return err
}

// check finds what a request means.
func (r *Room) check(p *Peer, request SeatRequest) (*seat, *publication, error) {
	refuse := func(kind parley.Kind, say string) (*seat, *publication, error) {
		return nil, nil, &parley.Error{Op: "seat", Kind: kind, Say: say}
	}
	seats := *p.seats.Load()
	k := slices.IndexFunc(seats, func(s *seat) bool { return s.mid == request.MID })
	if k < 0 {
		return refuse(parley.Invalid, "There is no such seat.")
	}
	s := seats[k]
	if s.kind != parley.Video {
		return refuse(parley.Invalid, "The server gives the voices; only video seats can be asked for.")
	}
	if request.Track == "" {
		return s, nil, nil
	}
	pub, ok := r.publications[request.Track]
	if !ok {
		return refuse(parley.NotFound, "There is no such track in the meeting.")
	}
	if pub.codec.kind != parley.Video {
		return refuse(parley.Invalid, "Only video fits a video seat.")
	}
	if !s.takes(pub) {
		return refuse(parley.Invalid, "This browser cannot decode that track.")
	}
	return s, pub, nil
}

// hear notes whose voice a subscriber wants.
func (r *Room) hear(p *Peer, only parley.ParticipantID) {
	r.do(func() {
		p.only = only
		r.giveVoices(time.Now())
	})
}

// setMuted notes that a source of a peer went off or on.
func (r *Room) setMuted(p *Peer, source parley.Source, muted bool) {
	r.do(func() {
		p.muted[source] = muted
		for _, pub := range r.publications {
			if pub.peer == p && pub.source == source {
				pub.muted = muted
			}
		}
		r.giveVoices(time.Now())
	})
}

// connection passes a change of a peer's connection on; called by Pion's callback.
func (r *Room) connection(p *Peer, state PeerState) {
	r.do(func() {
		if r.peers[p.cfg.Participant] == p {
			r.obs.PeerChanged(p.cfg.Participant, state)
		}
	})
}

// move seats pub, or nobody, in s.
//
// The seat learns of it first, then the publication, then the peer is to decide which layer is to be seen
// and ask for its keyframe. A packet that is on its way meanwhile is refused by one of the two; a keyframe
// that is on its way may clear an earlier request before the seat was there to see it, but not that one.
func (r *Room) move(s *seat, pub *publication) {
	if s.occupant == pub {
		return
	}
	if s.occupant != nil {
		s.occupant.removeSeat(s)
		s.occupant.peer.wakeFeedback() // it may be watched by nobody now
	}
	s.occupant, s.since = pub, time.Now()
	s.sit(pub)
	if pub != nil {
		pub.addSeat(s)
	}
	if s.kind == parley.Video {
		s.peer.wakeFeedback()
	}
	r.mark(s.peer)
}

// tellEncodings passes on which encodings of a publication are wanted; called by its peer.
func (r *Room) tellEncodings(pub *publication, rids []string) {
	r.do(func() {
		if r.publications[pub.track.ID] == pub {
			r.obs.EncodingsWanted(pub.track.Participant, pub.source, rids)
		}
	})
}

// tellPaused tells a browser its seats, since what is paused has changed; called by its peer.
func (r *Room) tellPaused(p *Peer) { r.do(func() { r.mark(p) }) }

// mark remembers to tell a peer's browser its seats.
func (r *Room) mark(p *Peer) {
	if !slices.Contains(r.changed, p) {
		r.changed = append(r.changed, p)
	}
}

// tellSeats tells everybody whose seats changed, once per request.
func (r *Room) tellSeats() {
	for _, p := range r.changed {
		if r.closing || r.peers[p.cfg.Participant] != p {
			continue
		}
		seats := *p.seats.Load()
		states := make([]SeatState, len(seats))
		for i, s := range seats {
			states[i] = s.state()
		}
		r.obs.SeatsChanged(p.cfg.Participant, states)
	}
	clear(r.changed) // who left is not to be kept
	r.changed = r.changed[:0]
}
