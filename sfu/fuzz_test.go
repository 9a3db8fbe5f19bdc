package sfu

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
)

func FuzzParseOffer(f *testing.F) {
	f.Add("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=sendonly\r\na=rid:h send\r\n")
	f.Add("v=0\r\na=ice-lite\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=candidate:1 1 udp 1 192.0.2.7 4000 typ host\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, door := range doorsOf(text) {
			if !door.IsValid() || door.Port() == 0 {
				t.Errorf("no address: %v", door)
			}
		}
		lines, err := parseOffer(text)
		if err != nil {
			return
		}
		for _, l := range lines {
			if l.mid == "" || l.direction == "" {
				t.Errorf("a line without its name or direction: %+v", l)
			}
		}
	})
}

func FuzzParseVP8(f *testing.F) {
	f.Add([]byte{0x90, 0xE0, 0x80, 1, 2, 0, 1})
	f.Fuzz(func(_ *testing.T, payload []byte) {
		if d, _, ok := parseVP8(payload); ok {
			_ = d.put(nil, payload, 5, 6)
			_ = vp8Size(payload[d.length:])
		}
	})
}

func FuzzParseVP9(f *testing.F) {
	f.Add([]byte{0xA8, 0x80, 1, 0x12, 7, 1})
	f.Fuzz(func(_ *testing.T, payload []byte) {
		if d, _, ok := parseVP9(payload); ok {
			_ = d.put(nil, payload, 5, 6)
		}
	})
}

func FuzzParseRED(f *testing.F) {
	f.Add([]byte{0xEF, 0x0F, 0x00, 0x02, 0x6F, 1, 2, 3})
	f.Fuzz(func(t *testing.T, payload []byte) {
		var into [mostBlocks + 1]redBlock
		blocks, ok := parseRED(payload, into[:0])
		size := 0
		for _, b := range blocks {
			size += len(b.payload)
		}
		if ok && (len(blocks) == 0 || size >= len(payload)) {
			t.Errorf("%d blocks of %d bytes out of %d", len(blocks), size, len(payload))
		}
	})
}

func FuzzParseDependency(f *testing.F) {
	f.Add([]byte{0x80, 0, 1, 0x80, 0, 0x11, 0x80}, []byte{0x80, 0, 2})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		_, known, _ := parseDependency(first, nil)
		if _, now, ok := parseDependency(second, known); ok && (now == nil || len(now.templates) > maxTemplates) {
			t.Error("a structure that cannot be")
		}
	})
}

// FuzzFeedback holds what is read of transport-cc feedback to another implementation.
func FuzzFeedback(f *testing.F) {
	f.Add([]byte{0xAF, 0xCD, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 0, 1, 0, 0, 1, 0, 0x20, 1, 4, 0})
	f.Add([]byte{0x8F, 0xCD, 0, 6, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 0, 3, 0, 0, 1, 0, 0xD9, 0, 4, 0xFF, 0xF0, 8, 0, 0})
	f.Add([]byte{0x8F, 0xCD, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 0, 3, 0, 0, 1, 0, 0xA8, 0, 4, 8})
	f.Fuzz(func(t *testing.T, b []byte) {
		var log sentLog
		for range 100 {
			log.next(1200, 1)
		}
		log.reference = 1 << 25 // as after some feedback: times are told apart by their lowest 24 bits alone
		acks := log.acks(b, nil)
		if len(acks) > mostAcks {
			t.Fatal("more than can be remembered:", len(acks))
		}
		var report rtcp.TransportLayerCC
		if report.Unmarshal(b) != nil {
			return
		}
		var b2 bandwidth
		b2.feedback(&log, b, time.Now())
		if want := arrivalsOf(&report); len(want) == int(report.PacketStatusCount) {
			for _, a := range acks {
				at := want[a.number-report.BaseSequenceNumber]
				if (at == -1) != (a.arrived == -1) || (a.arrived-at)%(referenceUnit<<24) != 0 {
					t.Fatalf("packet %d came at %d, another implementation says %d", a.number, a.arrived, at)
				}
			}
		}
	})
}

// arrivalsOf lists when each packet of a report came, -1 for not.
func arrivalsOf(p *rtcp.TransportLayerCC) (arrivals []int64) {
	at, deltas := int64(p.ReferenceTime)*referenceUnit, p.RecvDeltas
	take := func(symbol uint16) {
		switch {
		case len(arrivals) == int(p.PacketStatusCount):
		case symbol != rtcp.TypeTCCPacketReceivedSmallDelta && symbol != rtcp.TypeTCCPacketReceivedLargeDelta:
			arrivals = append(arrivals, -1)
		case len(deltas) > 0:
			at += deltas[0].Delta
			arrivals, deltas = append(arrivals, at), deltas[1:]
		}
	}
	for _, chunk := range p.PacketChunks {
		switch c := chunk.(type) {
		case *rtcp.RunLengthChunk:
			for range c.RunLength {
				take(c.PacketStatusSymbol)
			}
		case *rtcp.StatusVectorChunk:
			for _, symbol := range c.SymbolList {
				take(symbol)
			}
		}
	}
	return arrivals
}
