package recorder

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"

	"github.com/parley/parley"
	"github.com/parley/parley/media"
	"github.com/parley/parley/media/container"
)

// frame is what a decoder is given at once. data is valid until the framer's next call.
type frame struct {
	at       time.Duration // meeting clock
	duration time.Duration // 0 for video: until the next one
	keyframe bool
	data     []byte
}

// framer makes frames of the packets of one track, which come in order.
type framer interface {
	// push takes the next packet, with how many are missing before it; ok when a frame is whole.
	push(p *rtp.Packet, at time.Duration, lost int) (f frame, ok bool)
	// spec describes the track, once a frame was whole.
	spec() container.TrackSpec
}

func newFramer(t parley.Track) (framer, error) {
	switch {
	case !container.Recordable(t.Codec):
		return nil, fmt.Errorf("record %s: %w", t.Codec, parley.Invalid)
	case t.Source.Kind() == parley.Audio:
		return &audioFramer{codec: t.Codec, channels: t.Channels}, nil
	}
	v := &videoFramer{codec: t.Codec}
	switch strings.ToLower(t.Codec) {
	case "video/vp8":
		v.depacketizer, v.describe = &codecs.VP8Packet{}, sized(vp8Size)
	case "video/vp9":
		v.depacketizer, v.describe = &codecs.VP9Packet{}, sized(vp9Size)
	default:
		v.depacketizer, v.describe = &h264Depacketizer{}, describeH264
	}
	return v, nil
}

// audioFramer: a packet of Opus is a frame.
type audioFramer struct {
	codec    string
	channels uint16
}

func (a *audioFramer) push(p *rtp.Packet, at time.Duration, _ int) (frame, bool) {
	duration := container.OpusDuration(p.Payload)
	if duration == 0 {
		return frame{}, false
	}
	return frame{at: at, duration: duration, keyframe: true, data: p.Payload}, true
}

func (a *audioFramer) spec() container.TrackSpec {
	return container.TrackSpec{Codec: a.codec, Channels: a.channels}
}

// maxFrame bounds a picture: a keyframe of a 4K screen share is about 1 MB.
const maxFrame = 8 << 20

// videoFramer joins the packets of one picture, by RTP time and marker. A picture of which a packet is
// missing is dropped. The track begins with a keyframe.
type videoFramer struct {
	codec        string
	depacketizer rtp.Depacketizer
	describe     func(keyframe []byte) (container.TrackSpec, bool)
	described    container.TrackSpec

	open      bool // a packet of the picture came, its last has not
	timestamp uint32
	data      []byte
	at        time.Duration
	keyframe  bool
	whole     bool // so far
	begun     bool // a keyframe was whole
}

func (v *videoFramer) push(p *rtp.Packet, at time.Duration, lost int) (frame, bool) {
	payload, err := v.depacketizer.Unmarshal(p.Payload)
	if err != nil {
		v.whole = false
		return frame{}, false
	}
	if p.Timestamp != v.timestamp || !v.open {
		v.open, v.timestamp, v.at = true, p.Timestamp, at
		v.data = v.data[:0]
		v.whole = v.depacketizer.IsPartitionHead(p.Payload)
		v.keyframe = false
	} else if lost > 0 {
		v.whole = false
	}
	v.keyframe = v.keyframe || media.IsKeyframe(v.codec, p.Payload)
	v.data = append(v.data, payload...)
	if len(v.data) > maxFrame {
		v.whole, v.data = false, v.data[:0]
	}
	if !p.Marker {
		return frame{}, false
	}
	f := frame{at: v.at, keyframe: v.keyframe, data: v.data}
	whole := v.whole && len(v.data) > 0
	v.open = false
	if !whole || !v.begun && !v.begin(f) {
		return frame{}, false
	}
	return f, true
}

// begin notes what the first keyframe says of the track.
func (v *videoFramer) begin(f frame) bool {
	if !f.keyframe {
		return false
	}
	v.described, v.begun = v.describe(f.data)
	v.described.Codec = v.codec
	return v.begun
}

func (v *videoFramer) spec() container.TrackSpec { return v.described }

// sized describes the tracks of a codec whose keyframes say only how large they are.
func sized(size func(keyframe []byte) (width, height int, ok bool)) func([]byte) (container.TrackSpec, bool) {
	return func(keyframe []byte) (container.TrackSpec, bool) {
		width, height, ok := size(keyframe)
		return container.TrackSpec{Width: width, Height: height}, ok
	}
}

// vp8Size reads the frame header of a keyframe (RFC 6386 §9.1).
func vp8Size(f []byte) (width, height int, ok bool) {
	if len(f) < 10 || f[3] != 0x9D || f[4] != 0x01 || f[5] != 0x2A {
		return 0, 0, false
	}
	const bits = 0x3FFF
	return int(binary.LittleEndian.Uint16(f[6:]) & bits), int(binary.LittleEndian.Uint16(f[8:]) & bits), true
}

// vp9Size reads the uncompressed header of a profile 0 keyframe (VP9 bitstream §6.2, §7.2): frame
// marker, profile, the sync code, colour, then two 16-bit numbers one less than the size.
func vp9Size(f []byte) (width, height int, ok bool) {
	const syncAt, sizeAt = 1, 36 // bytes; bits: 8 header, 24 sync, 3 colour space, 1 range
	if len(f) < 10 || f[0]>>4 != 0x8 || f[syncAt] != 0x49 || f[syncAt+1] != 0x83 || f[syncAt+2] != 0x42 {
		return 0, 0, false
	}
	bits := func(from int) int {
		n := 0
		for i := from; i < from+16; i++ {
			n = n<<1 | int(f[i/8]>>(7-i%8)&1)
		}
		return n
	}
	return bits(sizeAt) + 1, bits(sizeAt+16) + 1, true
}
