package bench

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// window is the time in which packets count, by when they were sent; none before it is opened.
type window struct{ from, to atomic.Int64 } // Unix nanoseconds

func (w *window) open(from time.Time, length time.Duration) {
	w.to.Store(from.Add(length).UnixNano())
	w.from.Store(from.UnixNano())
}

func (w *window) has(sent int64) bool {
	from := w.from.Load()
	return from != 0 && sent >= from && sent < w.to.Load()
}

// flowKey names what one participant receives of one stream.
type flowKey struct {
	subscriber int
	publisher  uint16
	kind       kind
}

// flow counts the packets of one stream at one participant. The collector's mu guards it.
type flow struct {
	received    uint64 // in the window, each packet once
	first, last uint32 // sequence numbers in the window, when received is not 0

	begun  bool
	newest uint32
	seen   [seenWords]uint64 // a bit for each of the newest packets
}

// seenWords remembers 1,024 packets: half a second of a stream nobody sends; what comes later than that
// counts as lost.
const seenWords = 16

// mark notes a packet; false when it was there already, or is too old to tell.
func (f *flow) mark(seq uint32) bool {
	const size = seenWords * 64
	if !f.begun {
		f.begun, f.newest = true, seq
	}
	ahead := int32(seq - f.newest)
	switch {
	case ahead <= -size:
		return false
	case ahead >= size:
		f.seen, f.newest = [seenWords]uint64{}, seq
	default:
		for ; f.newest != seq && ahead > 0; ahead-- {
			f.newest++
			f.seen[f.newest/64%seenWords] &^= 1 << (f.newest % 64)
		}
	}
	word, bit := &f.seen[seq/64%seenWords], uint64(1)<<(seq%64)
	if *word&bit != 0 {
		return false
	}
	*word |= bit
	return true
}

// span is how many packets were sent from the first to the last that arrived in the window.
func (f *flow) span() uint64 {
	if f.received == 0 {
		return 0
	}
	return uint64(f.last-f.first) + 1
}

// collector counts what all participants receive.
type collector struct {
	window window // constant; atomic inside

	mu    sync.Mutex // guards everything below
	flows map[flowKey]*flow
	begun map[int][2]int // how many flows of each kind a participant has seen

	delay histogram // from sending to arrival at the participant's socket, in the window
	lag   histogram // from there to being read: the generator's own

	total      uint64 // since the start, with everything
	received   uint64 // in the window, each packet once
	bytes      uint64 // of received: RTP and SRTP
	duplicates uint64 // in the window
	unknown    uint64 // without a stamp: padding, probes
}

func newCollector() *collector {
	return &collector{flows: map[flowKey]*flow{}, begun: map[int][2]int{}}
}

// flow finds or makes a flow.
func (c *collector) flow(subscriber int, s stamp) *flow {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := flowKey{subscriber, s.publisher, s.kind}
	f := c.flows[key]
	if f == nil {
		f = &flow{}
		c.flows[key] = f
		begun := c.begun[subscriber]
		begun[s.kind]++
		c.begun[subscriber] = begun
	}
	return f
}

// add counts a packet of f. arrived and read are Unix nanoseconds.
func (c *collector) add(f *flow, s stamp, size int, arrived, read int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total++
	fresh := f.mark(s.seq)
	if !c.window.has(s.sent) {
		return
	}
	if !fresh {
		c.duplicates++
		return
	}
	if f.received == 0 {
		f.first, f.last = s.seq, s.seq
	}
	if int32(s.seq-f.first) < 0 {
		f.first = s.seq
	}
	if int32(s.seq-f.last) > 0 {
		f.last = s.seq
	}
	f.received++
	c.received++
	c.bytes += uint64(size)
	c.delay.add(time.Duration(arrived - s.sent))
	c.lag.add(time.Duration(read - arrived))
}

// skip counts a packet without a stamp.
func (c *collector) skip() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total++
	c.unknown++
}

// packets is how many have arrived since the start.
func (c *collector) packets() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.total
}

// started is how many of the flows that participants expect have begun, and how many there are.
func (c *collector) started(everybody []participant) (begun, wanted int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range everybody {
		p := &everybody[i]
		voices, pictures := p.voices(), len(p.sees)
		wanted += voices + pictures
		begun += min(c.begun[p.number][audio], voices) + min(c.begun[p.number][video], pictures)
	}
	return begun, wanted
}

// leave forgets the flows of a participant and returns how many packets were due to them, from the first to
// the last of each that arrived, and how many came.
func (c *collector) leave(subscriber int) (expected, received uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, f := range c.flows {
		if key.subscriber != subscriber {
			continue
		}
		span := f.span()
		expected += span
		received += min(f.received, span)
		delete(c.flows, key)
	}
	delete(c.begun, subscriber)
	return expected, received
}

// missing names some of the streams that have not begun, for a person.
func (c *collector) missing(everybody []participant, most int) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := []string{}
	for i := range everybody {
		p := &everybody[i]
		for k, watched := range [][]int{audio: p.hears, video: p.sees} {
			if k == int(audio) && c.begun[p.number][audio] >= p.voices() {
				continue
			}
			for _, n := range watched {
				if c.flows[flowKey{p.number, uint16(n), kind(k)}] == nil && len(names) < most {
					names = append(names, fmt.Sprintf("%s of %s at %s", kind(k), everybody[n].name, p.name))
				}
			}
		}
	}
	return names
}
