package recorder

import (
	"encoding/binary"
	"fmt"

	"github.com/pion/rtp/codecs"

	"github.com/parley/parley"
	"github.com/parley/parley/media"
	"github.com/parley/parley/media/container"
)

// h264Depacketizer makes NAL units of RTP payloads, each behind its length in four bytes, as Matroska has them
// (ISO/IEC 14496-15 §5.3.2). Parameter sets stay among them: a browser sends others with each change of size.
type h264Depacketizer struct {
	codecs.H264Packet

	held int // bytes of a unit in fragments
}

// Unmarshal returns the units that are whole with payload. What is left of a unit whose end was lost is forgotten
// when the next one begins.
func (h *h264Depacketizer) Unmarshal(payload []byte) ([]byte, error) {
	if !media.H264Continues(payload) {
		*h = h264Depacketizer{H264Packet: codecs.H264Packet{IsAVC: true}}
	}
	if h.held += len(payload); h.held > maxFrame {
		return nil, fmt.Errorf("a unit of more than %d bytes: %w", maxFrame, parley.Invalid)
	}
	units, err := h.H264Packet.Unmarshal(payload)
	if err != nil {
		return nil, fmt.Errorf("read packet: %w", err)
	}
	return units, nil
}

// IsPartitionHead reports whether a picture begins with payload. Of one in several slices Pion takes each for a
// beginning.
func (*h264Depacketizer) IsPartitionHead(payload []byte) bool { return media.H264Head(payload) }

// lengthSize is how long the length before each unit is, in bytes.
const lengthSize = 4

// describeH264 makes the track's description of the parameter sets in its first keyframe; false when they are
// not there.
func describeH264(keyframe []byte) (container.TrackSpec, bool) {
	var parameters, picture []byte
	for len(keyframe) > lengthSize {
		size := int(binary.BigEndian.Uint32(keyframe))
		keyframe = keyframe[lengthSize:]
		if size > len(keyframe) {
			return container.TrackSpec{}, false
		}
		switch unit := keyframe[:size]; {
		case parameters == nil && media.NALKind(unit) == media.NALParameters:
			parameters = unit
		case picture == nil && media.NALKind(unit) == media.NALPicture:
			picture = unit
		}
		keyframe = keyframe[size:]
	}
	width, height, ok := media.H264Size(parameters)
	if !ok || picture == nil {
		return container.TrackSpec{}, false
	}
	return container.TrackSpec{Width: width, Height: height, Private: decoderConfiguration(parameters, picture)}, true
}

// decoderConfiguration is an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1): version, profile,
// compatibility and level as the first set has them, how long lengths are, and one set of each kind.
func decoderConfiguration(parameters, picture []byte) []byte {
	c := append([]byte{1}, parameters[1:4]...)
	c = append(c, 0xFC|(lengthSize-1), 0xE0|1)
	c = binary.BigEndian.AppendUint16(c, uint16(len(parameters)))
	c = append(c, parameters...)
	c = append(c, 1)
	c = binary.BigEndian.AppendUint16(c, uint16(len(picture)))
	return append(c, picture...)
}
