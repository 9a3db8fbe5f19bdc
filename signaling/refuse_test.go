package signaling_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/pion/webrtc/v4"

	"github.com/parley/parley"
	"github.com/parley/parley/signaling"
	"github.com/parley/parley/signaling/auth"
)

func TestWhoIsLetIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(cfg *signaling.Config) { cfg.MaxParticipants = 2 })
	nobody := h.as("Nobody", auth.ScopePublish)
	nobody.Token = ""
	h.wantRefused(nobody, parley.Unauthorized, "link")
	forged := h.as("Mallory", auth.ScopePublish)
	forged.Token += "x"
	h.wantRefused(forged, parley.Unauthorized, "token")
	elsewhere := h.as("Kim", auth.ScopePublish)
	elsewhere.Meeting = "abc-defg-hij"
	h.wantRefused(elsewhere, parley.NotFound, "no meeting here")
	nameless := h.as("", auth.ScopePublish)
	h.wantRefused(nameless, parley.Invalid, "name")

	h.join(h.as("One", auth.ScopePublish))
	h.join(h.as("Two", auth.ScopePublish))
	h.wantRefused(h.as("Three", auth.ScopePublish), parley.Full, "as many participants")
	if strings.Contains(h.logs.String(), forged.Token[:20]) {
		t.Error("a token is in the log")
	}
}

func TestOtherOrigins(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	address := "ws" + strings.TrimPrefix(h.url, "http") + "/api/v1/meetings/" + string(meeting) + "/socket"
	_, response, err := websocket.DefaultDialer.DialContext(t.Context(), address, http.Header{
		"Origin": {"https://evil.example"}, "Authorization": {"Bearer " + h.as("Nora", auth.ScopePublish).Token},
	})
	if err == nil || response.StatusCode != http.StatusForbidden {
		t.Fatalf("a page of another site got in: %v", err)
	}
	_ = response.Body.Close()
}

func TestMalformedMessages(t *testing.T) {
	t.Parallel()
	t.Run("are answered, and the connection goes on", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, nil)
		conn := joinBare(t, h, auth.ScopePublish)
		for _, c := range []struct {
			frame string
			kind  parley.Kind
			re    signaling.Type
		}{
			{`nonsense`, parley.Invalid, ""},
			{`{"type":"dance"}`, parley.Invalid, ""},
			{`{"type":"chat","text":""}`, parley.Invalid, signaling.TypeChat},
			{`{"type":"seats","seats":[{"mid":"99","track":""}]}`, parley.Invalid, signaling.TypeSeats},
			{`{"type":"offer","seq":1,"sdp":"nonsense","sources":{}}`, parley.Invalid, signaling.TypeOffer},
			{`{"type":"end"}`, parley.Forbidden, signaling.TypeEnd},
			{`{"type":"join","name":"x","consent":"","offer":{"sdp":"v","sources":{}}}`, parley.Invalid, signaling.TypeJoin},
		} {
			write(t, conn, c.frame)
			if got := next[signaling.Error](t, conn); got.Kind != c.kind || got.Re != c.re || got.Fatal || got.Say == "" {
				t.Errorf("%s is answered by %+v", c.frame, got)
			}
		}
		if err := conn.WriteMessage(websocket.BinaryMessage, []byte{1, 2}); err != nil {
			t.Fatal(err)
		}
		next[signaling.Error](t, conn)
		write(t, conn, `{"type":"chat","text":"still here"}`)
		if line := next[signaling.Chat](t, conn); line.Text != "still here" {
			t.Errorf("the line is %+v", line)
		}
	})
	t.Run("too many end it", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, nil)
		conn := joinBare(t, h, auth.ScopePublish)
		for range 21 {
			write(t, conn, `{}`)
		}
		for {
			if refusal := next[signaling.Error](t, conn); refusal.Fatal {
				break
			}
		}
		wantClose(t, conn, websocket.ClosePolicyViolation)
	})
	t.Run("a first message that is not join ends it", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, nil)
		for _, frame := range []string{`{"type":"leave"}`, `nonsense`} {
			conn := h.dial(h.as("Nora", auth.ScopePublish))
			write(t, conn, frame)
			if refusal := next[signaling.Error](t, conn); !refusal.Fatal || refusal.Kind != parley.Invalid {
				t.Errorf("%s is answered by %+v", frame, refusal)
			}
			wantClose(t, conn, websocket.ClosePolicyViolation)
		}
	})
	t.Run("a frame over the limit ends it", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, nil)
		conn := joinBare(t, h, auth.ScopePublish)
		write(t, conn, `{"type":"chat","text":"`+strings.Repeat("x", 600<<10)+`"}`)
		for {
			if _, _, err := conn.ReadMessage(); err != nil {
				break // a Close frame, or a reset when what we sent had not been read
			}
		}
	})
}

func TestLimits(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	conn := joinBare(t, h, auth.ScopePublish)
	for range 12 {
		write(t, conn, `{"type":"chat","text":"faster"}`)
	}
	if got := next[signaling.Error](t, conn); got.Kind != parley.TooLarge || got.Fatal {
		t.Errorf("flooding the chat is answered by %+v", got)
	}
}

func TestViewers(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	conn := joinBare(t, h, auth.ScopeView)
	write(t, conn, `{"type":"chat","text":"hello"}`)
	if got := next[signaling.Error](t, conn); got.Kind != parley.Forbidden {
		t.Errorf("a viewer who writes gets %+v", got)
	}
}

// joinBare joins over a bare WebSocket. Its media is offered and never connects.
func joinBare(t *testing.T, h *house, role auth.Scope) *websocket.Conn {
	t.Helper()
	conn := h.dial(h.as("Bare", role))
	enterBare(t, conn, "")
	return conn
}

// enterBare joins over a WebSocket that is open, as the bearer of its token, or comes back as before.
func enterBare(t *testing.T, conn *websocket.Conn, resume string) *signaling.Joined {
	t.Helper()
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio, webrtc.RTPTransceiverInit{
		Direction: webrtc.RTPTransceiverDirectionRecvonly,
	}); err != nil {
		t.Fatal(err)
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	frame, err := json.Marshal(signaling.Join{
		Type: signaling.TypeJoin, Name: "Bare", Consent: parley.Declined, Resume: resume,
		Offer: signaling.Offer{SDP: offer.SDP, Sources: map[string]parley.Source{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	write(t, conn, string(frame))
	return next[signaling.Joined](t, conn)
}

func write(t *testing.T, conn *websocket.Conn, frame string) {
	t.Helper()
	if err := conn.WriteMessage(websocket.TextMessage, []byte(frame)); err != nil {
		t.Fatal(err)
	}
}

func wantClose(t *testing.T, conn *websocket.Conn, code int) {
	t.Helper()
	if _, _, err := conn.ReadMessage(); !websocket.IsCloseError(err, code) {
		t.Errorf("the connection ends with %v, want close code %d", err, code)
	}
}
