package container

import "time"

// OpusRate is the clock of Opus in every container and in RTP, in Hz (RFC 7587 §4.1).
const OpusRate = 48_000

// maxOpusSamples is the longest packet there may be: 120 ms (RFC 6716 §3.2.5, R5).
const maxOpusSamples = 5760

// OpusSamples is how long an Opus packet is, in samples at OpusRate: frame size times frame count as
// its TOC says (RFC 6716 §3.1, §3.2). 0 for what is no packet.
func OpusSamples(packet []byte) int {
	if len(packet) == 0 {
		return 0
	}
	toc := packet[0]
	var frame int
	switch config := toc >> 3; {
	case config < 12: // SILK: 10, 20, 40, 60 ms
		frame = [4]int{480, 960, 1920, 2880}[config&3]
	case config < 16: // hybrid: 10, 20 ms
		frame = [2]int{480, 960}[config&1]
	default: // CELT: 2.5, 5, 10, 20 ms
		frame = [4]int{120, 240, 480, 960}[config&3]
	}
	frames := 1
	switch toc & 3 {
	case 1, 2:
		frames = 2
	case 3:
		if len(packet) < 2 {
			return 0
		}
		frames = int(packet[1] & 0x3F)
	}
	if frame*frames > maxOpusSamples {
		return 0
	}
	return frame * frames
}

// OpusDuration is how long an Opus packet is.
func OpusDuration(packet []byte) time.Duration {
	return time.Duration(OpusSamples(packet)) * time.Second / OpusRate
}

// OpusSilence is a packet of 20 ms in which nothing was sent: a decoder conceals it, as it does a
// lost one (RFC 6716 §3.2.1: a frame of zero length). It takes the mode of the packet before it, or
// nil at the start.
func OpusSilence(before []byte) []byte {
	const silk20 = 1 << 3 // narrowband SILK, 20 ms, mono
	toc := byte(silk20)
	if len(before) > 0 {
		toc = before[0] &^ 3
		if OpusSamples([]byte{toc}) != OpusRate/50 {
			toc = toc&^(3<<3) | byte(1)<<3 // 20 ms of the same SILK or hybrid mode
			if toc>>3 >= 16 {
				toc |= 3 << 3 // which in CELT is the fourth
			}
		}
	}
	return []byte{toc}
}
