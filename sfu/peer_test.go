package sfu

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/parley/parley"
	"github.com/parley/parley/sfu/sfutest"
)

// deaf is an observer that does not care.
type deaf struct{}

func (deaf) PublicationStarted(parley.Track)                               {}
func (deaf) PublicationEnded(parley.TrackID)                               {}
func (deaf) SeatsChanged(parley.ParticipantID, []SeatState)                {}
func (deaf) PeerChanged(parley.ParticipantID, PeerState)                   {}
func (deaf) EncodingsWanted(parley.ParticipantID, parley.Source, []string) {}

// connectedPeer joins a scripted browser and waits until media can flow.
func connectedPeer(t *testing.T, browse func(testing.TB, sfutest.Lines) *sfutest.Browser) *Peer {
	t.Helper()
	browser := browse(t, sfutest.Lines{Sends: []parley.Source{parley.Microphone}, Voices: 1})
	return connect(t, openTestRoom(t), PeerConfig{Participant: "ann", Number: 1}, browser)
}

// openTestRoom opens the only room of a server that runs until the test ends.
func openTestRoom(t *testing.T) *Room {
	t.Helper()
	return openLoggedRoom(t, zap.NewNop())
}

// openLoggedRoom is openTestRoom with a log.
func openLoggedRoom(t *testing.T, log *zap.Logger) *Room {
	t.Helper()
	cfg := DefaultConfig()
	cfg.UDPAddress = "127.0.0.1:0"
	s, err := New(cfg, log, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	room, err := s.OpenRoom("abc-defg-hij", deaf{})
	if err != nil {
		t.Fatal(err)
	}
	return room
}

// connect joins a scripted browser and waits until media can flow.
func connect(t *testing.T, room *Room, cfg PeerConfig, browser *sfutest.Browser) *Peer {
	t.Helper()
	peer, err := room.Join(cfg)
	if err != nil {
		t.Fatal(err)
	}
	browser.Connect(peer, nil)
	for deadline := time.Now().Add(10 * time.Second); peer.path.Load() == nil; {
		if time.Now().After(deadline) {
			t.Fatal("the connection does not stand")
		}
	}
	return peer
}

// joinedPeer is alone in a room of a server of its own, without a browser yet.
func joinedPeer(t *testing.T, log *zap.Logger) *Peer {
	t.Helper()
	peer, err := openLoggedRoom(t, log).Join(PeerConfig{Participant: "ann", Number: 1})
	if err != nil {
		t.Fatal(err)
	}
	return peer
}

// firstStream connects a browser that speaks, and returns its stream in place of the peer: as Pion brings it, which
// then waits for nobody.
func firstStream(t *testing.T, peer *Peer) (*webrtc.TrackRemote, *webrtc.RTPReceiver) {
	t.Helper()
	type stream struct {
		track    *webrtc.TrackRemote
		receiver *webrtc.RTPReceiver
	}
	came := make(chan stream, 1)
	peer.pc.OnTrack(func(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) { came <- stream{track, receiver} })
	browser := sfutest.New(t, sfutest.Lines{Sends: []parley.Source{parley.Microphone}, Voices: 1})
	browser.Connect(peer, nil)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	var opus sfutest.Opus
	for deadline := time.After(10 * time.Second); ; {
		browser.Send(parley.Microphone, opus.Next())
		select {
		case s := <-came:
			return s.track, s.receiver
		case <-ticker.C:
		case <-deadline:
			t.Fatal("no stream comes")
		}
	}
}

func TestAStreamThatComesAfterClosingBeginsNothing(t *testing.T) {
	t.Parallel()
	peer := joinedPeer(t, zap.NewNop())
	track, receiver := firstStream(t, peer)
	peer.Close()
	peer.receive(track, receiver)
	if n := len(peer.allPublications()); n != 0 {
		t.Errorf("a closed peer has %d publications, which nobody ends", n)
	}
}

func TestClosingWaitsForAStreamThatIsTakenIn(t *testing.T) {
	t.Parallel()
	taken, goOn := make(chan struct{}), make(chan struct{})
	log := zap.New(zapcore.NewCore(
		zapcore.NewJSONEncoder(zapcore.EncoderConfig{}), zapcore.AddSync(io.Discard), zap.DebugLevel,
	), zap.Hooks(func(entry zapcore.Entry) error {
		if entry.Message == "ignore stream" {
			close(taken)
			<-goOn
		}
		return nil
	}))
	peer := joinedPeer(t, log)
	track, receiver := firstStream(t, peer)
	peer.mu.Lock()
	clear(peer.sources) // it says so of a stream that nobody knows
	peer.mu.Unlock()
	began := make(chan struct{})
	go func() {
		defer close(began)
		peer.receive(track, receiver)
	}()
	<-taken
	if err := peer.pc.GracefulClose(); err != nil { // which takes its time and does not wait for it
		t.Fatal(err)
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		peer.Close()
	}()
	select {
	case <-closed:
		t.Error("the peer is closed meanwhile")
	case <-time.After(200 * time.Millisecond):
	}
	close(goOn)
	<-closed
	<-began
}
