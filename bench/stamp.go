package bench

import (
	"bytes"
	"encoding/binary"
)

// stamp is what each packet says of itself, in its payload, so that it survives whatever a server does
// to the headers.
type stamp struct {
	publisher uint16
	kind      kind
	seq       uint32 // rises by one with each packet of a stream
	sent      int64  // Unix nanoseconds just before it was written
}

// kind is what a stream carries.
type kind uint8

const (
	audio kind = iota
	video
)

// String is the name for a person.
func (k kind) String() string {
	if k == video {
		return "video"
	}
	return "audio"
}

// stampSize is the length of an encoded stamp in bytes: magic (4), publisher (2), kind (1), check (1),
// seq (4), sent (8), in network order.
const stampSize = 20

// stampMagic begins every stamp.
var stampMagic = [4]byte{0x70, 0x42, 0xE7, 0x31} //nolint:gochecknoglobals // constant

// put writes the stamp to the first stampSize bytes of b.
func (s stamp) put(b []byte) {
	_ = b[stampSize-1]
	copy(b, stampMagic[:])
	binary.BigEndian.PutUint16(b[4:], s.publisher)
	b[6] = byte(s.kind)
	binary.BigEndian.PutUint32(b[8:], s.seq)
	binary.BigEndian.PutUint64(b[12:], uint64(s.sent))
	b[7] = check(b)
}

// check is a sum of everything but itself: random payloads do not pass for a stamp.
func check(b []byte) byte {
	sum := byte(0x5A)
	for i, v := range b[:stampSize] {
		if i != 7 {
			sum = sum<<1 | sum>>7
			sum ^= v
		}
	}
	return sum
}

// findStamp finds the stamp in the beginning of a payload: at hint, where the last one of the stream
// was, or anywhere. It returns where, and false when there is none: padding, probes.
func findStamp(b []byte, hint int) (stamp, int, bool) {
	if s, ok := stampAt(b, hint); ok {
		return s, hint, true
	}
	for at := 0; at+stampSize <= len(b); at++ {
		next := bytes.Index(b[at:], stampMagic[:])
		if next < 0 {
			break
		}
		at += next
		if s, ok := stampAt(b, at); ok {
			return s, at, true
		}
	}
	return stamp{}, 0, false
}

func stampAt(b []byte, at int) (stamp, bool) {
	if at < 0 || at+stampSize > len(b) {
		return stamp{}, false
	}
	b = b[at : at+stampSize]
	if [4]byte(b) != stampMagic || b[7] != check(b) || b[6] > byte(video) {
		return stamp{}, false
	}
	return stamp{
		publisher: binary.BigEndian.Uint16(b[4:]),
		kind:      kind(b[6]),
		seq:       binary.BigEndian.Uint32(b[8:]),
		sent:      int64(binary.BigEndian.Uint64(b[12:])),
	}, true
}
