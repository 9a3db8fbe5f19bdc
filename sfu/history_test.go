package sfu

import (
	"runtime"
	"testing"
	"weak"

	"github.com/pion/webrtc/v4"
)

// watched is a seat in which a whole capture was seen, whose publisher nobody else knows; the ring of that, and the
// newest packet.
func watched(t *testing.T) (viewer *seat, kept weak.Pointer[ring], seq uint16) {
	t.Helper()
	s := newStage(t, webrtc.MimeTypeVP8)
	s.play(readCapture(t, "vp8.rtp"), func() {})
	if s.seat.history == nil || s.seat.current == nil {
		t.Fatal("nothing was seen")
	}
	viewer, kept, seq = s.seat, weak.Make(s.seat.current.ring), s.sent[len(s.sent)-1].SequenceNumber
	if sent, from := viewer.history.find(seq); sent == nil || from != viewer.current {
		t.Fatal("what went out is not remembered")
	}
	viewer.writer = nil // the stage
	return viewer, kept, seq
}

// TestASeatForgetsWhoLeft: a browser pages through everybody, and each of their rings has half a megabyte.
func TestASeatForgetsWhoLeft(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]*publication{"nobody": nil, "somebody else": newStage(t, webrtc.MimeTypeVP8).pub} {
		t.Run(name+" sits down", func(t *testing.T) {
			t.Parallel()
			viewer, kept, seq := watched(t)
			viewer.sit(next)
			runtime.GC()
			if kept.Value() != nil {
				t.Error("the ring of who left is kept")
			}
			if sent, from := viewer.history.find(seq); sent != nil || from != nil {
				t.Error("what went out of it would be sent again")
			}
			if viewer.resend(seq, &outgoing{}) {
				t.Error("it is sent again")
			}
			runtime.KeepAlive(viewer)
		})
	}
}
