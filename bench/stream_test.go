package bench

import (
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
)

// writer keeps what a stream sends.
type writer struct {
	packets []rtp.Packet
}

func (w *writer) Write(b []byte) (int, error) { return len(b), nil }

func (w *writer) WriteRTP(h *rtp.Header, payload []byte) (int, error) {
	w.packets = append(w.packets, *(&rtp.Packet{Header: *h, Payload: payload}).Clone())
	return len(payload), nil
}

// play sends for a time, without waiting for it.
func play(s *stream, length time.Duration) []rtp.Packet {
	w := &writer{}
	s.out.Store(&outlet{writer: w, payload: 96, ssrc: 7, levelID: 1})
	start := time.Unix(1_795_682_000, 0)
	for at := start; at.Before(start.Add(length)); at = s.step(at) {
	}
	return w.packets
}

func TestVideoIsVP8(t *testing.T) {
	t.Parallel()
	for _, kbps := range []int{20, 150, 300, 1500, 4000} {
		s := newVideo(3, kbps*1000, 30, 0.4, &window{})
		packets := play(s, 10*time.Second)
		bits, keyframes, picture := 0, 0, -1
		for i, p := range packets {
			var vp8 codecs.VP8Packet
			frame, err := vp8.Unmarshal(p.Payload)
			if err != nil {
				t.Fatal(err)
			}
			first := i == 0 || packets[i-1].Marker
			if first != (vp8.S == 1) || vp8.I != 1 {
				t.Fatalf("packet %d begins a picture: %v, says %d", i, first, vp8.S)
			}
			if first {
				if picture >= 0 && int(vp8.PictureID) != (picture+1)&0x7FFF {
					t.Fatalf("picture %d follows %d", vp8.PictureID, picture)
				}
				picture = int(vp8.PictureID)
				if frame[0]&1 == 0 {
					keyframes++
					if frame[3] != 0x9D || frame[4] != 1 || frame[5] != 0x2A {
						t.Fatalf("the keyframe begins with %x", frame[:10])
					}
				}
			} else if int(vp8.PictureID) != picture || p.Timestamp != packets[i-1].Timestamp {
				t.Fatalf("packet %d is of another picture than the one before", i)
			}
			if i > 0 && p.SequenceNumber != packets[i-1].SequenceNumber+1 {
				t.Fatalf("packet %d has a wrong number", i)
			}
			if st, _, ok := findStamp(p.Payload[:min(len(p.Payload), openBytes)], 0); !ok || st.publisher != 3 || int(st.seq) != i {
				t.Fatalf("packet %d: stamp %+v, %v", i, st, ok)
			}
			bits += 8 * (12 + len(p.Payload))
		}
		if got := bits / 10_000; got < kbps*95/100 || got > kbps*105/100 {
			t.Errorf("%d kbit/s became %d", kbps, got)
		}
		if keyframes != 5 {
			t.Errorf("%d keyframes in 10 s", keyframes)
		}
	}
}

func TestKeyframesComeWhenAskedFor(t *testing.T) {
	t.Parallel()
	s := newVideo(0, 150_000, 30, 0, &window{})
	start := time.Unix(1_795_682_000, 0)
	w := &writer{}
	s.out.Store(&outlet{writer: w})
	keyframes := 0
	for at, n := start, 0; n < 30; n++ { // a second
		s.askKeyframe()
		at = s.step(at)
		if s.keyframe {
			keyframes++
		}
	}
	if keyframes != 2 {
		t.Errorf("%d keyframes in a second of asking, want one every %v", keyframes, keyframePause)
	}
}

func TestAudioHasALevel(t *testing.T) {
	t.Parallel()
	packets := play(newAudio(2, 80, &window{}), time.Second)
	if len(packets) != 50 {
		t.Errorf("%d packets in a second", len(packets))
	}
	for i, p := range packets {
		var level rtp.AudioLevelExtension
		if err := level.Unmarshal(p.GetExtension(1)); err != nil || level.Level != 30 || !level.Voice {
			t.Fatalf("level %+v, %v", level, err)
		}
		if i > 0 && p.Timestamp-packets[i-1].Timestamp != 960 {
			t.Fatalf("packet %d is at %d", i, p.Timestamp)
		}
	}
}
