package sfu

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

// mouth seals packets of a browser, for the sender that the server knows it as.
type mouth struct {
	t      testing.TB
	layer  *layer
	sender *sender
	sealer sealer
	states map[uint32]*sealing
	number uint16 // of transport-cc
}

// The ids of header extensions that a mouth uses.
const mouthMID, mouthTransport, mouthRepaired = 1, 5, 2

func newMouth(t testing.TB) *mouth {
	t.Helper()
	s := newStage(t, webrtc.MimeTypeVP8)
	p := s.pub.peer
	p.sender = newSender(p)
	keys := testKeys(t)
	p.sender.open(keys)
	for uri, id := range map[string]int{transportURI: mouthTransport, midURI: mouthMID, repairedRIDURI: mouthRepaired} {
		p.sender.learn(uri, id)
	}
	m := &mouth{t: t, layer: s.layer('f'), sender: p.sender, states: map[uint32]*sealing{}}
	m.layer.ssrc = 7
	m.sender.adopt(m.layer)
	var err error
	if m.sealer, err = newSealer(keys); err != nil {
		t.Fatal(err)
	}
	return m
}

// say seals packet seq of an SSRC. Its header has what is to be said of it besides a transport-cc number.
func (m *mouth) say(ssrc uint32, seq uint16, more map[uint8]string) []byte {
	m.t.Helper()
	m.number++
	b := []byte{0x90, 96, byte(seq >> 8), byte(seq), 0, 0, 0, 0, 0, 0, 0, 0, 0xBE, 0xDE, 0, 0}
	binary.BigEndian.PutUint32(b[8:], ssrc)
	b = append(b, mouthTransport<<4|1, byte(m.number>>8), byte(m.number))
	for id, value := range more {
		b = append(append(b, id<<4|byte(len(value)-1)), value...)
	}
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	binary.BigEndian.PutUint16(b[14:], uint16(len(b)/4-4))
	head := len(b)
	b = append(b, 0, 1, 0x90, 0xE0, 0x80, byte(seq), 1, 0, 1, 2, 3) // an RTX packet of it too
	if m.states[ssrc] == nil {
		m.states[ssrc] = &sealing{}
	}
	sealed := m.sealer.seal(m.states[ssrc], &scratch{}, append(make([]byte, 0, 128), b...), head)
	if sealed == nil {
		m.t.Fatal("not sealed")
	}
	return slices.Clone(sealed)
}

// take gives the sender a copy of a packet that came at at.
func (m *mouth) take(b []byte, at time.Time) bool {
	return m.sender.take(slices.Clone(b), origin{}, at)
}

// told is how many packets the browser would be told of.
func (m *mouth) told() int {
	m.sender.arrivals.mu.Lock()
	defer m.sender.arrivals.mu.Unlock()
	return m.sender.arrivals.held
}

// spoil makes a packet one that nobody sealed.
func spoil(b []byte) []byte {
	b = slices.Clone(b)
	b[len(b)-1] ^= 1
	return b
}

func TestARepeatedPacketSaysNothingOfWhoIsThere(t *testing.T) {
	t.Parallel()
	m, begun := newMouth(t), time.Now()
	packet := m.say(7, 100, nil)
	if !m.take(packet, begun) || m.sender.consent.silence(begun) != 0 {
		t.Fatal("a packet is not heard")
	}
	for second := range 10 {
		now := begun.Add(time.Duration(second) * time.Second)
		if m.take(packet, now); m.sender.consent.silence(now) != now.Sub(begun) {
			t.Fatalf("heard again after %d s", second)
		}
	}
	if told, count := m.told(), m.sender.rate.count; told != 1 || count != 1 {
		t.Errorf("told of %d packets, counts %d", told, count)
	}
}

// Packets that somebody else sends from the browser's address are not told to it, take nothing of what it may
// send, and make no stream.
func TestForgedPacketsCostTheirVictimNothing(t *testing.T) {
	t.Parallel()
	said := map[uint8]string{mouthMID: "0", mouthRepaired: "f"}
	for name, forge := range map[string]func(m *mouth, n int) []byte{
		"of a stream that flows": func(m *mouth, n int) []byte { return spoil(m.say(7, uint16(1000+n), nil)) },
		"of no stream":           func(m *mouth, n int) []byte { return spoil(m.say(uint32(1000+n), 1, nil)) },
		"of retransmissions":     func(m *mouth, n int) []byte { return spoil(m.say(uint32(1000+n), 1, said)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, now := newMouth(t), time.Unix(1e9, 0)
			if !m.take(m.say(7, 100, nil), now) {
				t.Fatal("a packet is not taken")
			}
			next, resent := m.say(7, 101, nil), m.say(8, 1, said)
			left := 0
			for n := range mostPackets + 10 {
				if !m.take(forge(m, n), now) {
					left++
				}
			}
			if told, streams := m.told(), len(*m.sender.streams.Load()); told != 1 || streams != 1 {
				t.Errorf("told of %d packets, has %d streams", told, streams)
			}
			if left > mostStrange {
				t.Errorf("%d are left to Pion", left)
			}
			if !m.take(next, now) || m.told() != 2 || m.sender.consent.silence(now) != 0 {
				t.Error("a genuine packet is not taken")
			}
			if !m.take(resent, now) || len(*m.sender.streams.Load()) != 2 {
				t.Error("genuine retransmissions are not taken")
			}
		})
	}
}

// The first packets of a stream are read by Pion, and its numbers may wrap meanwhile.
func TestAStreamIsTakenUpAfterItsNumbersHaveWrapped(t *testing.T) {
	t.Parallel()
	m, now := newMouth(t), time.Now()
	m.say(7, 65535, nil)
	for seq := range uint16(3) {
		if !m.take(m.say(7, seq, nil), now) {
			t.Errorf("packet %d is not taken", seq)
		}
	}
}

func TestAFloodOfGenuinePacketsIsDropped(t *testing.T) {
	t.Parallel()
	m, now := newMouth(t), time.Unix(1e9, 0)
	for n := range mostPackets + 100 {
		m.take(m.say(7, uint16(n), nil), now)
	}
	if number := m.layer.window.counter.newest; uint16(number) != mostPackets-1 {
		t.Errorf("the newest packet is %d, not %d", uint16(number), mostPackets-1)
	}
	if !m.take(m.say(7, mostPackets+100, nil), now.Add(time.Second)) || uint16(m.layer.window.counter.newest) != mostPackets+100 {
		t.Error("more are dropped a second later")
	}
}

// BenchmarkSender takes packets of one browser: of a stream that flows, and forged.
func BenchmarkSender(b *testing.B) {
	for name, packetOf := range map[string]func(m *mouth) []byte{
		"repeated":         func(m *mouth) []byte { return m.say(7, 100, nil) },
		"forged":           func(m *mouth) []byte { return spoil(m.say(7, 101, nil)) },
		"forged of nobody": func(m *mouth) []byte { return spoil(m.say(8, 1, nil)) },
	} {
		b.Run(name, func(b *testing.B) {
			m, now := newMouth(b), time.Unix(1e9, 0)
			m.take(m.say(7, 99, nil), now)
			packet := packetOf(m)
			into := slices.Clone(packet)
			b.ReportAllocs()
			for b.Loop() {
				copy(into, packet)
				m.sender.take(into, origin{}, now)
			}
		})
	}
}
