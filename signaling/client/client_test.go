package client

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"

	"github.com/parley/parley"
	"github.com/parley/parley/signaling/problem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The rest of a client is tested against the real server, in package signaling.

func TestJoinFails(t *testing.T) {
	t.Parallel()
	refusing := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		problem.Write(w, r, &parley.Error{Op: "connect", Kind: parley.Unavailable, Say: "Starting."})
	})
	silent := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		for {
			if _, _, err := conn.ReadMessage(); err != nil {
				return
			}
		}
	})
	failing := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		_ = conn.WriteMessage(websocket.TextMessage, []byte(`{"type":"error","kind":"full","say":"Full.","fatal":true}`))
	})
	cause := errors.New("enough")
	for name, c := range map[string]struct {
		server http.Handler
		want   error
	}{
		"with the problem of a refusal":         {refusing, parley.Unavailable},
		"with the cause of the context":         {silent, cause},
		"with what the server says":             {failing, parley.Full},
		"when there is no such thing as a room": {http.NotFoundHandler(), parley.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(c.server)
			defer server.Close()
			ctx, cancel := context.WithTimeoutCause(t.Context(), 300*time.Millisecond, cause)
			if c.want != cause { //nolint:errorlint // the very value
				ctx, cancel = context.WithTimeout(t.Context(), 20*time.Second)
			}
			defer cancel()
			_, err := Join(ctx, Config{URL: server.URL, Meeting: "kfm-tqzw-rbn", Name: "Nora", Voices: 1})
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	t.Run("without an address", func(t *testing.T) {
		t.Parallel()
		if _, err := Join(t.Context(), Config{URL: "nonsense"}); parley.KindOf(err) != parley.Invalid {
			t.Errorf("got %v", err)
		}
	})
}

func TestPlayNeedsItsLine(t *testing.T) {
	t.Parallel()
	c := &Client{senders: map[parley.Source]*sender{parley.Camera: {playing: make(chan struct{}, 1)}}}
	if err := c.Play(t.Context(), nil); parley.KindOf(err) != parley.Invalid {
		t.Errorf("without a microphone: %v", err)
	}
	held, err := c.hold(parley.Camera)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Show(t.Context(), nil, 25); parley.KindOf(err) != parley.Conflict {
		t.Errorf("a second one at the same time: %v", err)
	}
	held.release()
	if held, err = c.hold(parley.Camera); err != nil {
		t.Fatalf("after the first: %v", err)
	}
	held.release()
	c.cfg.Tracks = map[parley.Source]webrtc.TrackLocal{parley.Camera: held.track}
	if err := c.Show(t.Context(), nil, 25); parley.KindOf(err) != parley.Conflict {
		t.Errorf("a line that has a track of its own: %v", err)
	}
}

func TestPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		p := newPace()
		defer p.stop()
		for i := range 50 {
			if i == 10 {
				time.Sleep(500 * time.Millisecond) // a stall: it catches up, and is not late for ever
			}
			if err := p.wait(t.Context(), time.Duration(i)*frame); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != 49*frame {
			t.Errorf("50 packets took %v", took)
		}
	})
}

func TestRTPTimeGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sender{base: 0xffff_ff00} // it wraps around
		first := s.now(opusClockRate)
		time.Sleep(90 * time.Second)
		if passed := s.now(opusClockRate) - first; passed != 90*opusClockRate {
			t.Errorf("in 90 s it went on by %d", passed)
		}
	})
}
