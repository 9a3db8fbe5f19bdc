package container

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/at-wat/ebml-go"
	"github.com/at-wat/ebml-go/webm"

	"github.com/parley/parley"
)

// The elements of a recorded segment (RFC 9559 §5). Everything in a segment but its header is a
// cluster of unknown size with a timecode and SimpleBlocks.
const (
	idEBML        = 0x1A45DFA3
	idSegment     = 0x18538067
	idInfo        = 0x1549A966
	idTracks      = 0x1654AE6B
	idCluster     = 0x1F43B675
	idTimecode    = 0xE7
	idSimpleBlock = 0xA3

	unknownSize = 0x01FFFFFFFFFFFFFF
	idAVC       = "V_MPEG4/ISO/AVC"
	keyframeBit = 0x80
	trackOne    = 0x81 // track number 1 as an EBML integer
)

// MaxBlockOffset is how far a block may be from the start of its cluster: its timecode has 16 bits.
const MaxBlockOffset = 32767 * time.Millisecond

// TrackSpec describes the one track of a recorded WebM.
type TrackSpec struct {
	Codec         string // media type as in SDP
	Channels      uint16 // audio
	Width, Height int    // video: of its first keyframe
	Private       []byte // H.264: AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1)
}

// Recordable reports whether a codec has a place here: those of WebM, and H.264, which makes it Matroska.
func Recordable(codec string) bool { return codecID(codec) != "" }

func codecID(codec string) string {
	switch strings.ToLower(codec) {
	case "audio/opus":
		return "A_OPUS"
	case "video/vp8":
		return "V_VP8"
	case "video/vp9":
		return "V_VP9"
	case "video/h264":
		return idAVC
	}
	return ""
}

type header struct {
	EBML    webm.EBMLHeader `ebml:"EBML"`
	Segment struct {
		Info   webm.Info   `ebml:"Info"`
		Tracks webm.Tracks `ebml:"Tracks"`
	} `ebml:"Segment,size=unknown"`
}

// AppendHeader appends what a track's WebM file begins with: everything before its first cluster.
// Timecodes count milliseconds. An unknown codec is Invalid.
func AppendHeader(to []byte, spec TrackSpec) ([]byte, error) {
	entry := webm.TrackEntry{TrackNumber: 1, TrackUID: 1, CodecID: codecID(spec.Codec)}
	switch entry.CodecID {
	case "":
		return to, fmt.Errorf("webm of %q: %w", spec.Codec, parley.Invalid)
	case "A_OPUS":
		entry.TrackType = 2
		entry.SeekPreRoll = uint64(80 * time.Millisecond) // RFC 7845 §4.6
		entry.Audio = &webm.Audio{SamplingFrequency: OpusRate, Channels: uint64(spec.Channels)}
		// The same head as Ogg's (RFC 9559 §5.1.4.1.22, RFC 7845 §5.1), nothing skipped.
		entry.CodecPrivate = append([]byte("OpusHead\x01"), byte(spec.Channels), 0, 0, 0x80, 0xBB, 0, 0, 0, 0, 0)
	default:
		entry.TrackType = 1
		entry.CodecPrivate = spec.Private
		entry.Video = &webm.Video{PixelWidth: uint64(spec.Width), PixelHeight: uint64(spec.Height)}
	}
	h := header{EBML: *webm.DefaultEBMLHeader}
	if entry.CodecID == idAVC {
		h.EBML.DocType = "matroska" // of which WebM is a part (RFC 9559 §4)
	}
	h.Segment.Info = webm.Info{TimecodeScale: 1_000_000, MuxingApp: "parley", WritingApp: "parley"}
	h.Segment.Tracks.TrackEntry = []webm.TrackEntry{entry}
	var out bytes.Buffer
	if err := ebml.Marshal(&h, &out); err != nil {
		return to, fmt.Errorf("write webm header: %w", err)
	}
	return append(to, out.Bytes()...), nil
}

// AppendCluster appends the start of a cluster at a time of the meeting clock, in whole milliseconds.
func AppendCluster(to []byte, at time.Duration) []byte {
	to = binary.BigEndian.AppendUint32(to, idCluster)
	to = binary.BigEndian.AppendUint64(to, unknownSize)
	to = append(to, idTimecode, 0x88)
	return binary.BigEndian.AppendUint64(to, uint64(at.Milliseconds()))
}

// AppendBlock appends one frame to a cluster that started at cluster. at may be at most MaxBlockOffset
// away from it.
func AppendBlock(to []byte, cluster, at time.Duration, keyframe bool, frame []byte) []byte {
	to = append(to, idSimpleBlock)
	to = binary.BigEndian.AppendUint64(to, 1<<56|uint64(len(frame)+4))
	to = append(to, trackOne)
	to = binary.BigEndian.AppendUint16(to, uint16(int16(at.Milliseconds()-cluster.Milliseconds())))
	flags := byte(0)
	if keyframe {
		flags = keyframeBit
	}
	return append(append(to, flags), frame...)
}
