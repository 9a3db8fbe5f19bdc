package sfu

import (
	"testing"
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
		if d, ok := parseVP8(payload); ok && d.size > 0 {
			_ = d.put(nil, payload, 5, 6)
		}
	})
}
