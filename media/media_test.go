package media_test

import (
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/parley/parley/media"
)

var zero = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func packet(seq uint16) *rtp.Packet { return &rtp.Packet{Header: rtp.Header{SequenceNumber: seq}} }

// drain pops everything that is ready; lost packets are zeros.
func drain(r *media.Reorder, now time.Time) []int {
	got := []int{}
	for {
		p, _, lost, ok := r.Pop(now)
		if !ok {
			return got
		}
		for range lost {
			got = append(got, -1)
		}
		got = append(got, int(p.SequenceNumber))
	}
}

func TestReorder(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		push []uint16
		now  time.Duration
		want []int
	}{
		"in order":                        {[]uint16{1, 2, 3}, 0, []int{1, 2, 3}},
		"swapped":                         {[]uint16{1, 3, 2, 4}, 0, []int{1, 2, 3, 4}},
		"duplicates are dropped":          {[]uint16{1, 1, 2, 2, 1}, 0, []int{1, 2}},
		"a missing one is waited for":     {[]uint16{1, 3}, 50 * time.Millisecond, []int{1}},
		"and given up":                    {[]uint16{1, 3, 4}, 150 * time.Millisecond, []int{1, -1, 3, 4}},
		"numbers wrap":                    {[]uint16{65534, 0, 65535, 1}, 0, []int{65534, 65535, 0, 1}},
		"a full window gives up":          {[]uint16{1, 3, 4, 5, 6, 7, 8, 9, 10}, 0, []int{-2}},
		"a sender that starts anew":       {[]uint16{1, 40000, 40001}, 0, []int{40000, 40001}},
		"a late one is dropped after all": {[]uint16{5, 4}, 0, []int{5}},
	} {
		r := media.NewReorder(8, 100*time.Millisecond)
		for _, seq := range c.push {
			r.Push(packet(seq), zero)
		}
		got := drain(r, zero.Add(c.now))
		if c.want[0] == -2 {
			if len(got) == 0 || got[len(got)-1] != 10 {
				t.Errorf("%s: got %v", name, got)
			}
			continue
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: got %v, want %v", name, got, c.want)
			}
		}
	}
	r := media.NewReorder(8, time.Hour)
	r.Push(packet(1), zero)
	r.Push(packet(3), zero)
	r.Flush()
	if got := drain(r, zero); len(got) != 3 {
		t.Errorf("flushed %v", got)
	}
}

// play runs a clock over 20 ms packets; arrival says when each arrives.
func play(c *media.Clock, from, n int, arrival func(i int) time.Duration) (last time.Duration) {
	for i := from; i < from+n; i++ {
		last = c.At(uint32(i*960), zero.Add(arrival(i)))
	}
	return last
}

func within(t *testing.T, what string, got, want, slack time.Duration) {
	t.Helper()
	if got < want-slack || got > want+slack {
		t.Errorf("%s: at %v, want %v", what, got, want)
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	frame := 20 * time.Millisecond
	at := func(i int) time.Duration { return time.Duration(i) * frame }

	c := media.NewClock(48000, zero)
	within(t, "first packet", play(c, 0, 1, func(int) time.Duration { return 3 * time.Second }), 3*time.Second, 0)

	c = media.NewClock(48000, zero)
	jitter := func(i int) time.Duration { return at(i) + time.Duration(i*7%5)*10*time.Millisecond }
	within(t, "jitter is smoothed", play(c, 0, 1000, jitter), 999*frame, 45*time.Millisecond)

	c = media.NewClock(48000, zero)
	play(c, 0, 100, at)
	stall := func(i int) time.Duration { return at(i) + 18*time.Second }
	within(t, "a stall with continuous RTP time is a gap", play(c, 100, 10, stall), 109*frame+18*time.Second, 40*time.Millisecond)

	c = media.NewClock(48000, zero)
	drift := func(i int) time.Duration { return at(i) + at(i)/10000 }
	n := 3600 * 50
	within(t, "100 ppm for an hour", play(c, 0, n, drift), drift(n-1), 40*time.Millisecond)
}

func TestKeyframes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		codec   string
		payload []byte
		want    bool
	}{
		"vp8 key":                  {"video/VP8", []byte{0x10, 0x00}, true},
		"vp8 delta":                {"video/VP8", []byte{0x10, 0x01}, false},
		"vp8 later partition":      {"video/VP8", []byte{0x11, 0x00}, false},
		"vp8 with extensions":      {"video/VP8", []byte{0x90, 0xE0, 0x81, 0x00, 0x01, 0x20, 0x00}, true},
		"vp8 truncated":            {"video/VP8", []byte{0x90, 0x80}, false},
		"h264 idr":                 {"video/H264", []byte{0x65, 0}, true},
		"h264 sps in an aggregate": {"video/H264", []byte{0x78, 0, 1, 0x67, 0, 1, 0x68}, true},
		"h264 first idr fragment":  {"video/H264", []byte{0x7C, 0x85}, true},
		"h264 later fragment":      {"video/H264", []byte{0x7C, 0x05}, false},
		"h264 slice":               {"video/H264", []byte{0x41, 0}, false},
		"vp9 key":                  {"video/VP9", []byte{0x08}, true},
		"vp9 predicted":            {"video/VP9", []byte{0x48}, false},
		"vp9 upper layer":          {"video/VP9", []byte{0x28, 0x02}, false},
		"av1 new sequence":         {"video/AV1", []byte{0x18}, true},
		"opus":                     {"audio/opus", []byte{0xF8}, true},
		"unknown":                  {"video/x", []byte{0}, false},
		"empty":                    {"video/VP8", nil, false},
	} {
		if got := media.IsKeyframe(c.codec, c.payload); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func FuzzIsKeyframe(f *testing.F) {
	f.Add("video/VP8", []byte{0x90, 0xE0, 0x81})
	f.Add("video/H264", []byte{0x78, 0, 9, 0x67})
	f.Fuzz(func(_ *testing.T, codec string, payload []byte) { media.IsKeyframe(codec, payload) })
}

func BenchmarkReorder(b *testing.B) {
	r := media.NewReorder(64, 100*time.Millisecond)
	packets := make([]*rtp.Packet, 65536)
	for i := range packets {
		packets[i] = packet(uint16(i))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.Push(packets[i%65536], zero)
		r.Pop(zero)
	}
}

func BenchmarkClock(b *testing.B) {
	c := media.NewClock(48000, zero)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c.At(uint32(i*960), zero.Add(time.Duration(i)*20*time.Millisecond))
	}
}
