package sfu

import "encoding/binary"

// descriptor is the part of a VP8 or VP9 payload descriptor that changes when a packet moves from one
// stream to another, and where it stands. The zero value describes a payload that has none.
type descriptor struct {
	pictureAt int  // offset of the picture id, 0 when absent
	tl0At     int  // offset of TL0PICIDX, 0 when absent
	wide      bool // the picture id has 15 bits
	picture   uint16
	tl0       uint8
	length    int // of a VP8 descriptor
}

// pictureMask keeps a picture id within its 15 bits.
const pictureMask = 1<<15 - 1

// readPicture reads the picture id at offset at and returns the offset behind it; false when the payload
// ends within it. VP8 and VP9 write it alike: 15 bits in two bytes if M, else 7 bits in one.
func (d *descriptor) readPicture(payload []byte, at int) (int, bool) {
	if len(payload) < at+2 {
		return 0, false
	}
	d.pictureAt = at
	if d.wide = payload[at]&0x80 != 0; d.wide {
		d.picture = binary.BigEndian.Uint16(payload[at:]) & pictureMask
		return at + 2, true
	}
	d.picture = uint16(payload[at])
	return at + 1, true
}

// put appends payload, which d describes, to to, with other numbers in its descriptor. A 7-bit picture
// id becomes a 15-bit one, since one stream must not change the width: decoders take that for a jump.
// Numbers that payload does not have are not added.
func (d *descriptor) put(to, payload []byte, picture uint16, tl0 uint8) []byte {
	start := len(to)
	tl0At := d.tl0At
	switch {
	case d.pictureAt == 0:
		to = append(to, payload...)
	case d.wide:
		to = append(to, payload...)
		binary.BigEndian.PutUint16(to[start+d.pictureAt:], picture|1<<15)
	default:
		to = append(to, payload[:d.pictureAt]...)
		to = binary.BigEndian.AppendUint16(to, picture|1<<15)
		to = append(to, payload[d.pictureAt+1:]...)
		tl0At++
	}
	if d.tl0At != 0 {
		to[start+tl0At] = tl0
	}
	return to
}

// parseVP8 reads the descriptor at the head of an RTP payload (RFC 7741 §4.2); false when the payload
// ends within it or nothing follows it.
//
//	 0 1 2 3 4 5 6 7
//	+-+-+-+-+-+-+-+-+
//	|X|R|N|S|R| PID |  required
//	+-+-+-+-+-+-+-+-+
//	|I|L|T|K| RSV   |  if X
//	+-+-+-+-+-+-+-+-+
//	|M| PictureID   |  if I
//	+-+-+-+-+-+-+-+-+
//	|   TL0PICIDX   |  if L
//	+-+-+-+-+-+-+-+-+
//	|TID|Y| KEYIDX  |  if T or K
//	+-+-+-+-+-+-+-+-+
func parseVP8(payload []byte) (d descriptor, where place, ok bool) {
	if len(payload) < 2 {
		return d, where, false
	}
	where.begins, d.length = payload[0]&0x17 == 0x10, 1
	if payload[0]&0x80 == 0 {
		return d, where, true
	}
	extension, at := payload[1], 2
	if extension&0x80 != 0 {
		if at, ok = d.readPicture(payload, at); !ok {
			return descriptor{}, where, false
		}
	}
	if extension&0x40 != 0 {
		if len(payload) <= at {
			return descriptor{}, where, false
		}
		d.tl0At, d.tl0 = at, payload[at]
		at++
	}
	if extension&0x30 != 0 {
		if len(payload) <= at {
			return descriptor{}, where, false
		}
		if extension&0x20 != 0 {
			where.temporal, where.climbs = payload[at]>>6, payload[at]&0x20 != 0
		}
		at++
	}
	d.length = at
	return d, where, len(payload) > at
}

// vp8Size reads the size of the picture from the head of a keyframe (RFC 6386 §9.1); zero when it is not
// there.
func vp8Size(frame []byte) size {
	if len(frame) < 10 || frame[3] != 0x9D || frame[4] != 0x01 || frame[5] != 0x2A {
		return size{}
	}
	const scale = 1<<14 - 1 // the two bits above say how to enlarge it
	return size{int(binary.LittleEndian.Uint16(frame[6:]) & scale), int(binary.LittleEndian.Uint16(frame[8:]) & scale)}
}

// parseVP9 reads the descriptor at the head of an RTP payload (RFC 9628 §4.2); false when the payload
// ends within what is needed of it.
//
//	 0 1 2 3 4 5 6 7
//	+-+-+-+-+-+-+-+-+
//	|I|P|L|F|B|E|V|Z|  required
//	+-+-+-+-+-+-+-+-+
//	|M| PICTURE ID  |  if I
//	+-+-+-+-+-+-+-+-+
//	| TID |U| SID |D|  if L
//	+-+-+-+-+-+-+-+-+
//	|   TL0PICIDX   |  if L and not F
//	+-+-+-+-+-+-+-+-+
func parseVP9(payload []byte) (d descriptor, where place, ok bool) {
	if len(payload) < 2 {
		return d, where, false
	}
	flags, at := payload[0], 1
	where.begins, where.ends = flags&0x08 != 0, flags&0x04 != 0
	if flags&0x80 != 0 {
		if at, ok = d.readPicture(payload, at); !ok {
			return descriptor{}, where, false
		}
	}
	if flags&0x20 == 0 {
		return d, where, len(payload) > at
	}
	if len(payload) <= at+1 {
		return descriptor{}, where, false
	}
	layers := payload[at]
	where.temporal, where.spatial, where.climbs = layers>>5, layers>>1&7, layers&0x10 != 0
	if at++; flags&0x10 == 0 {
		d.tl0At, d.tl0 = at, payload[at]
	}
	return d, where, true
}
