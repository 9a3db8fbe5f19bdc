package sfu

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
	"go.uber.org/zap"

	"github.com/parley/parley"
)

// PeerConfig says who joins, and what becomes of their media.
type PeerConfig struct {
	Participant parley.ParticipantID
	Number      uint32 // the CSRC of their voice
	Publish     bool   // false: what they send is thrown away
	// Tap is asked when a publication's first packet has arrived, before that packet goes anywhere;
	// what it returns is given every packet. The track's Started is left to the tap. A nil Tap, or
	// none returned: the publication is not tapped. It may take as long as a write to disk: only that
	// publication waits.
	Tap func(t parley.Track, arrived time.Time) []Tap
}

// Peer is one participant's connection: what it publishes, and the seats it subscribes with. Its
// methods are safe for concurrent use.
type Peer struct {
	// constant after Join
	room   *Room
	*route // to the browser
	cfg    PeerConfig
	pc     *webrtc.PeerConnection
	log    *zap.Logger
	wake   chan struct{} // capacity 1: the feedback loop has something to do
	// nacks are to be answered by the feedback loop; what comes when it is full is asked for again.
	nacks chan rtcp.TransportLayerNack

	clock remoteClock
	keys  *keyTap // of the handshake
	// sender is the browser as the socket's reader knows it.
	sender *sender
	// bandwidth is what the way to the browser takes; lossy says that receiver reports tell of losses.
	bandwidth bandwidth
	lossy     atomic.Bool
	// setback is owned by the feedback loop.
	setback setback
	// seats is in m-line order, and copied on every write by the room's loop.
	seats atomic.Pointer[[]*seat]

	// owned by the room's loop
	muted map[parley.Source]bool
	only  parley.ParticipantID // whose voice alone is heard, or ""

	// negotiation is held while an offer is answered, since one has to be done before the next; Close
	// takes it too.
	negotiation sync.Mutex
	started     bool // the feedback loop runs
	broken      bool // an answer failed halfway

	faulted   atomic.Bool // survive has closed it
	closeOnce sync.Once
	closing   chan struct{}
	tasks     sync.WaitGroup // every goroutine of this peer

	mu           sync.Mutex // guards all below
	closed       bool       // no further task starts
	lines        map[string]line
	sources      map[string]parley.Source
	publications map[string]*publication // by MID
}

// Join takes a participant in. There is one peer per participant: Conflict until the last one was
// closed. Unavailable when the room is closed.
func (r *Room) Join(cfg PeerConfig) (*Peer, error) {
	keys := &keyTap{}
	pc, err := r.sfu.engine.newPeerConnection(keys)
	if err != nil {
		return nil, err
	}
	p := &Peer{
		room:         r,
		route:        &route{},
		cfg:          cfg,
		pc:           pc,
		keys:         keys,
		log:          r.log.With(zap.String("participant", string(cfg.Participant))),
		wake:         make(chan struct{}, 1),
		nacks:        make(chan rtcp.TransportLayerNack, mostNACKs),
		muted:        map[parley.Source]bool{},
		closing:      make(chan struct{}),
		lines:        map[string]line{},
		sources:      map[string]parley.Source{},
		publications: map[string]*publication{},
	}
	p.seats.Store(&[]*seat{})
	p.sender = newSender(p)
	if err := r.enter(p); err != nil {
		return nil, errors.Join(err, pc.Close())
	}
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) { p.spawn(func() { p.connection(state) }) })
	pc.OnTrack(p.receive)
	r.sfu.metrics.peers.Inc()
	return p, nil
}

// connection passes on what a participant would notice.
func (p *Peer) connection(state webrtc.PeerConnectionState) {
	switch state {
	case webrtc.PeerConnectionStateConnected:
		p.withhold(false)
		p.openPath()
		p.room.connection(p, Connected)
	case webrtc.PeerConnectionStateDisconnected:
		p.room.connection(p, Disconnected)
	case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed: // closed by the other side
		p.part(state)
		p.room.connection(p, Failed)
	default:
	}
}

// part sends nothing more to a browser whose connection is over in that state.
func (p *Peer) part(state webrtc.PeerConnectionState) {
	if state == webrtc.PeerConnectionStateFailed || state == webrtc.PeerConnectionStateClosed {
		p.sender.consent.end(time.Now())
		p.withhold(true)
	}
}

// spawn runs f in a goroutine that Close waits for; not once the peer is closed.
func (p *Peer) spawn(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.tasks.Go(func() {
			defer p.survive()
			f()
		})
	}
}

// survive, deferred, has a fault of what is done for one peer end that peer alone: its connection is closed, which
// its browser takes for a reason to join again.
func (p *Peer) survive() {
	fault := recover()
	if fault == nil {
		return
	}
	p.room.sfu.metrics.faults.Inc()
	if p.faulted.Swap(true) {
		return // packets come until it is closed, and may all do the same
	}
	p.log.Error("a connection ended by a fault of the server", zap.String("kind", fmt.Sprintf("%T", fault)), zap.Stack("at"))
	go p.Close()
}

// Answer answers the browser's offer: the first, and every later one that restarts ICE or adds
// m-lines. sources names what each sendonly line sends, by MID; each new recvonly line becomes a
// seat. The answer is complete with the server's candidates; the observer has been told of new seats
// when Answer returns.
//
// Invalid and TooLarge say what is wrong with the offer, and change nothing; Conflict asks for a new
// connection, when an earlier offer failed halfway or the peer is closed.
func (p *Peer) Answer(ctx context.Context, offerSDP string, sources map[string]parley.Source) (string, error) {
	lines, err := parseOffer(offerSDP)
	if err != nil {
		return "", err
	}
	if err := checkSources(lines, sources); err != nil {
		return "", err
	}
	p.negotiation.Lock()
	defer p.negotiation.Unlock()
	if p.broken {
		return "", &parley.Error{Op: "answer offer", Kind: parley.Conflict, Say: "The connection is over; join again."}
	}
	fresh, err := p.checkLines(lines)
	if err != nil {
		return "", err
	}
	p.remember(lines, sources)
	seats, err := p.makeSeats(fresh)
	if err == nil {
		var answer string
		if answer, err = p.negotiate(ctx, offerSDP); err == nil {
			p.start(seats)
			return answer, nil
		}
	}
	p.broken = true
	return "", &parley.Error{
		Op: "answer offer", Kind: parley.Invalid, Say: "The offer could not be answered; join again.", Err: err,
	}
}

// checkLines compares an offer with the earlier ones, and returns the lines that are new. A line
// keeps its kind and direction for ever: Pion stops a line that goes inactive for good.
func (p *Peer) checkLines(lines []line) (fresh []line, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for mid := range p.lines {
		if !slices.ContainsFunc(lines, func(l line) bool { return l.mid == mid }) {
			return nil, invalid("Media line %s of the earlier offer is missing.", mid)
		}
	}
	for _, l := range lines {
		known, ok := p.lines[l.mid]
		switch {
		case !ok:
			fresh = append(fresh, l)
		case known.kind != l.kind || known.direction != l.direction:
			return nil, invalid("Media line %s is another than in the earlier offer.", l.mid)
		}
	}
	return fresh, nil
}

// remember notes what the lines are for, before their first packet can arrive.
func (p *Peer) remember(lines []line, sources map[string]parley.Source) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range lines {
		p.lines[l.mid] = l
		if source, ok := sources[l.mid]; ok {
			p.sources[l.mid] = source
		}
	}
}

// makeSeats gives each new recvonly line its seat, in m-line order and before the offer is applied:
// Pion matches them by that order. Audio and video seat k share the MediaStream "seat-k", so that
// the browser keeps lips and voice together.
func (p *Peer) makeSeats(fresh []line) ([]*seat, error) {
	count := map[parley.MediaKind]int{}
	for _, s := range *p.seats.Load() {
		count[s.kind]++
	}
	var seats []*seat
	for _, l := range fresh {
		if l.direction != recvOnly {
			continue
		}
		name := fmt.Sprintf("seat-%d", count[l.kind])
		count[l.kind]++
		s := newSeat(p, l.mid, l.kind, name, p.newSSRC(seats))
		transceiver, err := p.pc.AddTransceiverFromTrack(s, webrtc.RTPTransceiverInit{
			Direction:     webrtc.RTPTransceiverDirectionSendonly,
			SendEncodings: []webrtc.RTPEncodingParameters{{RTPCodingParameters: webrtc.RTPCodingParameters{SSRC: webrtc.SSRC(s.ssrc)}}},
		})
		if err != nil {
			return nil, fmt.Errorf("add seat: %w", err)
		}
		sender := transceiver.Sender()
		s.rtcp = func(b []byte) (int, error) {
			n, _, err := sender.Read(b)
			return n, err
		}
		seats = append(seats, s)
	}
	return seats, nil
}

// newSSRC picks one that no seat of this peer has.
func (p *Peer) newSSRC(also []*seat) uint32 {
	for {
		ssrc := rand.Uint32() //nolint:gosec // RFC 3550 §8.1 asks for random, not for secret
		taken := func(s *seat) bool { return s.ssrc == ssrc }
		if ssrc != 0 && !slices.ContainsFunc(*p.seats.Load(), taken) && !slices.ContainsFunc(also, taken) {
			return ssrc
		}
	}
}

// negotiate applies the offer and makes the answer. Candidates are the socket's addresses: gathering
// asks nobody and is over at once.
func (p *Peer) negotiate(ctx context.Context, offer string) (string, error) {
	err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: plainLines(offer)})
	if err != nil {
		return "", fmt.Errorf("apply offer: %w", err)
	}
	answer, err := p.pc.CreateAnswer(nil)
	if err != nil {
		return "", fmt.Errorf("make answer: %w", err)
	}
	gathered := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(answer); err != nil {
		return "", fmt.Errorf("apply answer: %w", err)
	}
	select {
	case <-gathered:
	case <-ctx.Done():
		return "", fmt.Errorf("gather candidates: %w", context.Cause(ctx))
	}
	agreed := newCredentials(p.pc.LocalDescription().SDP, offer)
	if p.sender.consent.negotiated(agreed, time.Now()) {
		p.sender.knocking.seek(offer, agreed)
		p.knock()
	}
	// Ask for silence not to be sent (RFC 7587 §6.1); Pion repeats the browser's own parameters.
	return strings.ReplaceAll(p.pc.LocalDescription().SDP, "useinbandfec=1", "useinbandfec=1;usedtx=1"), nil
}

// start begins to serve new seats, and at the first offer the feedback loop.
func (p *Peer) start(seats []*seat) {
	for _, s := range seats {
		p.spawn(func() { p.hearByPion(s.rtcp, s.ssrc) })
	}
	if !p.started {
		p.started = true
		p.spawn(p.feedback)
	}
	if len(seats) > 0 {
		p.room.addSeats(p, seats)
	}
}

// AddCandidateText takes a candidate that the browser trickled, as in RTCIceCandidateInit; an empty text ends
// them. It is not used: the browser is found by its own checks (knock.go). Invalid for what is no candidate, and
// before the first offer.
func (p *Peer) AddCandidateText(candidate string, _ *string, _ *uint16) error {
	if p.pc.RemoteDescription() == nil {
		return &parley.Error{Op: "add candidate", Kind: parley.Invalid, Say: "An ICE candidate has to follow an offer."}
	}
	if candidate == "" || candidate == "candidate:" {
		return nil
	}
	return checkCandidate(candidate)
}

// Seat puts publications into video seats, all or none; seats that are not named keep what they
// have. Invalid for a MID that is no video seat, or a track it cannot show; NotFound for a track that
// is not (or no longer) published.
func (p *Peer) Seat(requests []SeatRequest) error { return p.room.seat(p, requests) }

// Hear gives the voices to one participant alone, or again to the loudest for "". A participant that
// does not exist is silence.
func (p *Peer) Hear(only parley.ParticipantID) { p.room.hear(p, only) }

// SetMuted says that a source was switched off or on, also before it is published. A muted microphone
// has no voice, whatever it sends.
func (p *Peer) SetMuted(source parley.Source, muted bool) { p.room.setMuted(p, source, muted) }

// Close ends the connection and returns when everything has stopped and every tap is closed; any
// number of times. Not to be called from an Observer.
func (p *Peer) Close() {
	p.closeOnce.Do(func() {
		p.room.leave(p)
		p.negotiation.Lock()
		p.broken = true
		p.negotiation.Unlock()
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		close(p.closing)
		if err := p.pc.GracefulClose(); err != nil {
			p.log.Debug("close peer connection", zap.Error(err))
		}
		p.tasks.Wait()
		p.room.sfu.engine.ingress.forget(p.sender)
		for _, pub := range p.publications { // nobody else is left
			for _, l := range pub.allLayers() {
				l.close()
			}
			pub.end()
		}
		p.room.sfu.metrics.peers.Dec()
		p.room.present.Done()
	})
}

// voices are the peer's audio seats, at most n, as they are, and beside which video.
func (p *Peer) voices(n int) (voices []voice, seats []*seat) {
	var videos []*seat
	for _, s := range *p.seats.Load() {
		switch {
		case s.kind == parley.Video:
			videos = append(videos, s)
		case len(seats) < n:
			seats = append(seats, s)
			voices = append(voices, voice{pub: s.occupant, since: s.since})
		}
	}
	for k := range voices {
		if k < len(videos) {
			voices[k].video = videos[k].occupant
		}
	}
	return voices, seats
}
