package sfu

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// call is somebody who hears a voice and sees a camera over a simulated way, with what decides about it.
type call struct {
	way
	demand  demand
	setback setback
	forgets bool // it has no memory of what failed

	owedBytes float64 // of the picture, in bytes
	key       int64   // when the keyframe of a new encoding comes
	padding   []int64 // when packets of a probe leave
	lates     []int64 // how long each packet of the voice has taken, microseconds
	starts    int     // of pictures, and rises to another encoding
	shown     int64   // for how long, microseconds
}

func newCall(rate float64, queue time.Duration) *call {
	c := &call{way: way{rate: rate, most: queue.Microseconds(), clock: 1e9}}
	c.demand = demand{ladder: ladderOf(120_000, 450_000, 1_300_000), shown: shown{1280, 720, 1}, now: -1}
	return c
}

// run lets so long pass. A voice has a packet every 20 ms, a picture 15 frames a second; decisions are made
// every 250 ms.
func (c *call) run(length time.Duration) {
	const step = 4_000
	for end := c.clock + length.Microseconds(); c.clock < end; c.clock += step {
		if c.clock%20_000 == 0 {
			c.packet(130)
			if last := c.owed[len(c.owed)-1]; last.arrived >= 0 {
				c.lates = append(c.lates, last.arrived-c.clock)
			}
		}
		if c.clock%68_000 == 0 {
			c.film()
		}
		for len(c.padding) > 0 && c.padding[0] <= c.clock {
			if c.packet(paddingBits / 8); len(c.padding) == 1 {
				c.b.probe.to = c.log.newest()
			}
			c.padding = c.padding[1:]
		}
		c.tell()
		if c.clock%248_000 == 0 {
			c.decide()
		}
		if c.demand.now >= 0 {
			c.shown += step
		}
	}
}

// film sends one frame of the picture.
func (c *call) film() {
	d := &c.demand
	if d.chosen != d.now && (d.chosen < 0 || c.clock >= c.key) {
		if d.chosen > d.now {
			c.starts++
		}
		if d.now = d.chosen; d.now >= 0 {
			c.owedBytes += float64(d.ladder[d.now].rate) / 8 / 2 // a keyframe is half a second of it
		}
	}
	if d.now < 0 {
		c.owedBytes = 0
		return
	}
	for c.owedBytes += float64(d.ladder[d.now].rate) / 8 * 0.068; c.owedBytes > 0; c.owedBytes -= 1100 {
		c.packet(min(1100, int(c.owedBytes)+40))
	}
}

// decide is what Peer.allot does.
func (c *call) decide() {
	now, d := time.UnixMicro(c.clock), []demand{c.demand}
	budget, _ := c.b.budget(now)
	if c.forgets {
		c.setback = setback{}
	}
	target := c.setback.share(d, budget, voiceRate, now)
	if d[0].chosen != c.demand.chosen && d[0].chosen != d[0].now {
		c.key = c.clock + 100_000
	}
	c.demand = d[0]
	if target > 0 && c.b.probe.due(now) && !c.b.wait.long() {
		from := c.log.newest() + 1
		c.b.probe.start(from, from+openEnd, target, now)
		n := max(leastProbe, int(target*probeLength.Seconds()/paddingBits))
		for i := range n {
			c.padding = append(c.padding, c.clock+int64(float64(i)*paddingBits/target*1e6))
		}
	}
}

// decisions are made for a camera of 150, 450 and 1,300 kbit/s, one a second, with no voice.
type decisions struct {
	setback
	now    time.Time
	camera demand
}

func newDecisions() *decisions {
	return &decisions{now: time.Unix(1e9, 0), camera: camera(720, 1)}
}

// with is what is shown after so many more seconds with this budget.
func (d *decisions) with(budget float64, seconds int) int {
	for range seconds {
		d.now = d.now.Add(time.Second)
		demands := []demand{d.camera}
		d.share(demands, budget, 0, d.now)
		d.camera.now = demands[0].chosen
	}
	return d.camera.now
}

// fail has an upgrade to 450 kbit/s fail, and tells after how many seconds it is tried again.
func (d *decisions) fail() (seconds int) {
	d.with(600e3, 1)
	for d.with(300e3, 2); d.with(600e3, 1) < 1; seconds++ {
	}
	return seconds
}

func TestWhatFailedIsTriedLessAndLess(t *testing.T) {
	t.Parallel()
	d := newDecisions()
	d.with(300e3, 60)
	before := 0
	for range 6 {
		waits := d.fail()
		if waits < min(2*before, 55) || waits > 60 {
			t.Errorf("tried again after %d s, and then after %d", before, waits)
		}
		before = waits
	}
	if d.with(600e3, 150); d.pause != 0 {
		t.Error("what has stood for minutes is not forgotten: it would wait for", d.pause)
	}
	if waits := d.fail(); waits > 6 {
		t.Errorf("after minutes it fails for the first time, and is tried again after %d s", waits)
	}
}

func TestWhatFailedIsTriedAtOnceWhereTheWayIsClearlyBetter(t *testing.T) {
	t.Parallel()
	d := newDecisions()
	for d.with(300e3, 10); d.pause < longestSetback; {
		d.fail()
		d.with(300e3, 1)
	}
	if got := d.with(850e3, 1); got != 0 {
		t.Error("rung", got, "is shown by an estimate a little better than the one that was wrong")
	}
	if got := d.with(950e3, 1); got != 1 {
		t.Error("rung", got, "is shown where there is clearly more")
	}
	d.with(300e3, 1)
	if got := d.with(950e3, 1); got != 0 {
		t.Error("rung", got, "is shown by an estimate that was wrong")
	}
}

func TestWhatIsLessThanFailedIsTriedAtOnce(t *testing.T) {
	t.Parallel()
	d := newDecisions()
	d.with(300e3, 10)
	d.fail()
	d.with(100e3, 1) // 150 kbit/s are not there
	if got := d.with(600e3, 1); got != 0 {
		t.Error("rung", got, "is shown after a larger one has failed")
	}
	// Somebody else begins: two least pictures are less than what failed.
	demands := []demand{d.camera, camera(180, 0)}
	if d.share(demands, 600e3, 0, d.now); demands[1].chosen != 0 {
		t.Error("who comes has no picture")
	}
}

func TestWhatIsGivenUpForAnotherReasonHasNotFailed(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(d *decisions){
		"it is shown smaller": func(d *decisions) {
			d.camera.shown = shown{320, 180, 1}
			d.with(600e3, 1)
		},
		"somebody more important begins": func(d *decisions) {
			demands := []demand{d.camera, camera(720, 2)}
			d.share(demands, 600e3, 0, d.now)
			d.camera.now = demands[0].chosen
		},
		"long after the upgrade the way gets worse": func(d *decisions) {
			d.with(600e3, 31)
			d.with(300e3, 1)
		},
		"it is as it was": func(*decisions) {},
	} {
		d := newDecisions()
		d.with(300e3, 10)
		d.with(600e3, 3)
		if change(d); d.rate != 0 {
			t.Errorf("%s: taken for a failure at %.0f bit/s", name, d.rate)
		}
	}
	// Pictures that grow are what the way does not take, as much as an estimate that falls.
	d := newDecisions()
	d.with(300e3, 10)
	d.with(600e3, 3)
	d.camera.ladder[1].rate = 650e3
	if d.with(600e3, 1); d.rate != 650e3 {
		t.Errorf("a picture that has grown too large has failed at %.0f bit/s", d.rate)
	}
	d.camera.ladder[1].rate = 500e3
	if got := d.with(600e3, 1); got != 0 {
		t.Error("rung", got, "is shown at once when it has become a little less")
	}
	d = newDecisions()
	d.with(math.Inf(1), 3)
	if d.with(300e3, 1); d.rate != 0 {
		t.Error("nothing was known of the way, and a picture that it does not take is a failure")
	}
}

// ways are thin ones, with a deep queue or a short one; with a bucket of tokens, as many routers have, probes pass
// at any rate.
func ways(each func(name string, rate float64, queue, burst time.Duration)) {
	for _, rate := range []float64{110e3, 210e3, 250e3, 400e3, 700e3} {
		for _, queue := range []time.Duration{200 * time.Millisecond, 1500 * time.Millisecond} {
			for _, burst := range []time.Duration{0, 500 * time.Millisecond} {
				each(fmt.Sprintf("%.0f kbit/s, queue %v, burst %v", rate/1e3, queue, burst), rate, queue, burst)
			}
		}
	}
}

func TestAPictureThatTheWayDoesNotTakeDoesNotComeAndGo(t *testing.T) {
	t.Parallel()
	forgetful, mindful := 0, 0
	ways(func(name string, rate float64, queue, burst time.Duration) {
		c := newCall(rate, queue)
		c.burst = burst.Microseconds()
		c.run(2 * time.Minute)
		if c.starts > 15 || burst == 0 && c.starts > 8 {
			t.Errorf("%s: %d starts in two minutes", name, c.starts)
		}
		mindful += c.starts
		c = newCall(rate, queue)
		c.burst, c.forgets = burst.Microseconds(), true
		c.run(2 * time.Minute)
		forgetful += c.starts
	})
	if forgetful < 5*mindful/2 {
		t.Errorf("%d starts with a memory of what failed, %d without", mindful, forgetful)
	}
}

func TestAWayThatTakesAPictureHasOne(t *testing.T) {
	t.Parallel()
	ways(func(name string, rate float64, queue, burst time.Duration) {
		if rate < 250e3 { // the voice and the least picture are 175 kbit/s, and a keyframe more
			return
		}
		c := newCall(rate, queue)
		c.burst = burst.Microseconds()
		c.run(2 * time.Minute)
		if c.shown < 100e6 {
			t.Errorf("%s: a picture for %d of 120 s", name, c.shown/1e6)
		}
	})
}

func TestAWayThatGetsBetterIsNoticed(t *testing.T) {
	t.Parallel()
	ways(func(name string, rate float64, queue, burst time.Duration) {
		for _, before := range []time.Duration{time.Minute, 100 * time.Second} {
			c := newCall(rate, queue)
			c.burst = burst.Microseconds()
			c.run(before)
			c.rate = 2.5e6
			since := c.clock
			for c.demand.now < 2 && c.clock < since+60e6 {
				c.run(100 * time.Millisecond)
			}
			if took := (c.clock - since) / 1e6; took > 15 {
				t.Errorf("%s: 2.5 Mbit/s after %v are used after %d s", name, before, took)
			}
		}
	})
}
