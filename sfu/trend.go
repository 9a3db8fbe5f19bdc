package sfu

import "math"

// trend tells from the times of packets whether a queue grows on their way: the slope of the one-way
// delay over the last groups of packets, held against a threshold that adapts (delay-based control of
// draft-ietf-rmcat-gcc-02, with a least-squares line in place of its filter; §5.2 on bursts). Times are in milliseconds.
type trend struct {
	group, previous group

	delay, smooth float64 // accumulated delay and its smoothed course
	points        [trendPoints]point
	count         int // of points, ever

	threshold float64
	updated   float64 // arrival at the last change of threshold
	over      float64 // for how long the slope has been above
	slope     float64 // the last
}

// group is packets that left within groupLength, one burst of a sender, or came as one after they had been
// held up together, by a radio or a busy receiver.
type group struct{ began, sent, arrived, came float64 }

type point struct{ arrived, delay float64 }

// usage is what the delay says of the way.
type usage int

const (
	normal usage = iota
	overused
	underused
)

const (
	trendPoints, trendFew = 20, 10 // kept at most, judged from
	groupLength           = 5.0
	// What is held up comes within burstGap of each other; a burst of more than burstLength is a queue.
	burstGap, burstLength = 5.0, 100.0
	// trendSmooth is the weight of the past in the course of the delay.
	trendSmooth = 0.9
	// trendGain makes a slope comparable to the threshold; the number of points counts up to trendFull.
	trendGain, trendFull = 4.0, 60
	// The threshold rises to let a competing flow be, and falls slowly; in milliseconds.
	thresholdStart, thresholdLeast, thresholdMost = 12.5, 6.0, 600.0
	thresholdUp, thresholdDown                    = 0.0087, 0.039
	thresholdOutlier                              = 15.0
	// overuseTime is how long a slope has to stay above, and leastQueue how much the delay has to have grown
	// meanwhile: a receiver that is busy for a moment looks like a queue at first.
	overuseTime, leastQueue = 60.0, 25.0
	// trendGap is a pause after which nothing before it counts.
	trendGap = 2000.0
)

// add takes in one packet that arrived; packets come in order of sending.
func (t *trend) add(sent, arrived float64) usage {
	if t.threshold == 0 {
		t.threshold = thresholdStart
	}
	g := &t.group
	switch {
	case g.began == 0:
		*g = group{sent, sent, arrived, arrived}
		return t.state()
	case sent < g.began || arrived < g.arrived-trendGap || arrived > g.arrived+trendGap:
		*t = trend{threshold: thresholdStart, group: group{sent, sent, arrived, arrived}}
		return normal
	case sent-g.began <= groupLength || g.heldUp(sent, arrived):
		g.sent, g.arrived = max(g.sent, sent), max(g.arrived, arrived)
		return t.state()
	}
	if t.previous.began != 0 {
		t.compare(g.arrived-t.previous.arrived-(g.sent-t.previous.sent), g.arrived, g.sent-t.previous.sent)
	}
	t.previous = *g
	*g = group{sent, sent, arrived, arrived}
	return t.state()
}

// heldUp reports whether the next packet was held up with those of the group: it comes at once after them,
// sooner than it left after them. A queue lets nothing through faster than the way behind it takes.
func (g *group) heldUp(sent, arrived float64) bool {
	passed := arrived - g.arrived
	return passed <= burstGap && passed < sent-g.sent && arrived-g.came < burstLength
}

// compare takes in by how much longer one group took than the one before.
func (t *trend) compare(gradient, arrived, interval float64) {
	t.delay += gradient
	t.smooth = trendSmooth*t.smooth + (1-trendSmooth)*t.delay
	t.points[t.count%trendPoints] = point{arrived, t.smooth}
	t.count++
	if t.count < trendFew {
		return
	}
	slope := min(float64(t.count), trendFull) * t.line() * trendGain
	switch {
	case slope <= t.threshold:
		t.over = 0
	case slope >= t.slope || t.over > 0:
		t.over += interval
	}
	t.slope = slope
	t.adapt(math.Abs(slope), arrived)
}

// seen are the points there are, in no order.
func (t *trend) seen() []point { return t.points[:min(t.count, trendPoints)] }

// queue is by how much the delay has grown within the points.
func (t *trend) queue() float64 {
	least := t.smooth
	for _, p := range t.seen() {
		least = min(least, p.delay)
	}
	return t.smooth - least
}

// line is the slope of the points by least squares.
func (t *trend) line() float64 {
	var sumX, sumY float64
	points := t.seen()
	for _, p := range points {
		sumX += p.arrived
		sumY += p.delay
	}
	meanX, meanY := sumX/float64(len(points)), sumY/float64(len(points))
	var above, below float64
	for _, p := range points {
		above += (p.arrived - meanX) * (p.delay - meanY)
		below += (p.arrived - meanX) * (p.arrived - meanX)
	}
	if below == 0 {
		return 0
	}
	return above / below
}

// adapt moves the threshold towards the slope, slowly, unless that is an outlier.
func (t *trend) adapt(slope, arrived float64) {
	if slope > t.threshold+thresholdOutlier {
		t.updated = arrived
		return
	}
	k := thresholdUp
	if slope < t.threshold {
		k = thresholdDown
	}
	passed := min(arrived-t.updated, 100)
	t.threshold = min(thresholdMost, max(thresholdLeast, t.threshold+k*(slope-t.threshold)*passed))
	t.updated = arrived
}

func (t *trend) state() usage {
	switch {
	case t.over > overuseTime && t.queue() > leastQueue:
		return overused
	case t.slope < -t.threshold:
		return underused
	}
	return normal
}
