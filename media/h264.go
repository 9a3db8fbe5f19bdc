package media

import "slices"

// Kinds of H.264 NAL units (ITU-T H.264 table 7-1) and of the payloads that carry them (RFC 6184 §5.2).
const (
	NALSlice      = 1
	NALKeySlice   = 5 // IDR
	NALParameters = 7 // sequence parameter set, SPS
	NALPicture    = 8 // picture parameter set, PPS
	NALDelimiter  = 9

	nalAggregate = 24 // STAP-A
	nalFragment  = 28 // FU-A

	fragmentStart = 0x80 // in the second byte of a fragment
)

// NALKind is the kind of a NAL unit, or of an RTP payload of H.264; 0 when it is empty.
func NALKind(unit []byte) byte {
	if len(unit) == 0 {
		return 0
	}
	return unit[0] & 0x1F
}

// H264Parameters is the sequence parameter set at the head of an RTP payload, alone or first in an aggregate
// (RFC 6184 §5.6, §5.7.1); nil when there is none.
func H264Parameters(payload []byte) []byte {
	switch NALKind(payload) {
	case NALParameters:
		return payload
	case nalAggregate:
		if first := firstAggregated(payload); NALKind(first) == NALParameters {
			return first
		}
	}
	return nil
}

// H264Continues reports whether an RTP payload is a later fragment of a unit (RFC 6184 §5.8).
func H264Continues(payload []byte) bool {
	return NALKind(payload) == nalFragment && len(payload) > 1 && payload[1]&fragmentStart == 0
}

// firstAggregated is the first unit in an aggregate; nil when it is cut short.
func firstAggregated(payload []byte) []byte {
	const head = 3
	if len(payload) <= head {
		return nil
	}
	size := int(payload[1])<<8 | int(payload[2])
	if len(payload) < head+size {
		return nil
	}
	return payload[head : head+size]
}

// H264Head reports whether an RTP payload may begin a picture: what goes before slices, or a slice whose first
// macroblock is the picture's first (ITU-T H.264 §7.3.3).
func H264Head(payload []byte) bool {
	switch kind := NALKind(payload); {
	case kind == nalAggregate:
		first := firstAggregated(payload)
		return NALKind(first) < nalAggregate && H264Head(first)
	case kind == nalFragment:
		return len(payload) > 2 && payload[1]&fragmentStart != 0 && firstMacroblock(payload[1]&0x1F, payload[2])
	case len(payload) < 2:
		return kind == NALDelimiter
	default:
		return firstMacroblock(kind, payload[1])
	}
}

// firstMacroblock reports whether a unit of that kind, whose header is followed by next, may be a picture's first.
func firstMacroblock(kind, next byte) bool {
	switch {
	case kind == NALSlice || kind == NALKeySlice:
		return next&0x80 != 0 // first_mb_in_slice is 0
	case kind > NALSlice && kind < NALKeySlice:
		return false // partitions
	}
	return kind > 0
}

// H264Size reads the size of pictures from a sequence parameter set (ITU-T H.264 §7.3.2.1.1, §7.4.2.1.1); false
// when it is cut short or names none that is possible.
func H264Size(parameters []byte) (width, height int, ok bool) {
	if NALKind(parameters) != NALParameters || len(parameters) < 4 {
		return 0, 0, false
	}
	profile := parameters[1]
	b := bitReader{bytes: parameters[4:]}
	b.number() // which set it is
	chroma, planes := 1, 1
	if slices.Contains([]byte{100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}, profile) {
		if chroma = b.number(); chroma == 3 && b.bit() == 1 {
			planes = 3
		}
		b.number() // depth of luma
		b.number() // and of chroma
		b.bit()
		b.skipScaling(chroma)
	}
	b.number() // length of frame numbers
	b.skipOrder()
	b.number() // reference frames
	b.bit()
	across, down := b.number()+1, b.number()+1
	frames := b.bit() // 1: there are no fields
	if frames == 0 {
		b.bit()
	}
	b.bit()
	width, height = 16*across, 16*down*(2-frames)
	if b.bit() == 1 {
		unitX, unitY := 1, 2-frames
		if planes == 1 && (chroma == 1 || chroma == 2) {
			unitX = 2
		}
		if planes == 1 && chroma == 1 {
			unitY *= 2
		}
		width -= unitX * (b.number() + b.number())
		height -= unitY * (b.number() + b.number())
	}
	const most = 1 << 14
	if b.short || width <= 0 || height <= 0 || width > most || height > most {
		return 0, 0, false
	}
	return width, height, true
}

// bitReader reads the bits of a NAL unit, the highest of a byte first. After the end everything is 0 and short is set.
type bitReader struct {
	bytes []byte
	at    int // bits
	short bool
}

func (b *bitReader) bit() int {
	if b.at >= 8*len(b.bytes) {
		b.short = true
		return 0
	}
	bit := b.bytes[b.at/8] >> (7 - b.at%8) & 1
	b.at++
	// Two zeros and a 3: the 3 is there only that no start code occurs within a unit (ITU-T H.264 §7.4.1).
	if i := b.at / 8; b.at%8 == 0 && i >= 2 && i < len(b.bytes) && b.bytes[i] == 3 && b.bytes[i-1] == 0 && b.bytes[i-2] == 0 {
		b.at += 8
	}
	return int(bit)
}

// number reads an Exp-Golomb code, ue(v) (ITU-T H.264 §9.1). Signed ones are as long, so it skips these too.
func (b *bitReader) number() int {
	const longest = 24 // more bits than any number here has
	zeros := 0
	for b.bit() == 0 {
		if zeros++; zeros > longest || b.short {
			b.short = true
			return 0
		}
	}
	n := 1
	for range zeros {
		n = n<<1 | b.bit()
	}
	return n - 1
}

// signed reads se(v).
func (b *bitReader) signed() int {
	n := b.number()
	if n%2 == 0 {
		return -n / 2
	}
	return (n + 1) / 2
}

// skipScaling skips the scaling matrix, if there is one (ITU-T H.264 §7.3.2.1.1.1).
func (b *bitReader) skipScaling(chroma int) {
	if b.bit() == 0 {
		return
	}
	lists := 8
	if chroma == 3 {
		lists = 12
	}
	for i := range lists {
		if b.bit() == 0 {
			continue
		}
		size := 16
		if i >= 6 {
			size = 64
		}
		last, next := 8, 8
		for range size {
			if next != 0 {
				next = (last + b.signed() + 256) % 256
			}
			if next != 0 {
				last = next
			}
		}
	}
}

// skipOrder skips how the order of pictures is told.
func (b *bitReader) skipOrder() {
	switch b.number() {
	case 0:
		b.number()
	case 1:
		b.bit()
		b.number()
		b.number()
		for cycle := b.number(); cycle > 0 && !b.short; cycle-- {
			b.number()
		}
	}
}
