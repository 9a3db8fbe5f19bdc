package sfu

import (
	"testing"

	"github.com/pion/srtp/v3"

	"github.com/parley/parley/sfu/sfutest"
)

// TestOurOwnPathIsTaken holds the SFU to sealing by itself: were the keys not found, everything would
// still work, at three times the price.
func TestOurOwnPathIsTaken(t *testing.T) {
	t.Parallel()
	for name, browse := range map[string]func(testing.TB, sfutest.Lines) *sfutest.Browser{
		"udp": sfutest.New, "tcp": sfutest.NewTCP,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			peer := connectedPeer(t, browse)
			chosen := peer.path.Load()
			if chosen == nil || !chosen.own {
				t.Fatal("packets go the way of Pion")
			}
			if chosen.sealer.keys.profile != srtp.ProtectionProfileAeadAes128Gcm {
				t.Errorf("sealed with profile %v", chosen.sealer.keys.profile)
			}
			if (peer.destination.Load().tcp != nil) != (name == "tcp") {
				t.Error("packets are sent elsewhere")
			}
			if _, _, err := peer.keys.take(); err == nil {
				t.Error("the master secret is still there")
			}
		})
	}
}

// TestTheKernelCutsRuns gathers packets of one size to one place: they are one message, and a shorter
// one ends it.
func TestTheKernelCutsRuns(t *testing.T) {
	t.Parallel()
	b := batch{egress: &egress{}}
	to, other := &destination{}, &destination{}
	for _, c := range []struct {
		to   *destination
		size int
	}{{to, 1200}, {to, 1200}, {to, 700}, {to, 1200}, {other, 1200}, {other, 1300}} {
		b.room(c.size)
		b.add(c.to, c.size)
	}
	var got [][2]int
	for _, m := range b.messages[:b.count] {
		got = append(got, [2]int{m.segments, m.end - m.start})
	}
	want := [][2]int{{3, 3100}, {1, 1200}, {1, 1200}, {1, 1300}}
	if len(got) != len(want) {
		t.Fatalf("messages %v, want %v", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("message %d is %v, want %v", i, got[i], want[i])
		}
	}
}
