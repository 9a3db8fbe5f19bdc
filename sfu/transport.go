package sfu

import (
	"sync/atomic"

	"github.com/pion/rtcp"
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
	referenceUnit = 64_000
	// mostAcks bounds the work one feedback can make.
	mostAcks = sentSize
)

// acks reads a feedback into to: one entry for each packet it covers that is remembered.
func (l *sentLog) acks(p *rtcp.TransportLayerCC, to []ack) []ack {
	arrived := int64(p.ReferenceTime) * referenceUnit
	number, deltas, left := p.BaseSequenceNumber, p.RecvDeltas, int(p.PacketStatusCount)
	take := func(symbol uint16) {
		if left == 0 || len(to) >= mostAcks {
			return
		}
		left--
		a := ack{number: number, arrived: -1}
		number++
		if symbol == rtcp.TypeTCCPacketReceivedSmallDelta || symbol == rtcp.TypeTCCPacketReceivedLargeDelta {
			if len(deltas) == 0 {
				left = 0
				return
			}
			arrived += deltas[0].Delta // microseconds
			deltas = deltas[1:]
			a.arrived = arrived
		}
		var ok bool
		if a.sent, a.size, ok = l.at(a.number); ok {
			to = append(to, a)
		}
	}
	for _, chunk := range p.PacketChunks {
		switch c := chunk.(type) {
		case *rtcp.RunLengthChunk:
			for range c.RunLength {
				take(c.PacketStatusSymbol)
			}
		case *rtcp.StatusVectorChunk:
			for _, symbol := range c.SymbolList {
				take(symbol)
			}
		}
	}
	return to
}
