package sfu

// counter extends 16-bit RTP sequence numbers to 64 bits that do not wrap (RFC 3711 §3.3.1 does the
// same for SRTP). The zero value is ready.
type counter struct {
	newest int64 // the largest number yet
	begun  bool
}

// extend returns seq in 64 bits: the number closest to the newest one. Numbers start above 1<<16, so
// that a packet older than the first one is not negative.
func (c *counter) extend(seq uint16) int64 {
	if !c.begun {
		c.begun = true
		c.newest = 1<<16 + int64(seq)
		return c.newest
	}
	number := c.newest + int64(int16(seq-uint16(c.newest)))
	c.newest = max(c.newest, number)
	return number
}

// windowSize is how far back a packet may be late, in packets: 1.4 s of 4 Mbit/s video.
const windowSize = 512

// window remembers which of the newest windowSize packets were seen. The zero value is ready.
type window struct {
	counter counter
	begin   int64                   // number of the first packet
	seen    [windowSize / 64]uint64 // bit number%windowSize
}

// admit returns the 64-bit number of a packet, and whether to go on with it: not when it was seen
// before (browsers probe for bandwidth by repeating packets over RTX) or is too old to tell.
func (w *window) admit(seq uint16) (number int64, ok bool) {
	before, begun := w.counter.newest, w.counter.begun
	number = w.counter.extend(seq)
	switch {
	case !begun:
		w.begin = number
	case begun && number > before:
		w.forget(max(before+1, number-windowSize+1), number)
	case begun && number <= before-windowSize:
		return number, false
	}
	word, bit := number%windowSize/64, uint64(1)<<(number%64)
	if w.seen[word]&bit != 0 {
		return number, false
	}
	w.seen[word] |= bit
	return number, true
}

// missing reports whether a packet between those that were seen has not come.
func (w *window) missing(seq uint16) bool {
	if !w.counter.begun {
		return false
	}
	number := w.counter.newest + int64(int16(seq-uint16(w.counter.newest)))
	if number > w.counter.newest {
		return w.begin <= w.counter.newest // the next one of a stream that flows
	}
	return number > w.begin && number > w.counter.newest-windowSize && w.seen[number%windowSize/64]&(1<<(number%64)) == 0
}

// forget clears the bits of first to last, whose slots held older packets.
func (w *window) forget(first, last int64) {
	for number := first; number <= last; number++ {
		w.seen[number%windowSize/64] &^= 1 << (number % 64)
	}
}
