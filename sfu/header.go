package sfu

import "encoding/binary"

// head is the RTP header of a packet on its way out. Extensions and CSRCs of the publisher mean nothing
// to the subscriber, whose ids are others: only what is here goes.
type head struct {
	ssrc       uint32
	payload    uint8
	marker     bool
	padding    bool // the payload ends with padding (RFC 3550 §5.1)
	seq        uint16
	timestamp  uint32
	csrc       uint32 // 0 for none
	transport  uint16 // the packet's number in its connection, when stamped
	stamped    bool
	level      []byte // RFC 6464 audio level, or nil
	dependency []byte // AV1 dependency descriptor, or nil
	frame      uint16 // the frame number to have in it
}

// extensionIDs are the browser's own of one seat, 0 where not negotiated.
type extensionIDs struct {
	level, transport, dependency uint8
}

const (
	// mostHead is the largest header: 12 bytes, one CSRC, and extensions.
	mostHead = 12 + 4 + 4 + (1 + 1) + (1 + 2) + (2 + 255) + 3
	// longestShort is the longest extension that the one-byte form takes (RFC 8285 §4.2).
	longestShort   = 16
	shortForm      = 0xBEDE
	longForm       = 0x1000
	largestShortID = 14
)

// append writes the header to b.
func (h *head) append(b []byte, ids extensionIDs) []byte {
	start := len(b)
	first, second := byte(2<<6), h.payload
	if h.csrc != 0 {
		first |= 1
	}
	if h.padding {
		first |= 0x20
	}
	if h.marker {
		second |= 0x80
	}
	b = append(b, first, second)
	b = binary.BigEndian.AppendUint16(b, h.seq)
	b = binary.BigEndian.AppendUint32(b, h.timestamp)
	b = binary.BigEndian.AppendUint32(b, h.ssrc)
	if h.csrc != 0 {
		b = binary.BigEndian.AppendUint32(b, h.csrc)
	}
	level, stamp := h.level != nil && ids.level != 0, h.stamped && ids.transport != 0
	depends := len(h.dependency) >= dependencyFixed && ids.dependency != 0 && len(h.dependency) <= 255
	if !level && !stamp && !depends {
		return b
	}
	b[start] |= 0x10
	at := len(b)
	long := depends && len(h.dependency) > longestShort
	form := uint16(shortForm)
	if long {
		form = longForm
	}
	b = binary.BigEndian.AppendUint16(b, form)
	b = append(b, 0, 0)
	if level {
		b = appendExtension(b, long, ids.level, h.level)
	}
	if stamp {
		b = appendExtension(b, long, ids.transport, []byte{byte(h.transport >> 8), byte(h.transport)})
	}
	if depends {
		b = appendExtension(b, long, ids.dependency, h.dependency)
		binary.BigEndian.PutUint16(b[len(b)-len(h.dependency)+1:], h.frame)
	}
	for (len(b)-at)%4 != 0 {
		b = append(b, 0)
	}
	binary.BigEndian.PutUint16(b[at+2:], uint16((len(b)-at)/4-1))
	return b
}

// appendExtension writes one extension in the one-byte or the two-byte form (RFC 8285 §4).
func appendExtension(b []byte, long bool, id uint8, value []byte) []byte {
	if long {
		b = append(b, id, byte(len(value)))
	} else {
		b = append(b, id<<4|byte(len(value)-1))
	}
	return append(b, value...)
}

// shortID is an id as extensions are written, 0 where the one-byte form cannot have it.
func shortID(id int) uint8 {
	if id < 1 || id > largestShortID {
		return 0
	}
	return uint8(id)
}

// rtpHeaderBytes is the fixed part of an RTP header (RFC 3550 §5.1).
const rtpHeaderBytes = 12

// headSize is the size of the header of the RTP packet b, CSRCs and extensions included; false when b ends
// within it.
func headSize(b []byte) (int, bool) {
	if len(b) < rtpHeaderBytes {
		return 0, false
	}
	size := rtpHeaderBytes + 4*int(b[0]&0x0F)
	if b[0]&0x10 != 0 {
		if len(b) < size+4 {
			return 0, false
		}
		size += 4 + 4*int(binary.BigEndian.Uint16(b[size+2:]))
	}
	return size, size <= len(b)
}

// extensionOf finds a header extension in head, a whole RTP header; nil when it is not there (RFC 8285 §4).
func extensionOf(head []byte, id uint8) []byte {
	at := rtpHeaderBytes + 4*int(head[0]&0x0F)
	if head[0]&0x10 == 0 || id == 0 || len(head) < at+4 {
		return nil
	}
	long := head[at] == longForm>>8
	for rest := head[at+4:]; len(rest) > 1; {
		here, size, skip := rest[0]>>4, int(rest[0]&0x0F)+1, 1
		if long {
			here, size, skip = rest[0], int(rest[1]), 2
		}
		if rest[0] == 0 { // padding
			rest = rest[1:]
			continue
		}
		if len(rest) < skip+size {
			return nil
		}
		if here == id {
			return rest[skip : skip+size]
		}
		rest = rest[skip+size:]
	}
	return nil
}
