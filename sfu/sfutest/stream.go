package sfutest

import (
	"encoding/binary"

	"github.com/pion/rtp"
)

// Opus makes the packets of one microphone: 20 ms each.
type Opus struct {
	Seq       uint16
	Timestamp uint32
}

// Next is the next packet; its payload is not Opus, which nobody here decodes.
func (o *Opus) Next() *rtp.Packet {
	p := &rtp.Packet{
		Header:  rtp.Header{Version: 2, SequenceNumber: o.Seq, Timestamp: o.Timestamp},
		Payload: []byte{0xF8, 0xFF, 0xFE, byte(o.Seq)},
	}
	o.Seq++
	o.Timestamp += 960
	return p
}

// VP8 makes the packets of one camera: frames of 1/30 s with 15-bit picture ids.
type VP8 struct {
	Seq       uint16
	Timestamp uint32
	Picture   uint16
	TL0       uint8
}

// Frame is the next frame in so many packets.
func (v *VP8) Frame(keyframe bool, packets int) []*rtp.Packet {
	var frame []*rtp.Packet
	for k := range packets {
		descriptor := []byte{0x80, 0xE0, 0, 0, v.TL0, 0}
		header := byte(0x01)
		if k == 0 {
			descriptor[0] |= 0x10
		}
		if k == 0 && keyframe {
			header = 0
		}
		binary.BigEndian.PutUint16(descriptor[2:], v.Picture&0x7FFF|0x8000)
		frame = append(frame, &rtp.Packet{
			Header: rtp.Header{
				Version: 2, SequenceNumber: v.Seq, Timestamp: v.Timestamp, Marker: k == packets-1,
			},
			Payload: append(descriptor, header, byte(v.Seq>>8), byte(v.Seq)),
		})
		v.Seq++
	}
	v.Timestamp += 3000
	v.Picture++
	v.TL0++
	return frame
}
