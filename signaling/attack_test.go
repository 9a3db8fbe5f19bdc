package signaling_test

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/pion/rtp"

	"github.com/parley/parley"
	"github.com/parley/parley/signaling"
	"github.com/parley/parley/signaling/auth"
	"github.com/parley/parley/signaling/client"
)

// TestHostileBrowsersAreNoticedByNobody: offers that are too large or none, and answers that nobody asked for,
// while Victor hears Nora. Each is told why, or is let go; Victor misses nothing.
func TestHostileBrowsersAreNoticedByNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	nora := h.join(h.as("Nora", auth.ScopeHost))
	var mu sync.Mutex
	var numbers []uint16
	watching := h.as("Victor", auth.ScopePublish)
	watching.OnPacket = func(_ client.Seat, p *rtp.Packet) {
		mu.Lock()
		defer mu.Unlock()
		numbers = append(numbers, p.SequenceNumber)
	}
	victor := h.join(watching)
	h.speak(nora)
	heard := func() []uint16 {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(numbers)
	}
	poll(t, "Victor hears Nora", func() bool { return len(heard()) > 5 })

	offer := func(sdp string) string {
		frame, err := json.Marshal(signaling.Join{
			Type: signaling.TypeJoin, Name: "Mallory", Consent: parley.Declined,
			Offer: signaling.Offer{SDP: sdp, Sources: map[string]parley.Source{}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return string(frame)
	}
	for name, c := range map[string]struct {
		frame string
		kind  parley.Kind // of the refusal; "" for a line that is cut without a word
	}{
		"an offer of too many lines": {offer("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n" + strings.Repeat("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n", 500)), parley.TooLarge},
		"an offer that is none":      {offer("hello"), parley.Invalid},
		"a frame that is too large":  {offer(strings.Repeat("a=x\r\n", 200_000)), ""},
		"an answer before an offer":  {`{"type":"answer","seq":1,"sdp":"v=0"}`, parley.Invalid},
	} {
		conn := h.dial(h.as("Mallory", auth.ScopePublish))
		_ = conn.WriteMessage(websocket.TextMessage, []byte(c.frame)) // the server may cut the line before its end
		for {
			_, frame, err := conn.ReadMessage()
			if err != nil {
				if c.kind != "" {
					t.Errorf("%s: %v", name, err)
				}
				break
			}
			if message, err := signaling.DecodeMessage(frame); err == nil {
				if refusal, ok := message.(*signaling.Error); ok && c.kind != "" {
					if refusal.Kind != c.kind || !refusal.Fatal || refusal.Say == "" {
						t.Errorf("%s is answered by %+v", name, refusal)
					}
					break
				}
			}
		}
	}
	// In the meeting, an answer for another offer: the server makes none.
	conn := joinBare(t, h, auth.ScopePublish)
	write(t, conn, `{"type":"answer","seq":7,"sdp":"v=0"}`)
	if refusal := next[signaling.Error](t, conn); refusal.Kind != parley.Invalid || refusal.Fatal {
		t.Errorf("an answer for another offer is answered by %+v", refusal)
	}

	before := len(heard())
	poll(t, "Victor still hears Nora", func() bool { return len(heard()) > before+5 })
	all := heard()
	for i := 1; i < len(all); i++ {
		if all[i] != all[i-1]+1 {
			t.Fatalf("Victor misses something: %d comes after %d", all[i], all[i-1])
		}
	}
	poll(t, "Mallory is not on the roster", func() bool {
		return !slices.Contains(namesOf(victor.Roster()), "Mallory")
	})
}
