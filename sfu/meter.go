package sfu

import (
	"sync/atomic"
	"time"
)

// The layers within one stream that are told apart: more are counted with the last.
const maxSpatial, maxTemporal = 4, 4

// meter measures one incoming stream: how many bytes of each of its layers came, when the newest
// packet did, and how large its pictures are. It is written by the read loop and read by anybody.
type meter struct {
	bytes [maxSpatial][maxTemporal]atomic.Int64
	heard atomic.Int64 // arrival of the newest packet, Unix nanoseconds; 0 before the first
	size  atomic.Int64 // of the largest layer: width<<32 | height
}

// count takes in a packet of n bytes.
func (m *meter) count(p *packet, n int) {
	m.bytes[min(p.place.spatial, maxSpatial-1)][min(p.place.temporal, maxTemporal-1)].Add(int64(n))
	m.heard.Store(p.arrived.UnixNano())
}

// resize notes the size of the pictures; zero is not known.
func (m *meter) resize(s size) {
	if s.height > 0 {
		m.size.Store(int64(s.width)<<32 | int64(s.height))
	}
}

// silent is how long ago the newest packet came.
func (m *meter) silent(now time.Time) time.Duration {
	return time.Duration(now.UnixNano() - m.heard.Load())
}

// delivers reports whether the stream flows.
func (m *meter) delivers(now time.Time) bool { return m.silent(now) < layerSilence }

// pictureSize is the size noted last.
func (m *meter) pictureSize() size {
	packed := m.size.Load()
	return size{int(packed >> 32), int(packed & 0xFFFFFFFF)}
}

// reading is what a meter showed when it was looked at last; the difference to the next look is a rate.
type reading struct {
	at    time.Time
	heard int64 // by then
	bytes [maxSpatial][maxTemporal]int64
	rates [maxSpatial][maxTemporal]int // bit/s, smoothed
}

// meterInterval is how far apart looks at a meter are at least: the rate of a shorter time is a
// matter of where its pictures begin.
const meterInterval = 500 * time.Millisecond

// shortestSpan and longestSpan are between which packets a rate is measured. Of a stream that has just stopped, or
// begun anew, it is not known for how long its bytes came.
const shortestSpan, longestSpan = 100 * time.Millisecond, 2 * time.Second

// look brings the rates up to date, if it is time. A stream that is silent keeps its rates: they say
// what it would cost to have it again.
func (r *reading) look(m *meter, now time.Time) {
	if now.Sub(r.at) < meterInterval {
		return
	}
	first := r.at.IsZero()
	// From packet to packet, not from look to look: of a layer that is switched off and on, as one is that was too
	// much, the rate would seem less each time.
	heard := m.heard.Load()
	span := time.Duration(heard - r.heard)
	whole := span >= shortestSpan && span <= longestSpan
	if !whole {
		span = meterInterval
	}
	r.at, r.heard = now, heard
	for s := range m.bytes {
		for t := range m.bytes[s] {
			bytes := m.bytes[s][t].Load()
			came := bytes - r.bytes[s][t]
			r.bytes[s][t] = bytes
			if first || came == 0 || !whole && r.rates[s][t] > 0 {
				continue
			}
			rate := int(float64(8*came) / span.Seconds())
			if r.rates[s][t] == 0 {
				r.rates[s][t] = rate
			}
			r.rates[s][t] += (rate - r.rates[s][t]) / 2
		}
	}
}
