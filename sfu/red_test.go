package sfu

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/parley/parley"
)

// redOf is a packet that carries payloads, the newest last, 20 ms apart.
func redOf(payloads ...string) []byte {
	var b []byte
	for i, p := range payloads[:len(payloads)-1] {
		behind := uint32(960 * (len(payloads) - 1 - i))
		b = binary.BigEndian.AppendUint32(b, 1<<31|111<<24|behind<<10|uint32(len(p)))
	}
	b = append(b, 111)
	for _, p := range payloads {
		b = append(b, p...)
	}
	return b
}

// keeper is a tap that keeps what it hears.
type keeper struct{ heard map[uint16]string }

func (k keeper) Write(p *rtp.Packet, _ time.Time) { k.heard[p.SequenceNumber] = string(p.Payload) }
func (keeper) Close()                             {}

func TestWhatWasLostIsTakenFromWhatRepeatsIt(t *testing.T) {
	t.Parallel()
	s := newStage(t, webrtc.MimeTypeOpus)
	s.pub.source = parley.Microphone
	s.pub.loudness = &loudness{}
	kept := keeper{map[uint16]string{}}
	s.pub.joined.taps = []Tap{kept}
	l := &layer{pub: s.pub, payload: 111, redPayload: 63}
	for _, p := range []struct {
		seq     uint16
		payload []byte
	}{
		{10, redOf("", "ten")}, {11, redOf("ten", "eleven")}, // 12 and 13 are lost
		{14, redOf("twelve", "thirteen", "fourteen")}, {13, redOf("thirteen")}, {15, redOf("fourteen", "fifteen")},
	} {
		l.rtp = rtp.Packet{
			Header:  rtp.Header{Version: 2, PayloadType: 63, SequenceNumber: p.seq, Timestamp: uint32(p.seq) * 960},
			Payload: p.payload,
		}
		_ = l.take(len(p.payload), s.now, false)
	}
	want := map[uint16]string{10: "ten", 11: "eleven", 12: "twelve", 13: "thirteen", 14: "fourteen", 15: "fifteen"}
	for seq, text := range want {
		if kept.heard[seq] != text {
			t.Errorf("packet %d is %q", seq, kept.heard[seq])
		}
	}
	if _, ok := parseRED([]byte{0x80 | 111, 0, 0, 9, 111, 1}, nil); ok {
		t.Error("a block longer than the packet is taken")
	}
	if blocks, ok := parseRED(redOf("a", "bc"), nil); !ok || !slices.Equal(blocks[0].payload, []byte("a")) || blocks[0].behind != 960 {
		t.Errorf("read as %v", blocks)
	}
}
