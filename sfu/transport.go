package sfu

import (
	"encoding/binary"
	"sync/atomic"
)

// sentSize is how many packets of one connection are remembered until their feedback comes: 0.8 s at
// 20 Mbit/s. A power of two.
const sentSize = 2048

// sentLog numbers the packets of one connection, across its seats, and remembers when each left and how
// large it was (transport-cc). Seats write to it side by side without a lock.
type sentLog struct {
	number atomic.Uint32
	// slots hold size<<48 | microseconds in 48 bits, which wrap after 8 years.
	slots [sentSize]atomic.Uint64

	// reference is the time that feedback was counted from last, in units; it goes on where the 24 bits of it in
	// feedback start again, after 12.4 days of the browser's clock. Owned by who reads feedback.
	reference int64
}

const microsecondMask = 1<<48 - 1

// next gives the number of a packet of so many bytes that leaves now, in Unix microseconds.
func (l *sentLog) next(size int, now int64) uint16 {
	number := uint16(l.number.Add(1))
	l.slots[number%sentSize].Store(uint64(size)<<48 | uint64(now)&microsecondMask)
	return number
}

// newest is the number given last.
func (l *sentLog) newest() uint16 { return uint16(l.number.Load()) }

// at returns when a packet left, in microseconds, and its size; false when that is forgotten.
func (l *sentLog) at(number uint16) (microseconds int64, size int, ok bool) {
	if l.newest()-number >= sentSize {
		return 0, 0, false
	}
	slot := l.slots[number%sentSize].Load()
	return int64(slot & microsecondMask), int(slot >> 48), slot != 0
}

// ack is what the feedback says of one packet.
type ack struct {
	number        uint16
	sent, arrived int64 // microseconds, each on its own clock; arrived is -1 for lost
	size          int   // bytes
}

const (
	// referenceUnit and deltaUnit are those of transport-cc feedback, in microseconds.
	referenceUnit, deltaUnit = 64_000, 250
	// mostAcks is how many packets one feedback may cover: of more before, nothing is remembered.
	mostAcks = sentSize
	// transportFixed is the part of a feedback before its chunks.
	transportFixed = 20
)

// How a packet is said to have come; what is none of these did not.
const (
	cameSoon = 1 // its delta is one byte
	cameLate = 2 // its delta is two bytes, signed
)

// acks reads the RTCP packet p, a transport-cc feedback (draft-holmer-rmcat-transport-wide-cc-extensions
// §3.1), into to: one entry for each packet it covers that is remembered. It stops where p contradicts
// itself, and reads nothing of what covers more than mostAcks.
func (l *sentLog) acks(p []byte, to []ack) []ack {
	if len(p) < transportFixed {
		return to
	}
	number, left := binary.BigEndian.Uint16(p[12:]), int(binary.BigEndian.Uint16(p[14:]))
	if left > mostAcks {
		return to
	}
	arrived := l.refer(binary.BigEndian.Uint32(p[16:])>>8) * referenceUnit
	chunks := p[transportFixed:]
	deltas := chunks[min(2*countChunks(chunks, left), len(chunks)):]
	for ; left > 0 && len(chunks) >= 2; chunks = chunks[2:] {
		c := chunk(binary.BigEndian.Uint16(chunks))
		for i := range min(c.covers(), left) {
			a := ack{number: number, arrived: -1}
			switch size := c.symbol(i); {
			case size != cameSoon && size != cameLate:
			case len(deltas) < size:
				return to
			default:
				arrived += deltaUnit * delta(deltas[:size])
				a.arrived = arrived
				deltas = deltas[size:]
			}
			var ok bool
			if a.sent, a.size, ok = l.at(a.number); ok {
				to = append(to, a)
			}
			number++
		}
		left -= min(c.covers(), left)
	}
	return to
}

// refer is the reference time whose lowest 24 bits are low: the closest to the one before.
func (l *sentLog) refer(low uint32) int64 {
	const turn, signed = 1 << 24, 8
	if l.reference < turn {
		l.reference = turn // the first, or somebody counts backwards: times stay positive
	}
	l.reference += int64(int32((low-uint32(l.reference))<<signed) >> signed)
	return l.reference
}

// delta is the time since the packet before, in units.
func delta(b []byte) int64 {
	if len(b) == cameSoon {
		return int64(b[0])
	}
	return int64(int16(binary.BigEndian.Uint16(b)))
}

// chunk says how some packets came: one symbol for all, or a symbol of one or two bits for each.
type chunk uint16

// covers is how many packets it speaks of.
func (c chunk) covers() int {
	switch c >> 14 {
	case 2:
		return 14
	case 3:
		return 7
	}
	return int(c & 0x1FFF)
}

// symbol is that of the ith of them.
func (c chunk) symbol(i int) int {
	switch c >> 14 {
	case 2:
		return int(c>>(13-i)) & 1
	case 3:
		return int(c>>(12-2*i)) & 3
	}
	return int(c>>13) & 3
}

// countChunks is how many chunks speak of so many packets.
func countChunks(chunks []byte, packets int) (n int) {
	for ; packets > 0 && len(chunks) >= 2; chunks = chunks[2:] {
		packets -= chunk(binary.BigEndian.Uint16(chunks)).covers()
		n++
	}
	return n
}
