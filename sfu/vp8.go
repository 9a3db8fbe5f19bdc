package sfu

import "encoding/binary"

// vp8Descriptor is the part of a VP8 payload descriptor (RFC 7741 §4.2) that changes when a packet
// moves from one stream to another, and where it stands. The zero value describes no VP8 at all.
//
//	 0 1 2 3 4 5 6 7
//	+-+-+-+-+-+-+-+-+
//	|X|R|N|S|R| PID |  required
//	+-+-+-+-+-+-+-+-+
//	|I|L|T|K| RSV   |  if X
//	+-+-+-+-+-+-+-+-+
//	|M| PictureID   |  if I; 15 bits in two bytes if M, else 7 bits in one
//	+-+-+-+-+-+-+-+-+
//	|   TL0PICIDX   |  if L
//	+-+-+-+-+-+-+-+-+
//	|TID|Y| KEYIDX  |  if T or K
//	+-+-+-+-+-+-+-+-+
type vp8Descriptor struct {
	size      int  // bytes, up to the VP8 payload
	pictureAt int  // offset of PictureID, 0 when absent
	tl0At     int  // offset of TL0PICIDX, 0 when absent
	wide      bool // PictureID has 15 bits
	picture   uint16
	tl0       uint8
}

// pictureMask keeps a picture id within its 15 bits.
const pictureMask = 1<<15 - 1

// parseVP8 reads the descriptor at the head of an RTP payload; false when the payload ends within it
// or nothing follows it.
func parseVP8(payload []byte) (vp8Descriptor, bool) {
	if len(payload) < 2 {
		return vp8Descriptor{}, false
	}
	d := vp8Descriptor{size: 1}
	if payload[0]&0x80 == 0 {
		return d, true
	}
	extension := payload[1]
	d.size = 2
	if extension&0x80 != 0 {
		if len(payload) < d.size+2 {
			return vp8Descriptor{}, false
		}
		d.pictureAt = d.size
		if d.wide = payload[d.size]&0x80 != 0; d.wide {
			d.picture = binary.BigEndian.Uint16(payload[d.size:]) & pictureMask
			d.size++
		} else {
			d.picture = uint16(payload[d.size])
		}
		d.size++
	}
	if extension&0x40 != 0 {
		if len(payload) <= d.size {
			return vp8Descriptor{}, false
		}
		d.tl0At = d.size
		d.tl0 = payload[d.size]
		d.size++
	}
	if extension&0x30 != 0 {
		d.size++
	}
	return d, len(payload) > d.size
}

// put appends payload, which d describes, to to, with other numbers in its descriptor. A 7-bit
// picture id becomes a 15-bit one, since one stream must not change the width: decoders take that for
// a jump. Numbers that payload does not have are not added.
func (d *vp8Descriptor) put(to, payload []byte, picture uint16, tl0 uint8) []byte {
	if d.pictureAt == 0 && d.tl0At == 0 {
		return append(to, payload...)
	}
	next := 2 // the first byte behind the flags and the picture id
	to = append(to, payload[:2]...)
	if d.pictureAt != 0 {
		to = binary.BigEndian.AppendUint16(to, picture|1<<15)
		next++
		if d.wide {
			next++
		}
	}
	if d.tl0At != 0 {
		to = append(to, tl0)
		next++
	}
	return append(to, payload[next:]...)
}
