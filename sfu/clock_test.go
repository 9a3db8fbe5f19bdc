package sfu

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"github.com/parley/parley/sfu/sfutest"
)

// cast is a camera whose pictures come to a stage, by a clock of its own.
type cast struct {
	*stage
	l       *layer
	camera  sfutest.VP8
	reports []*rtcp.SenderReport
}

const (
	frameTime = time.Second / 30
	// uplink is how long a packet takes from the camera to the server.
	uplink = 20 * time.Millisecond
)

func newCast(t *testing.T) *cast {
	c := &cast{stage: newStage(t, webrtc.MimeTypeVP8), camera: sfutest.VP8{Seq: 100, Timestamp: 4_294_900_000}}
	c.l = c.layer('f')
	c.l.report.Store(&senderReport{timestamp: c.camera.Timestamp, at: c.now})
	return c
}

// film takes pictures for so long, and reports once a second. A keyframe begins it, which may take longer to come.
func (c *cast) film(length time.Duration, keyframe bool, late time.Duration) {
	c.t.Helper()
	for n := range int(length / frameTime) {
		for _, p := range c.camera.Frame(keyframe && n == 0, 1) {
			p.PayloadType = uint8(c.l.payload)
			raw, err := p.Marshal()
			if err != nil {
				c.t.Fatal(err)
			}
			if err := c.l.rtp.Unmarshal(raw); err != nil {
				c.t.Fatal(err)
			}
			if why := c.l.take(len(raw), c.now.Add(uplink+late), false); why != "" {
				c.t.Fatal("a packet is dropped: ", why)
			}
		}
		late = 0
		if c.now = c.now.Add(frameTime); n%30 == 29 {
			if report := c.seat.report(c.now); report != nil {
				c.reports = append(c.reports, report)
			}
		}
	}
}

// pause has the seat go without a picture, or get one again.
func (c *cast) pause(paused bool) {
	d := demand{seat: c.seat, source: c.pub, now: -1, chosen: -1, ladder: []rung{{layer: c.l, delivers: true}}}
	if !paused {
		d.chosen = 0
	}
	c.seat.aim(&d, c.now)
}

// wantOneClock: all that was reported, and all pictures but the hurried ones, lie on one line.
func (c *cast) wantOneClock() {
	c.t.Helper()
	const most = 5 * time.Millisecond
	first := c.reports[0]
	for i, r := range c.reports {
		passed := ntpTime(r.NTPTime).Sub(ntpTime(first.NTPTime))
		told := time.Duration(r.RTPTime-first.RTPTime) * time.Second / 90_000
		if off := (told - passed).Abs(); off > most {
			c.t.Errorf("report %d: %v after the first the stream is at %v", i, passed, told)
		}
	}
	last := c.sent[len(c.sent)-1]
	if now, _ := c.seat.clock(c.now); time.Duration(now-last.Timestamp)*time.Second/90_000-frameTime > most {
		c.t.Errorf("the last picture is at %d, taken 33 ms before %d", last.Timestamp, now)
	}
	for i := 1; i < len(c.sent); i++ {
		if a, b := c.sent[i-1], c.sent[i]; int32(b.Timestamp-a.Timestamp) <= 0 {
			c.t.Errorf("picture %d is at %d, the one before at %d", i, b.Timestamp, a.Timestamp)
		}
	}
}

// A browser reckons when a picture was taken from the reports of the last twenty seconds, and holds back the sound
// by as much as the picture seems late.
func TestThePictureKeepsItsClockOverAPause(t *testing.T) {
	t.Parallel()
	for name, back := range map[string]func(c *cast){
		"back with the pictures since the last keyframe": func(c *cast) {
			c.film(time.Second, true, 0)
			c.pause(false)
		},
		"back with a keyframe that took long": func(c *cast) {
			c.pause(false)
			c.film(time.Second, true, 300*time.Millisecond)
		},
		"back with the picture that was, which then stands still": func(c *cast) {
			c.pause(false)
			c.film(time.Second, true, 0)
			c.pause(true)
			c.pause(false)
			c.now, c.camera.Timestamp = c.now.Add(5*time.Second), c.camera.Timestamp+5*90_000
		},
		"moved to another seat and back": func(c *cast) {
			c.seat.sit(nil)
			c.film(20*time.Second, false, 0)
			c.seat.sit(c.pub)
			c.film(time.Second, true, 200*time.Millisecond)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCast(t)
			c.film(3*time.Second, true, 0)
			c.pause(true)
			c.film(60*time.Second, false, 0)
			if n := len(c.sent); n != 90 {
				t.Fatalf("%d pictures before and while paused, want 90", n)
			}
			back(c)
			c.film(3*time.Second, false, 0)
			if n := len(c.sent); n < 90+110 {
				t.Fatalf("%d pictures after the pause", n-90)
			}
			c.wantOneClock()
		})
	}
}
