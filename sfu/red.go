package sfu

import (
	"encoding/binary"
	"strconv"
	"strings"
	"time"

	"github.com/pion/webrtc/v4"
)

// mimeRED is redundant audio (RFC 2198): each packet repeats the ones before it. It is taken, and what it
// carries is forwarded as it is without: who loses packets on the way down is helped by Opus itself.
const mimeRED = "audio/red"

// mostBlocks is how many packets one packet may repeat; browsers repeat one or two.
const mostBlocks = 4

// redBlock is one packet within a packet.
type redBlock struct {
	payload []byte
	behind  uint32 // by how much it is older, in ticks
}

// parseRED takes the payload of a RED packet apart: the blocks in order, the newest last; false when it
// is cut short. The blocks are in into's array.
//
//	 0                   1                   2                   3
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|1|   block PT  |  timestamp offset         |   block length    |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|0|   block PT  |  the newest
func parseRED(payload []byte, into []redBlock) ([]redBlock, bool) {
	const header, follows = 4, 0x80
	var sizes [mostBlocks]int
	blocks := into[:0]
	for len(payload) > 0 && payload[0]&follows != 0 {
		if len(payload) < header || len(blocks) == mostBlocks {
			return nil, false
		}
		bits := binary.BigEndian.Uint32(payload)
		sizes[len(blocks)] = int(bits & 0x3FF)
		blocks = append(blocks, redBlock{behind: bits >> 10 & 0x3FFF})
		payload = payload[header:]
	}
	if len(payload) == 0 {
		return nil, false
	}
	payload = payload[1:]
	for i := range blocks {
		if len(payload) < sizes[i] {
			return nil, false
		}
		blocks[i].payload, payload = payload[:sizes[i]], payload[sizes[i]:]
	}
	return append(blocks, redBlock{payload: payload}), true
}

// primaryOf is the payload type that a RED format carries: 111 of "111/111" (RFC 2198 §5).
func primaryOf(format string) webrtc.PayloadType {
	first, _, _ := strings.Cut(format, "/")
	n, err := strconv.ParseUint(strings.TrimSpace(first), 10, 7)
	if err != nil {
		return 0
	}
	return webrtc.PayloadType(n)
}

// takeRED takes the packet that was read apart, which leaves its newest block in it. What it repeats is
// taken first, where it was lost; reading is held.
func (l *layer) takeRED(n int, arrived time.Time) drop {
	blocks, ok := parseRED(l.rtp.Payload, l.blocks[:0])
	if !ok {
		return dropMalformed
	}
	header := l.rtp.Header
	for i, b := range blocks[:len(blocks)-1] {
		back := uint16(len(blocks) - 1 - i)
		if len(b.payload) == 0 || !l.window.missing(header.SequenceNumber-back) {
			continue
		}
		if l.rate.over(mostSounds, arrived) {
			return dropFlood
		}
		l.rtp.SequenceNumber, l.rtp.Timestamp = header.SequenceNumber-back, header.Timestamp-b.behind
		l.rtp.Payload, l.rtp.Marker = b.payload, false
		_ = l.takePlain(0, arrived, true) // nobody counts on it
	}
	l.rtp.Header, l.rtp.Payload = header, blocks[len(blocks)-1].payload
	return l.takePlain(n, arrived, false)
}
