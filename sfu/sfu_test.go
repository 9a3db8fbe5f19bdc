package sfu_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/parley/parley"
	"github.com/parley/parley/sfu"
	"github.com/parley/parley/sfu/sfutest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 10 * time.Second

// watcher is an observer that keeps what it is told.
type watcher struct {
	mu      sync.Mutex // guards everything below
	started []parley.Track
	ended   []parley.TrackID
	seats   map[parley.ParticipantID][]sfu.SeatState
	states  map[parley.ParticipantID][]sfu.PeerState
	wanted  map[parley.ParticipantID][]string
}

func (w *watcher) PublicationStarted(t parley.Track) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.started = append(w.started, t)
}

func (w *watcher) PublicationEnded(id parley.TrackID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = append(w.ended, id)
}

func (w *watcher) SeatsChanged(p parley.ParticipantID, seats []sfu.SeatState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seats[p] = seats
}

func (w *watcher) PeerChanged(p parley.ParticipantID, s sfu.PeerState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.states[p] = append(w.states[p], s)
}

func (w *watcher) EncodingsWanted(p parley.ParticipantID, _ parley.Source, rids []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wanted[p] = rids
}

// track finds what a participant publishes; the zero Track when it does not.
func (w *watcher) track(p parley.ParticipantID, source parley.Source) parley.Track {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range w.started {
		if t.Participant == p && t.Source == source {
			return t
		}
	}
	return parley.Track{}
}

// sits reports whether a participant's voice or picture sits with a subscriber.
func (w *watcher) sits(with, who parley.ParticipantID, kind parley.MediaKind) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.seats[with], func(s sfu.SeatState) bool { return s.Participant == who && s.Kind == kind })
}

// tap keeps what it is given.
type tap struct {
	mu      sync.Mutex
	packets []rtp.Packet
	closed  int
}

func (t *tap) Write(p *rtp.Packet, _ time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	own := *p
	own.Payload = slices.Clone(p.Payload)
	t.packets = append(t.packets, own)
}

func (t *tap) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed++
}

func (t *tap) count() (packets, closed int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.packets), t.closed
}

// hall is a running SFU with one room.
type hall struct {
	t    *testing.T
	sfu  *sfu.SFU
	room *sfu.Room
	*watcher

	registry *prometheus.Registry
}

func openHall(t *testing.T) *hall {
	t.Helper()
	cfg := sfu.DefaultConfig()
	cfg.UDPAddress = "127.0.0.1:0"
	registry := prometheus.NewRegistry()
	s, err := sfu.New(cfg, zap.NewNop(), registry)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	h := &hall{t: t, sfu: s, registry: registry, watcher: &watcher{
		seats: map[parley.ParticipantID][]sfu.SeatState{}, states: map[parley.ParticipantID][]sfu.PeerState{},
		wanted: map[parley.ParticipantID][]string{},
	}}
	if h.room, err = s.OpenRoom("abc-defg-hij", h.watcher); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return h
}

// guest is one participant with its scripted browser.
type guest struct {
	*sfutest.Browser

	id   parley.ParticipantID
	peer *sfu.Peer
	opus sfutest.Opus
	vp8  sfutest.VP8
}

func (h *hall) join(id parley.ParticipantID, number uint32, lines sfutest.Lines, taps ...sfu.Tap) *guest {
	h.t.Helper()
	cfg := sfu.PeerConfig{Participant: id, Number: number, Publish: true}
	if len(taps) > 0 {
		cfg.Tap = func(parley.Track, time.Time) []sfu.Tap { return taps }
	}
	peer, err := h.room.Join(cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	g := &guest{Browser: sfutest.New(h.t, lines), id: id, peer: peer}
	g.Connect(peer, nil)
	return g
}

// speak sends a packet of voice this loud, every 20 ms, until ok.
func (h *hall) speak(what string, ok func() bool, level uint8, guests ...*guest) {
	h.t.Helper()
	h.repeat(what, 20*time.Millisecond, ok, func(int) {
		for _, g := range guests {
			p := g.opus.Next()
			g.SetLevel(parley.Microphone, p, level)
			g.Send(parley.Microphone, p)
		}
	})
}

// show sends a picture every 20 ms, a keyframe now and then, until ok.
func (h *hall) show(what string, ok func() bool, guests ...*guest) {
	h.t.Helper()
	h.repeat(what, 20*time.Millisecond, ok, func(n int) {
		for _, g := range guests {
			for _, p := range g.vp8.Frame(n%10 == 0, 3) {
				g.Send(parley.Camera, p)
			}
		}
	})
}

func (h *hall) repeat(what string, every time.Duration, ok func() bool, do func(n int)) {
	h.t.Helper()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	deadline := time.Now().Add(patience)
	for n := 0; !ok(); n++ {
		do(n)
		if time.Now().After(deadline) {
			h.t.Fatalf("%s: not within %v", what, patience)
		}
		<-ticker.C
	}
}

// heard counts the packets of one talker in the voices of a listener, by CSRC.
func heard(listener *guest, number uint32) int {
	n := 0
	for _, mid := range listener.Voices {
		for _, p := range listener.Received(mid) {
			if slices.Contains(p.CSRC, number) {
				n++
			}
		}
	}
	return n
}

func talker() sfutest.Lines {
	return sfutest.Lines{Sends: []parley.Source{parley.Microphone, parley.Camera}, Voices: 2, Videos: 2}
}

func TestVoicesAreHeardByAllButTheirOwner(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	kept := &tap{}
	ann, ben := h.join("ann", 1, talker(), kept), h.join("ben", 2, talker())
	h.speak("both are heard", func() bool { return heard(ann, 2) > 20 && heard(ben, 1) > 20 }, 30, ann, ben)
	if heard(ann, 1) != 0 || heard(ben, 2) != 0 {
		t.Error("somebody hears themselves")
	}
	for _, mid := range ben.Voices {
		wantContinuous(t, ben.Received(mid))
	}
	if n, closed := kept.count(); n < 20 || closed != 0 {
		t.Errorf("the tap has %d packets, closed %d times", n, closed)
	}
	ann.peer.Close()
	ann.peer.Close() // again does nothing
	if _, closed := kept.count(); closed != 1 {
		t.Errorf("the tap was closed %d times", closed)
	}
	h.wait("ann's voice leaves", func() bool { return !h.sits("ben", "ann", parley.Audio) })
	if _, err := h.room.Join(sfu.PeerConfig{Participant: "ben"}); !errors.Is(err, parley.Conflict) {
		t.Error("the same participant twice:", err)
	}
}

func (h *hall) wait(what string, ok func() bool) {
	h.t.Helper()
	h.repeat(what, 5*time.Millisecond, ok, func(int) {})
}

// wantContinuous: one stream, one SSRC, no hole.
func wantContinuous(t *testing.T, packets []rtp.Packet) {
	t.Helper()
	for i := 1; i < len(packets); i++ {
		if packets[i].SequenceNumber != packets[i-1].SequenceNumber+1 || packets[i].SSRC != packets[0].SSRC {
			t.Errorf("packet %d: number %d after %d", i, packets[i].SequenceNumber, packets[i-1].SequenceNumber)
			return
		}
	}
}

func TestAPictureMovesIntoASeatAtAKeyframe(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	ann, ben, cem := h.join("ann", 1, talker()), h.join("ben", 2, talker()), h.join("cem", 3, talker())
	h.show("both publish", func() bool {
		return h.track("ann", parley.Camera).ID != "" && h.track("ben", parley.Camera).ID != ""
	}, ann, ben)
	seat := cem.Videos[0]
	ask := func(who parley.ParticipantID) error {
		return cem.peer.Seat([]sfu.SeatRequest{{MID: seat, Track: h.track(who, parley.Camera).ID, Width: 640, Height: 360}})
	}
	for _, who := range []parley.ParticipantID{"ann", "ben", "ann"} {
		before := len(cem.Received(seat))
		if err := ask(who); err != nil {
			t.Fatal(err)
		}
		h.show("shown", func() bool { return len(cem.Received(seat)) > before+60 }, ann, ben)
	}
	packets := cem.Received(seat)
	wantContinuous(t, packets)
	if first := packets[0].Payload; first[0]&0x10 == 0 || first[6]&1 != 0 {
		t.Errorf("begins with %x, which is no keyframe", first)
	}
	pictures := 0
	for i := 1; i < len(packets); i++ {
		step := pictureID(packets[i]) - pictureID(packets[i-1])
		if step&0x7FFF > 1 {
			t.Errorf("picture %d after %d", pictureID(packets[i]), pictureID(packets[i-1]))
		}
		pictures += int(step)
	}
	if h.sits("ann", "ann", parley.Video) || !h.sits("cem", "ann", parley.Video) {
		t.Error("the map of seats is wrong")
	}
	if err := cem.peer.Seat([]sfu.SeatRequest{{MID: seat}}); err != nil {
		t.Fatal(err)
	}
	h.wait("the seat is empty", func() bool { return !h.sits("cem", "ann", parley.Video) })
}

func pictureID(p rtp.Packet) uint16 { return uint16(p.Payload[2]&0x7F)<<8 | uint16(p.Payload[3]) }

func TestSeatsThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	ann, ben := h.join("ann", 1, talker()), h.join("ben", 2, talker())
	h.speak("ann is heard", func() bool { return heard(ben, 1) > 0 }, 30, ann)
	voice := h.track("ann", parley.Microphone).ID
	for name, c := range map[string]struct {
		request sfu.SeatRequest
		want    parley.Kind
	}{
		"no such seat":             {sfu.SeatRequest{MID: "99", Track: voice}, parley.Invalid},
		"a voice is given":         {sfu.SeatRequest{MID: ben.Voices[0], Track: voice}, parley.Invalid},
		"no such track":            {sfu.SeatRequest{MID: ben.Videos[0], Track: "gone"}, parley.NotFound},
		"sound in a video seat":    {sfu.SeatRequest{MID: ben.Videos[0], Track: voice}, parley.Invalid},
		"a line that sends is not": {sfu.SeatRequest{MID: "0", Track: voice}, parley.Invalid},
	} {
		if err := ben.peer.Seat([]sfu.SeatRequest{c.request}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheLoudestHaveTheVoices(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	lines := sfutest.Lines{Sends: []parley.Source{parley.Microphone}}
	loud, soft, muted := h.join("loud", 1, lines), h.join("soft", 2, lines), h.join("muted", 3, lines)
	listener := h.join("listener", 4, sfutest.Lines{Voices: 1})
	muted.peer.SetMuted(parley.Microphone, true)
	h.repeat("the loud one is heard", 20*time.Millisecond, func() bool { return heard(listener, 1) > 30 }, func(int) {
		for g, level := range map[*guest]uint8{loud: 20, soft: 60, muted: 5} {
			p := g.opus.Next()
			g.SetLevel(parley.Microphone, p, level)
			g.Send(parley.Microphone, p)
		}
	})
	if heard(listener, 3) != 0 {
		t.Error("a muted microphone has a voice")
	}
	soft0 := heard(listener, 2)
	h.repeat("the soft one takes over", 20*time.Millisecond, func() bool { return heard(listener, 2) > soft0+30 }, func(int) {
		for g, level := range map[*guest]uint8{loud: 127, soft: 25, muted: 5} {
			p := g.opus.Next()
			g.SetLevel(parley.Microphone, p, level)
			g.Send(parley.Microphone, p)
		}
	})
	wantContinuous(t, listener.Received(listener.Voices[0]))
}

func TestAnICERestartKeepsSeatsAndTracks(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	kept := &tap{}
	ann, ben := h.join("ann", 1, talker(), kept), h.join("ben", 2, talker())
	h.speak("heard", func() bool { return heard(ben, 1) > 10 }, 30, ann)
	ann.Connect(ann.peer, &webrtc.OfferOptions{ICERestart: true})
	ben.AddSeats(2, 4)
	ben.Connect(ben.peer, nil)
	before := heard(ben, 1)
	h.speak("heard again", func() bool { return heard(ben, 1) > before+10 }, 30, ann)
	h.mu.Lock()
	started := len(h.started)
	h.mu.Unlock()
	if _, closed := kept.count(); closed != 0 || started != 1 {
		t.Errorf("%d publications, the tap closed %d times", started, closed)
	}
	if len(ben.Voices) != 4 || len(ben.Videos) != 6 {
		t.Errorf("%d voices and %d video seats", len(ben.Voices), len(ben.Videos))
	}
}

func TestAKeyframeIsAskedForTheTaps(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	ann := h.join("ann", 1, talker(), &tap{})
	asked := make(chan struct{})
	var once sync.Once
	go func() {
		for {
			packets, err := ann.ReadRTCP(parley.Camera)
			if err != nil {
				return
			}
			for _, p := range packets {
				if _, ok := p.(*rtcp.PictureLossIndication); ok {
					once.Do(func() { close(asked) })
				}
			}
		}
	}()
	h.repeat("a keyframe is asked for", 20*time.Millisecond, func() bool {
		select {
		case <-asked:
			return true
		default:
			return false
		}
	}, func(int) {
		for _, p := range ann.vp8.Frame(false, 1) {
			ann.Send(parley.Camera, p)
		}
	})
}

func TestALostPacketIsSentAgain(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	ann, ben := h.join("ann", 1, talker()), h.join("ben", 2, talker())
	h.show("published", func() bool { return h.track("ann", parley.Camera).ID != "" }, ann)
	if err := ben.peer.Seat([]sfu.SeatRequest{{MID: ben.Videos[0], Track: h.track("ann", parley.Camera).ID}}); err != nil {
		t.Fatal(err)
	}
	h.show("shown", func() bool { return len(ben.Received(ben.Videos[0])) > 60 }, ann)
	packets := ben.Received(ben.Videos[0])
	again := packets[len(packets)-20]
	count := func() (n int) {
		for _, p := range ben.Received(ben.Videos[0]) {
			if p.SequenceNumber == again.SequenceNumber {
				n++
			}
		}
		return n
	}
	nack := &rtcp.TransportLayerNack{MediaSSRC: again.SSRC, Nacks: rtcp.NackPairsFromSequenceNumbers([]uint16{again.SequenceNumber})}
	if err := ben.PC.WriteRTCP([]rtcp.Packet{nack}); err != nil {
		t.Fatal(err)
	}
	h.show("sent again", func() bool { return count() >= 2 }, ann)
}

func TestOffersThatCannotBeAnsweredAreRefused(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	peer, err := h.room.Join(sfu.PeerConfig{Participant: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	browser := sfutest.New(t, talker())
	offer, sources := browser.Offer(nil)
	for name, c := range map[string]struct {
		sdp     string
		sources map[string]parley.Source
		want    parley.Kind
	}{
		"nothing":          {"", sources, parley.Invalid},
		"no description":   {"hello", sources, parley.Invalid},
		"too long":         {strings.Repeat("a=x\r\n", 200_000), sources, parley.TooLarge},
		"sendrecv":         {strings.ReplaceAll(offer, "a=sendonly", "a=sendrecv"), sources, parley.Invalid},
		"unnamed line":     {strings.ReplaceAll(offer, "a=mid:", "a=mud:"), sources, parley.Invalid},
		"source unknown":   {offer, nil, parley.Invalid},
		"source of a seat": {offer, map[string]parley.Source{"0": parley.Microphone, "1": parley.Camera, "2": parley.Screen}, parley.Invalid},
	} {
		if _, err := peer.Answer(t.Context(), c.sdp, c.sources); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	answer, err := peer.Answer(t.Context(), offer, sources)
	if err != nil {
		t.Fatal("a refusal changed something:", err)
	}
	browser.Accept(answer)
	if err := peer.AddCandidateText("nonsense", nil, nil); !errors.Is(err, parley.Invalid) {
		t.Error("a candidate that is none:", err)
	}
}

func TestAPortInUseIsNamed(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	cfg := sfu.DefaultConfig()
	cfg.UDPAddress = h.sfu.Addr().String()
	_, err := sfu.New(cfg, zap.NewNop(), prometheus.NewRegistry())
	if !errors.Is(err, parley.Conflict) || !strings.Contains(parley.SayOf(err), cfg.UDPAddress) {
		t.Error(err)
	}
}

func TestAClosedRoomTakesNobody(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	if _, err := h.sfu.OpenRoom("abc-defg-hij", h.watcher); !errors.Is(err, parley.Conflict) {
		t.Error("the same room twice:", err)
	}
	ann := h.join("ann", 1, talker())
	h.room.Close()
	h.room.Close()
	if _, err := h.room.Join(sfu.PeerConfig{Participant: "ben"}); !errors.Is(err, parley.Unavailable) {
		t.Error(err)
	}
	if err := ann.peer.Seat(nil); !errors.Is(err, parley.Unavailable) {
		t.Error(err)
	}
	again, err := h.sfu.OpenRoom("abc-defg-hij", h.watcher)
	if err != nil {
		t.Fatal("a room is not opened again:", err)
	}
	again.Close()
}

// slowTap takes its time to close.
type slowTap struct {
	tap
	closing, goOn chan struct{}
}

func (s *slowTap) Close() {
	close(s.closing)
	<-s.goOn
	s.tap.Close()
}

func TestAClosedRoomHasClosedTheTapsOfWhoWasLeaving(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	slow := &slowTap{closing: make(chan struct{}), goOn: make(chan struct{})}
	ann, ben := h.join("ann", 1, talker(), slow), h.join("ben", 2, talker())
	h.speak("ann is heard", func() bool { return heard(ben, 1) > 3 }, 30, ann)
	left, closed := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(left)
		ann.peer.Close()
	}()
	<-slow.closing // ann is out of the room by now
	ben.peer.Close()
	go func() {
		defer close(closed)
		h.room.Close()
	}()
	select {
	case <-closed:
		t.Error("the room is closed while a tap still closes")
	case <-time.After(200 * time.Millisecond):
	}
	close(slow.goOn)
	<-closed
	if _, times := slow.count(); times != 1 {
		t.Errorf("the tap was closed %d times", times)
	}
	<-left
}

func TestARoomDescribesItself(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	ann, ben := h.join("ann", 1, talker(), &tap{}), h.join("ben", 2, talker())
	h.speak("ann is heard", func() bool { return heard(ben, 1) > 3 }, 30, ann)
	text, open := h.sfu.Describe("abc-defg-hij")
	if !open {
		t.Fatal("the room is not open")
	}
	for _, want := range []string{"2 peers, 1 publications", "#1  microphone  audio/opus", "flows", "empty", "no limit met"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
	if _, open := h.sfu.Describe("xxx-xxxx-xxx"); open {
		t.Error("a room that is none describes itself")
	}
}
