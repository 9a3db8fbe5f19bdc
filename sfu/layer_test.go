package sfu_test

import (
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/parley/parley"
	"github.com/parley/parley/sfu"
	"github.com/parley/parley/sfu/sfutest"
)

// cameras is a scripted browser's camera with three encodings, each a stream of its own.
type cameras map[string]*sfutest.VP8

func newCameras() cameras {
	return cameras{
		"f": {Seq: 100, Timestamp: 5_000_000, Picture: 10},
		"h": {Seq: 40_000, Timestamp: 100, Picture: 9_000},
		"q": {Seq: 65_500, Timestamp: 4_294_000_000, Picture: 32_700},
	}
}

// widths tell the encodings apart where they arrive: the scripted pictures have so many packets.
var widths = map[string]int{"f": 5, "h": 3, "q": 1}

// film sends a frame of each of these encodings every 33 ms, keyframes now and then, until ok.
func (h *hall) film(what string, ok func() bool, g *guest, c cameras, rids ...string) {
	h.t.Helper()
	h.repeat(what, 33*time.Millisecond, ok, func(n int) {
		for _, rid := range rids {
			for _, p := range c[rid].Frame(n%8 == 0, widths[rid]) {
				g.SendLayer(rid, p)
			}
		}
	})
}

// lastFrames are the packet counts of the newest frames in a seat, the last, unfinished one left out.
func lastFrames(packets []rtp.Packet, n int) []int {
	var frames []int
	for i, p := range packets {
		if i == 0 || p.Timestamp != packets[i-1].Timestamp {
			frames = append(frames, 0)
		}
		frames[len(frames)-1]++
	}
	if len(frames) <= n {
		return nil
	}
	return frames[len(frames)-1-n : len(frames)-1]
}

// shows reports whether the newest pictures in a seat are of one encoding.
func shows(g *guest, rid string) bool {
	frames := lastFrames(g.Received(g.Videos[0]), 3)
	return len(frames) == 3 && !slices.ContainsFunc(frames, func(n int) bool { return n != widths[rid] })
}

func TestASeatGetsTheEncodingThatFitsItsSize(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	lines := talker()
	lines.Encodings = []string{"f", "h", "q"}
	kept := &tap{}
	ann, ben := h.join("ann", 1, lines, kept), h.join("ben", 2, talker())
	c := newCameras()
	all := []string{"f", "h", "q"}
	h.film("ann publishes", func() bool { return h.track("ann", parley.Camera).ID != "" }, ann, c, all...)
	for _, step := range []struct {
		height int
		rid    string
	}{{180, "q"}, {720, "f"}, {360, "h"}, {1080, "f"}, {90, "q"}} {
		err := ben.peer.Seat([]sfu.SeatRequest{{
			MID: ben.Videos[0], Track: h.track("ann", parley.Camera).ID, Width: step.height * 16 / 9, Height: step.height,
		}})
		if err != nil {
			t.Fatal(err)
		}
		h.film("encoding "+step.rid+" is shown", func() bool { return shows(ben, step.rid) }, ann, c, all...)
	}
	wantOneStream(t, ben.Received(ben.Videos[0]))
	if n, _ := kept.count(); n < 50 {
		t.Errorf("the tap has %d packets", n)
	}
}

// wantOneStream: no hole in any of the numbers that a decoder follows, and time that goes forward. Where one
// encoding follows another their packets may cross on the way: they are put in order first, as a browser does.
func wantOneStream(t *testing.T, packets []rtp.Packet) {
	t.Helper()
	slices.SortStableFunc(packets, func(a, b rtp.Packet) int { return int(int16(a.SequenceNumber - b.SequenceNumber)) })
	wantContinuous(t, packets)
	for i := 1; i < len(packets); i++ {
		a, b := packets[i-1], packets[i]
		if step := (pictureID(b) - pictureID(a)) & 0x7FFF; step > 1 || (step == 0) != (a.Timestamp == b.Timestamp) {
			t.Errorf("picture %d at %d follows %d at %d", pictureID(b), b.Timestamp, pictureID(a), a.Timestamp)
		}
		if ahead := int32(b.Timestamp - a.Timestamp); ahead < 0 || ahead > int32(patience.Seconds()*90_000) {
			t.Errorf("packet %d is %d ticks after the one before", i, ahead)
		}
	}
}

func TestAnEncodingThatFallsSilentIsReplaced(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	lines := talker()
	lines.Encodings = []string{"f", "h", "q"}
	ann, ben := h.join("ann", 1, lines), h.join("ben", 2, talker())
	c := newCameras()
	h.film("ann publishes", func() bool { return h.track("ann", parley.Camera).ID != "" }, ann, c, "f", "h", "q")
	if err := ben.peer.Seat([]sfu.SeatRequest{{MID: ben.Videos[0], Track: h.track("ann", parley.Camera).ID}}); err != nil {
		t.Fatal(err)
	}
	h.film("the largest is shown", func() bool { return shows(ben, "f") }, ann, c, "f", "h", "q")
	h.film("the next is shown", func() bool { return shows(ben, "h") }, ann, c, "h", "q")
	h.film("the largest is back", func() bool { return shows(ben, "f") }, ann, c, "f", "h", "q")
	wantOneStream(t, ben.Received(ben.Videos[0]))
}

func TestEncodingsThatNobodyWatchesAreNotWanted(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	lines := talker()
	lines.Encodings = []string{"f", "h", "q"}
	ann, ben := h.join("ann", 1, lines), h.join("ben", 2, talker())
	c := newCameras()
	wanted := func(want ...string) func() bool {
		return func() bool {
			h.mu.Lock()
			defer h.mu.Unlock()
			got, told := h.wanted["ann"]
			return told && slices.Equal(got, want)
		}
	}
	h.film("nobody watches", wanted(), ann, c, "f", "h", "q")
	err := ben.peer.Seat([]sfu.SeatRequest{{MID: ben.Videos[0], Track: h.track("ann", parley.Camera).ID, Width: 320, Height: 180}})
	if err != nil {
		t.Fatal(err)
	}
	h.film("a small one is wanted", wanted("q"), ann, c)
	h.film("and shown", func() bool { return shows(ben, "q") }, ann, c, "q")
	if err := ben.peer.Seat([]sfu.SeatRequest{{MID: ben.Videos[0]}}); err != nil {
		t.Fatal(err)
	}
	h.film("nobody watches any more", wanted(), ann, c, "q")
}

func TestAJoinerSeesThePictureSinceTheLastKeyframe(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	ann, ben := h.join("ann", 1, talker()), h.join("ben", 2, talker())
	h.show("ann publishes", func() bool { return h.track("ann", parley.Camera).ID != "" }, ann)
	for n := range 10 {
		for _, p := range ann.vp8.Frame(n == 0, 2) {
			ann.Send(parley.Camera, p)
		}
		time.Sleep(5 * time.Millisecond)
	}
	// From here on ann sends no keyframe, and not even a packet.
	if err := ben.peer.Seat([]sfu.SeatRequest{{MID: ben.Videos[0], Track: h.track("ann", parley.Camera).ID}}); err != nil {
		t.Fatal(err)
	}
	h.wait("ben sees the pictures that were", func() bool { return len(ben.Received(ben.Videos[0])) >= 20 })
	h.repeat("and those that follow", 33*time.Millisecond, func() bool { return len(ben.Received(ben.Videos[0])) > 30 }, func(int) {
		for _, p := range ann.vp8.Frame(false, 2) {
			ann.Send(parley.Camera, p)
		}
	})
	wantOneStream(t, ben.Received(ben.Videos[0]))
}
