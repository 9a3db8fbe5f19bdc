package sfu

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

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
	cfg := DefaultConfig()
	cfg.UDPAddress = "127.0.0.1:0"
	s, err := New(cfg, zap.NewNop(), prometheus.NewRegistry())
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
