package bench

import (
	"bytes"
	"testing"
)

func TestStamp(t *testing.T) {
	t.Parallel()
	want := stamp{publisher: 65_535, kind: video, seq: 1<<32 - 2, sent: 1_795_682_000_123_456_789}
	payload := bytes.Repeat([]byte{0x70, 0x42, 0xE7}, 20) // the beginning of the magic, again and again
	for _, at := range []int{0, 4, 16, len(payload) - stampSize} {
		b := bytes.Clone(payload)
		want.put(b[at:])
		for _, hint := range []int{at, 0, -1, 7, len(b)} {
			if got, found, ok := findStamp(b, hint); !ok || got != want || found != at {
				t.Errorf("at %d with hint %d: got %+v at %d, %v", at, hint, got, found, ok)
			}
		}
		b[at+13] ^= 1
		if _, _, ok := findStamp(b, at); ok {
			t.Errorf("at %d: a damaged stamp was taken", at)
		}
		if _, _, ok := findStamp(b[:at+stampSize-1], at); ok {
			t.Errorf("at %d: half a stamp was taken", at)
		}
	}
}

func FuzzFindStamp(f *testing.F) {
	b := make([]byte, 64)
	stamp{publisher: 3, kind: audio, seq: 9, sent: 1}.put(b[5:])
	f.Add(b, 5)
	f.Add([]byte{0x70, 0x42, 0xE7, 0x31}, 0)
	f.Fuzz(func(t *testing.T, b []byte, hint int) {
		s, at, ok := findStamp(b, hint)
		if !ok {
			return
		}
		again := make([]byte, stampSize)
		s.put(again)
		if !bytes.Equal(again, b[at:at+stampSize]) {
			t.Errorf("%x was read as %+v, which is %x", b[at:at+stampSize], s, again)
		}
	})
}
