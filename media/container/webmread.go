package container

import (
	"encoding/binary"
	"fmt"
	"iter"
	"time"

	"github.com/parley/parley"
)

// Block is one frame of a recorded track. Payload is part of what was read.
type Block struct {
	At       time.Duration // meeting clock
	Keyframe bool
	Payload  []byte
}

// Blocks yields the frames of segments, with or without their header, in order. What does not parse
// ends it with an Invalid error, after every frame before it.
func Blocks(segments []byte) iter.Seq2[Block, error] {
	return func(yield func(Block, error) bool) {
		cluster := time.Duration(-1)
		for at := 0; at < len(segments); {
			e, err := readElement(segments[at:])
			if err != nil {
				yield(Block{}, err)
				return
			}
			at += e.next()
			switch e.id {
			case idTimecode:
				cluster, err = e.timecode()
			case idSimpleBlock:
				var b Block
				if b, err = e.block(cluster); err == nil && !yield(b, nil) {
					return
				}
			}
			if err != nil {
				yield(Block{}, err)
				return
			}
		}
	}
}

// Trim returns the longest start of a segment that consists of whole elements: what is left of a
// file whose writer was killed. It is empty when no frame is whole.
func Trim(torn []byte) []byte {
	whole := 0
	for at := 0; at < len(torn); {
		e, err := readElement(torn[at:])
		if err != nil {
			break
		}
		at += e.next()
		if e.id == idSimpleBlock {
			whole = at
		}
	}
	return torn[:whole]
}

// element is one EBML element (RFC 8794 §5).
type element struct {
	id      uint32
	head    int    // bytes of id and size
	payload []byte // nil for those that hold others, which are entered
}

// next is how far the following element is.
func (e element) next() int { return e.head + len(e.payload) }

func readElement(from []byte) (element, error) {
	broken := func(what string) (element, error) {
		return element{}, fmt.Errorf("webm: %s: %w", what, parley.Invalid)
	}
	idBytes := vintLength(from, 4)
	if idBytes == 0 {
		return broken("no element")
	}
	var e element
	for _, b := range from[:idBytes] {
		e.id = e.id<<8 | uint32(b)
	}
	rest := from[idBytes:]
	sizeBytes := vintLength(rest, 8)
	if sizeBytes == 0 {
		return broken("no size")
	}
	size := uint64(rest[0]) & (1<<(8-sizeBytes) - 1)
	for _, b := range rest[1:sizeBytes] {
		size = size<<8 | uint64(b)
	}
	e.head = idBytes + sizeBytes
	if e.id == idSegment || e.id == idCluster {
		return e, nil // of unknown size: its children follow
	}
	if size > uint64(len(from)-e.head) {
		return broken("an element is cut off")
	}
	e.payload = from[e.head : e.head+int(size)]
	if known := e.id == idEBML || e.id == idInfo || e.id == idTracks || e.id == idTimecode || e.id == idSimpleBlock; !known {
		return broken("an element that has no place in a recording")
	}
	return e, nil
}

// vintLength is how long an EBML integer is (RFC 8794 §4); 0 when it is cut off or longer than most.
func vintLength(from []byte, most int) int {
	if len(from) == 0 {
		return 0
	}
	length := 1
	for b := from[0]; b&0x80 == 0; b <<= 1 {
		if length++; length > most {
			return 0
		}
	}
	if length > len(from) {
		return 0
	}
	return length
}

func (e element) timecode() (time.Duration, error) {
	if len(e.payload) != 8 {
		return 0, fmt.Errorf("webm: a timecode of %d bytes: %w", len(e.payload), parley.Invalid)
	}
	ms := binary.BigEndian.Uint64(e.payload)
	const most = uint64(1<<63-1) / uint64(time.Millisecond) / 2
	if ms > most {
		return 0, fmt.Errorf("webm: a timecode out of range: %w", parley.Invalid)
	}
	return time.Duration(ms) * time.Millisecond, nil
}

func (e element) block(cluster time.Duration) (Block, error) {
	if cluster < 0 || len(e.payload) < 4 || e.payload[0] != trackOne {
		return Block{}, fmt.Errorf("webm: a block outside of a cluster, or of no track: %w", parley.Invalid)
	}
	offset := int16(binary.BigEndian.Uint16(e.payload[1:]))
	return Block{
		At:       cluster + time.Duration(offset)*time.Millisecond,
		Keyframe: e.payload[3]&keyframeBit != 0,
		Payload:  e.payload[4:],
	}, nil
}
