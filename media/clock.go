package media

import "time"

const (
	// clockSlack is how far RTP time and arrival may disagree before arrival wins: more than a
	// network's jitter, less than anybody hears as out of step.
	clockSlack = 200 * time.Millisecond
	// clockPatience is for how long they have to disagree: a burst of late packets is not a stall.
	clockPatience = 500 * time.Millisecond
	// clockDrift is the share of a small disagreement that is taken over with each packet: a sender
	// whose crystal is off by 100 ppm stays within a few milliseconds.
	clockDrift = 256
)

// Clock tells when, on the meeting clock, a packet of one track was captured. RTP time gives it its
// evenness, arrival its truth: a sender that stalls while its RTP time goes on (or stops) leaves a
// gap, as it did for everybody who listened. Times never go back by more than reordering does.
type Clock struct {
	rate   int64 // Hz
	origin time.Time

	begun    bool
	last     uint32        // RTP time of the newest packet
	ticks    int64         // RTP time since the first packet
	offset   time.Duration // meeting clock minus RTP time
	newest   time.Duration // the greatest time told
	doubting bool
	doubted  time.Time // since when they disagree
}

// NewClock makes the clock of a track whose RTP clock runs at rate Hz, in a meeting whose clock was
// zero at origin.
func NewClock(rate uint32, origin time.Time) *Clock {
	return &Clock{rate: int64(rate), origin: origin}
}

// At is when the packet with this RTP timestamp was captured, as far as can be told from its arrival.
func (c *Clock) At(timestamp uint32, arrived time.Time) time.Duration {
	truth := arrived.Sub(c.origin)
	if !c.begun {
		c.begun, c.last, c.offset, c.newest = true, timestamp, truth, truth
		return truth
	}
	c.ticks += int64(int32(timestamp - c.last))
	c.last = timestamp
	at := c.offset + c.media()
	off := truth - at
	switch {
	case off > clockSlack || off < -clockSlack:
		if !c.doubting {
			c.doubting, c.doubted = true, arrived
		}
		jumped := off > 2*time.Second || off < -2*time.Second
		if jumped || arrived.Sub(c.doubted) >= clockPatience {
			c.offset += off
			at, c.doubting = truth, false
		}
	case off < 0: // a faster packet than any before: nearer to the truth
		c.offset += off / 16
		c.doubting = false
	default:
		c.offset += off / clockDrift
		c.doubting = false
	}
	if at < 0 {
		at = 0
	}
	c.newest = max(c.newest, at)
	return at
}

// media is the RTP time since the first packet.
func (c *Clock) media() time.Duration {
	return time.Duration(c.ticks/c.rate)*time.Second +
		time.Duration(c.ticks%c.rate)*time.Second/time.Duration(c.rate)
}
