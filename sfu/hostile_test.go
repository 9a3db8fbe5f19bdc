package sfu_test

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"regexp"
	"testing"
	"time"

	"github.com/pion/stun/v4"

	"github.com/parley/parley"
	"github.com/parley/parley/sfu/sfutest"
)

// eavesdropper passes an answer on and keeps the ufrag in it.
type eavesdropper struct {
	to    sfutest.Offerer
	ufrag string
}

func (e *eavesdropper) Answer(ctx context.Context, offer string, sources map[string]parley.Source) (string, error) {
	answer, err := e.to.Answer(ctx, offer, sources)
	if m := regexp.MustCompile(`a=ice-ufrag:(\S+)`).FindStringSubmatch(answer); m != nil {
		e.ufrag = m[1]
	}
	return answer, err //nolint:wrapcheck // a test
}

// check makes a STUN binding request as ICE sends them, signed with a password that is wrong.
func check(username string) []byte {
	m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(username),
		stun.NewShortTermIntegrity("wrong"), stun.Fingerprint)
	if err != nil {
		panic(err) // of what is above
	}
	return m.Raw
}

// TestHostileDatagramsAreNoticedByNobody floods the media port with 10,000 packets a second while two
// people talk: checks for nobody and for one of them, handshakes cut short, packets of nobody, noise.
func TestHostileDatagramsAreNoticedByNobody(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	ann := h.join("ann", 1, talker())
	listening := &eavesdropper{}
	ben := h.join("ben", 2, talker())
	listening.to = ben.peer
	ben.Connect(listening, nil) // the same offer again tells the ufrag
	h.speak("both are heard", func() bool { return heard(ann, 2) > 5 && heard(ben, 1) > 5 }, 30, ann, ben)
	if listening.ufrag == "" {
		t.Fatal("no ufrag was heard of")
	}

	hello := make([]byte, 200) // a ClientHello that ends early
	copy(hello, []byte{22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0xF4})
	kinds := []func() []byte{
		func() []byte { return check("nobody:knows") },
		func() []byte { return check(listening.ufrag + ":me") },
		func() []byte { m := check(listening.ufrag + ":me"); return m[:20+rand.IntN(len(m)-20)] },
		func() []byte { return hello[:1+rand.IntN(len(hello)-1)] },
		func() []byte { // RTP and RTCP of nobody
			p := make([]byte, 12+rand.IntN(1200))
			p[0], p[1] = 0x80, byte(rand.Uint32())
			binary.BigEndian.PutUint32(p[8:], rand.Uint32())
			return p
		},
		func() []byte { // noise
			p := make([]byte, rand.IntN(1500))
			for i := range p {
				p[i] = byte(rand.Uint32())
			}
			return p
		},
	}
	stranger, err := net.Dial("udp", h.sfu.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stranger.Close() }()
	before, sent := heard(ben, 1), 0
	h.repeat("10,000 are sent", 10*time.Millisecond, func() bool { return sent >= 10_000 }, func(n int) {
		for range 100 {
			_, _ = stranger.Write(kinds[sent%len(kinds)]()) // an ICMP answer is none of its business
			sent++
		}
		if n%2 == 0 {
			for _, g := range []*guest{ann, ben} {
				p := g.opus.Next()
				g.SetLevel(parley.Microphone, p, 30)
				g.Send(parley.Microphone, p)
			}
		}
	})
	h.wait("everything that was said is heard", func() bool { return heard(ben, 1) >= before+50 })
	for _, g := range []*guest{ann, ben} {
		for _, mid := range g.Voices {
			wantContinuous(t, g.Received(mid))
		}
	}
	h.wait("both stay", func() bool { return h.sits("ben", "ann", parley.Audio) && h.sits("ann", "ben", parley.Audio) })
}
