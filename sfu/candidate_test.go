package sfu_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/sfu"
	"github.com/parley/parley/sfu/sfutest"
)

// withoutCandidates takes the candidates out of an offer: its browser is behind address translation, or names
// itself by mDNS.
func withoutCandidates(offer string) (rest string, candidates []string) {
	var kept strings.Builder
	for line := range strings.Lines(offer) {
		if strings.HasPrefix(line, "a=candidate:") {
			candidates = append(candidates, strings.TrimSpace(line))
		} else {
			kept.WriteString(line)
		}
	}
	return kept.String(), candidates
}

// claiming is an offer with these candidates only, of an ICE-lite agent if lite.
func claiming(offer string, lite bool, candidates ...string) string {
	offer, _ = withoutCandidates(offer)
	if lite {
		offer = strings.Replace(offer, "t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n", 1)
	}
	return strings.ReplaceAll(offer, "a=ice-ufrag:", strings.Join(candidates, "\r\n")+"\r\na=ice-ufrag:")
}

// claim joins somebody who claims to be at the addresses of these candidates, and does not come.
func (h *hall) claim(lite bool, candidates ...string) *sfu.Peer {
	h.t.Helper()
	peer, err := h.room.Join(sfu.PeerConfig{Participant: "mallory", Number: 66, Publish: true})
	if err != nil {
		h.t.Fatal(err)
	}
	offer, sources := sfutest.New(h.t, talker()).Offer(nil)
	if _, err := peer.Answer(h.t.Context(), claiming(offer, lite, candidates...), sources); err != nil {
		h.t.Fatal(err)
	}
	return peer
}

// What comes from an address is that of whoever has it, even if somebody claimed it before.
func TestAnAddressBelongsToWhoeverComesFromIt(t *testing.T) {
	t.Parallel()
	for name, lite := range map[string]bool{"claimed": false, "claimed by a lite agent": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := openHall(t)
			ann := &guest{Browser: sfutest.New(t, talker()), id: "ann"}
			offer, sources := ann.Offer(nil)
			_, candidates := withoutCandidates(offer)
			h.claim(lite, candidates...)
			ben := h.join("ben", 2, talker()) // meanwhile the server could have gone by what was claimed
			var err error
			if ann.peer, err = h.room.Join(sfu.PeerConfig{Participant: "ann", Number: 1, Publish: true}); err != nil {
				t.Fatal(err)
			}
			answer, err := ann.peer.Answer(t.Context(), offer, sources)
			if err != nil {
				t.Fatal(err)
			}
			ann.Accept(answer)
			h.speak("both are heard", func() bool { return heard(ann, 2) > 5 && heard(ben, 1) > 5 }, 30, ann, ben)
		})
	}
}

// An offer does not make the server send to strangers. A lite agent has to be asked: four addresses at most, five
// times at most.
func TestStrangersAreSentNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lite, trickled bool
		most           int
	}{"offered": {}, "trickled": {trickled: true}, "offered by a lite agent": {lite: true, most: 20}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := openHall(t)
			stranger, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4zero})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = stranger.Close() }()
			address, _ := stranger.LocalAddr().(*net.UDPAddr)
			var candidates []string
			for n := range 100 {
				candidates = append(candidates,
					fmt.Sprintf("a=candidate:%d 1 udp 2130706431 127.1.0.%d %d typ host", n, n+1, address.Port))
			}
			if c.trickled {
				peer := h.claim(false)
				for _, candidate := range candidates {
					if err := peer.AddCandidateText(strings.TrimPrefix(candidate, "a="), nil, nil); err != nil {
						t.Fatal(err)
					}
				}
			} else {
				h.claim(c.lite, candidates...)
			}
			h.join("ben", 2, talker()) // meanwhile the server could have gone by what was claimed
			last, err := net.Dial("udp4", fmt.Sprintf("127.0.0.1:%d", address.Port))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = last.Close() }()
			if _, err := last.Write([]byte("last")); err != nil {
				t.Fatal(err)
			}
			_ = stranger.SetReadDeadline(time.Now().Add(patience))
			b, came := make([]byte, 1500), 0
			for {
				n, err := stranger.Read(b)
				if err != nil {
					t.Fatal(err)
				}
				if string(b[:n]) == "last" {
					break
				}
				came++
			}
			if came > c.most || c.lite && came == 0 {
				t.Errorf("%d packets are sent to strangers", came)
			}
		})
	}
}

// An ICE-lite agent makes no checks: the server finds out where it is.
func TestALiteAgentIsFound(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	ann := h.join("ann", 1, talker())
	peer, err := h.room.Join(sfu.PeerConfig{Participant: "ben", Number: 2, Publish: true})
	if err != nil {
		t.Fatal(err)
	}
	ben := &guest{Browser: sfutest.NewLite(t, talker()), id: "ben", peer: peer}
	ben.Connect(peer, nil)
	h.speak("both are heard", func() bool { return heard(ann, 2) > 5 && heard(ben, 1) > 5 }, 30, ann, ben)
}

func TestWhatIsNoCandidateIsRefused(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	peer, err := h.room.Join(sfu.PeerConfig{Participant: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	offer, sources := sfutest.New(t, talker()).Offer(nil)
	good := "candidate:1 1 udp 2130706431 192.0.2.7 4000 typ host"
	if err := peer.AddCandidateText(good, nil, nil); !errors.Is(err, parley.Invalid) {
		t.Error("before the first offer:", err)
	}
	if _, err := peer.Answer(t.Context(), claiming(offer, false, "a=candidate:nonsense"), sources); !errors.Is(err, parley.Invalid) {
		t.Error("in an offer:", err)
	}
	if _, err := peer.Answer(t.Context(), offer, sources); err != nil {
		t.Fatal("a refusal changed something:", err)
	}
	for text, want := range map[string]bool{
		good: true, good + " ufrag they": true, "": true, "candidate:": true,
		"candidate:1 1 udp 2130706431 0b1c.local 4000 typ host":            true,
		"candidate:1 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active": true,
		"candidate:1 1 udp 2130706431 192.0.2.7 4000 typ unheard-of":       true,
		"nonsense": false, "candidate:1 1 udp": false, "candidate:1 1 udp x 192.0.2.7 4000 typ host": false,
	} {
		if err := peer.AddCandidateText(text, nil, nil); (err == nil) != want || err != nil && !errors.Is(err, parley.Invalid) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
