package sfu

import (
	"math/rand/v2"
	"time"
)

// position is where a packet stands in its stream: the numbers that have to run on when another
// source takes over.
type position struct {
	seq       uint16
	timestamp uint32 // RTP clock
	picture   uint16 // VP8 or VP9 picture id, 15 bits
	frame     uint16 // AV1 frame number
	tl0       uint8  // TL0PICIDX
}

// plus adds field by field; each wraps at its own width.
func (a position) plus(b position) position {
	return position{a.seq + b.seq, a.timestamp + b.timestamp, (a.picture + b.picture) & pictureMask, a.frame + b.frame, a.tl0 + b.tl0}
}

// minus is the inverse of plus.
func (a position) minus(b position) position {
	return position{a.seq - b.seq, a.timestamp - b.timestamp, (a.picture - b.picture) & pictureMask, a.frame - b.frame, a.tl0 - b.tl0}
}

// raise moves each field of a up to that of b where b is ahead. The maxima count, not the last
// packet: packets arrive out of order, also just before a switch.
func (a *position) raise(b position) {
	if int16(b.seq-a.seq) > 0 {
		a.seq = b.seq
	}
	if int32(b.timestamp-a.timestamp) > 0 {
		a.timestamp = b.timestamp
	}
	if d := (b.picture - a.picture) & pictureMask; d > 0 && d < 1<<14 {
		a.picture = b.picture
	}
	if int16(b.frame-a.frame) > 0 {
		a.frame = b.frame
	}
	if int8(b.tl0-a.tl0) > 0 {
		a.tl0 = b.tl0
	}
}

// maxSkips is how many left-out packets a rewriter remembers, for those that arrive late around
// them: 0.4 s of a stream of which every other picture is left out.
const maxSkips = 32

// rewriter makes one continuous stream out of one source after another: sequence numbers without
// holes, timestamps that go on with the wall clock, picture ids that count on. It knows nothing of
// RTP packets and is owned by whoever holds the stream.
type rewriter struct {
	clockRate uint32 // Hz of the RTP clock

	// of the stream that goes out
	last    position  // the largest of each number yet
	arrived time.Time // when the packet with the largest timestamp came in; zero before the first

	// of the source that comes in
	delta  position       // what is added to its numbers
	first  int64          // 64-bit number of its first packet; older ones belong to nobody
	newest int64          // 64-bit number of its newest packet
	skips  [maxSkips]skip // what was left out, a ring
	next   int            // where the next one goes
}

// skip is a packet that was left out.
type skip struct {
	number  int64 // 0 for none
	picture bool  // with it began a picture that was left out
}

// newRewriter starts a stream at random numbers. The first sequence number is below 1<<15, so that
// losing the first packets cannot be taken for a wrap (RFC 3711 §3.3.1).
func newRewriter(clockRate uint32) rewriter {
	return rewriter{clockRate: clockRate, last: position{
		seq:       uint16(rand.Uint32N(1 << 15)), //nolint:gosec // RFC 3550 §5.1 asks for random, not secret
		timestamp: rand.Uint32(),                 //nolint:gosec // likewise
		picture:   uint16(rand.Uint32N(1 << 14)), //nolint:gosec // likewise
		frame:     uint16(rand.Uint32N(1 << 15)), //nolint:gosec // likewise
		tl0:       uint8(rand.Uint32N(1 << 8)),   //nolint:gosec // likewise
	}}
}

// timeOf is the RTP time of a packet that arrived then, going by the last one.
func (r *rewriter) timeOf(arrived time.Time) uint32 {
	if r.arrived.IsZero() {
		return r.last.timestamp + 1
	}
	return r.last.timestamp + max(1, ticks(max(0, arrived.Sub(r.arrived)), r.clockRate))
}

// begin lets a source take over, with its packet number that stands at at. That packet comes right after the
// last one, at this RTP time; time does not go back all the same.
func (r *rewriter) begin(number int64, at position, timestamp uint32) {
	next := r.last.plus(position{seq: 1, timestamp: 1, picture: 1, frame: 1, tl0: 1})
	if int32(timestamp-next.timestamp) > 0 {
		next.timestamp = timestamp
	}
	r.delta = next.minus(at)
	r.first, r.newest = number, number-1
	r.skips, r.next = [maxSkips]skip{}, 0
}

// newestTimestamp is the largest RTP time of the source yet.
func (r *rewriter) newestTimestamp() uint32 { return r.last.timestamp - r.delta.timestamp }

// restamp lets the source's RTP time go on from timestamp, or from after the last one if that is later.
func (r *rewriter) restamp(in, timestamp uint32) {
	if int32(timestamp-r.last.timestamp) <= 0 {
		timestamp = r.last.timestamp + 1
	}
	r.delta.timestamp = timestamp - in
}

// resume lets the source go on under its own numbers: for a stream that has had no other.
func (r *rewriter) resume(number int64, at position) {
	r.last = at
	r.first, r.newest = number, number-1
}

// place gives packet number of the source its place in the stream that goes out; false when it has
// none: it is older than the source's first packet, or was left out, or too old to tell.
func (r *rewriter) place(number int64, at position, arrived time.Time) (position, bool) {
	if number < r.first {
		return position{}, false
	}
	out := at.plus(r.delta)
	if number < r.newest {
		packets, pictures, ok := r.skippedSince(number)
		if !ok {
			return position{}, false
		}
		out.seq += packets
		out.picture = (out.picture + pictures) & pictureMask
	}
	r.newest = max(r.newest, number)
	if int32(out.timestamp-r.last.timestamp) > 0 && arrived.After(r.arrived) || r.arrived.IsZero() {
		r.arrived = arrived
	}
	r.last.raise(out)
	return out, true
}

// leaveOut closes the gap of a packet that is not forwarded, and that of a picture if one that is to be
// counted began with it. A late one leaves its gap: what follows it has gone out already.
func (r *rewriter) leaveOut(number int64, picture bool) {
	if number <= r.newest {
		return
	}
	r.newest = number
	r.delta.seq--
	if picture {
		r.delta.picture = (r.delta.picture - 1) & pictureMask
	}
	r.skips[r.next] = skip{number, picture}
	r.next = (r.next + 1) % maxSkips
}

// skippedSince counts the packets and pictures left out after number; false when number was itself left
// out, or is older than what is remembered.
func (r *rewriter) skippedSince(number int64) (packets, pictures uint16, ok bool) {
	for _, s := range r.skips {
		switch {
		case s.number == number:
			return 0, 0, false
		case s.number > number:
			packets++
			if s.picture {
				pictures++
			}
		}
	}
	return packets, pictures, packets < maxSkips
}

// ticks converts a duration to the RTP clock; it wraps like RTP time.
func ticks(d time.Duration, clockRate uint32) uint32 {
	seconds, rest := int64(d/time.Second), int64(d%time.Second)
	return uint32(seconds*int64(clockRate) + rest*int64(clockRate)/int64(time.Second))
}
