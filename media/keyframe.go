package media

import "strings"

// IsKeyframe reports whether an RTP payload begins a keyframe. codec is a media type as in SDP, in
// any case; audio is always true, since it may begin anywhere; an unknown codec is false.
func IsKeyframe(codec string, payload []byte) bool {
	switch strings.ToLower(codec) {
	case "video/vp8":
		return vp8Keyframe(payload)
	case "video/h264":
		return h264Keyframe(payload)
	case "video/vp9":
		return vp9Keyframe(payload)
	case "video/av1":
		return len(payload) > 0 && payload[0]&0x08 != 0 // N: a new coded video sequence (AV1 RTP §4.4)
	}
	return strings.HasPrefix(strings.ToLower(codec), "audio/")
}

// vp8Keyframe looks behind the payload descriptor (RFC 7741 §4.2) at the P bit (§4.3).
func vp8Keyframe(payload []byte) bool {
	if len(payload) < 1 || payload[0]&0x10 == 0 || payload[0]&0x07 != 0 {
		return false // not the start of the first partition
	}
	at := 1
	if payload[0]&0x80 != 0 {
		if len(payload) < 2 {
			return false
		}
		extensions := payload[1]
		at++
		if extensions&0x80 != 0 { // picture id, of 7 or 15 bits
			if len(payload) <= at {
				return false
			}
			at += 1 + int(payload[at]>>7)
		}
		if extensions&0x40 != 0 { // TL0PICIDX
			at++
		}
		if extensions&0x30 != 0 { // TID, KEYIDX
			at++
		}
	}
	return len(payload) > at && payload[at]&1 == 0
}

// h264Keyframe looks for an SPS or IDR slice, alone, aggregated or fragmented (RFC 6184 §5.4).
func h264Keyframe(payload []byte) bool {
	const idr, sps, stapA, fuA = 5, 7, 24, 28
	if len(payload) < 2 {
		return false
	}
	switch payload[0] & 0x1F {
	case idr, sps:
		return true
	case fuA:
		return payload[1]&0x80 != 0 && (payload[1]&0x1F == idr || payload[1]&0x1F == sps)
	case stapA:
		for rest := payload[1:]; len(rest) > 2; {
			size := int(rest[0])<<8 | int(rest[1])
			if size == 0 || len(rest) < 2+size {
				return false
			}
			if kind := rest[2] & 0x1F; kind == idr || kind == sps {
				return true
			}
			rest = rest[2+size:]
		}
	}
	return false
}

// vp9Keyframe: the beginning of a frame that is not predicted, in the lowest layer (RFC 9628 §4.2).
func vp9Keyframe(payload []byte) bool {
	const predicted, layered, begins = 0x40, 0x20, 0x08
	if len(payload) < 1 || payload[0]&predicted != 0 || payload[0]&begins == 0 {
		return false
	}
	if payload[0]&layered == 0 {
		return true
	}
	at := 1
	if payload[0]&0x80 != 0 { // picture id
		if len(payload) <= at {
			return false
		}
		at += 1 + int(payload[at]>>7)
	}
	return len(payload) > at && payload[at]&0x0E == 0 // spatial layer 0
}
