package sfu

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
)

func FuzzParseOffer(f *testing.F) {
	f.Add("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=sendonly\r\na=rid:h send\r\n")
	f.Fuzz(func(t *testing.T, text string) {
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

func FuzzFeedback(f *testing.F) {
	f.Add([]byte{0xAF, 0xCD, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 0, 1, 0, 0, 1, 0, 0x20, 1, 4, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var report rtcp.TransportLayerCC
		if report.Unmarshal(b) != nil {
			return
		}
		var log sentLog
		for range 100 {
			log.next(1200, 1)
		}
		if acks := log.acks(&report, nil); len(acks) > mostAcks {
			t.Error("more than can be remembered:", len(acks))
		}
		var b2 bandwidth
		b2.feedback(&log, &report, time.Now())
	})
}
