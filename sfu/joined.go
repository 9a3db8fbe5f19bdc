package sfu

import (
	"sync"
	"time"

	"github.com/pion/rtp"
)

// layerSilence is how long a layer that is kept may be silent before a smaller one takes over. Browsers
// stop their largest encoding without a word when bandwidth or CPU is short.
const layerSilence = time.Second

// tapKeyframes is how far apart the keyframes of a tapped picture may be: what somebody who jumps
// into the record waits for at most, at the price of a tenth of the bandwidth.
const tapKeyframes = 5 * time.Second

// joined is the one stream of a publication that its taps are given: its largest layer that delivers.
type joined struct {
	taps []Tap // constant once the publication has begun

	// mu makes the layers of one publication take turns; one without simulcast never waits for it.
	mu        sync.Mutex
	current   *layer    // nil before the first packet
	ssrc      uint32    // of the first layer: that of the whole stream
	moved     bool      // current is not the first: numbers are rewritten
	rewriter  rewriter  // layers -> one stream
	refreshed time.Time // arrival of the last keyframe
	packet    rtp.Packet
	payload   []byte // of packet, when it had to be rewritten
}

// write gives p, of layer l, to the taps, if it belongs to the stream.
func (j *joined) write(l *layer, p *packet) {
	if len(j.taps) == 0 {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.choose(l, p) {
		return
	}
	at, ok := j.rewriter.place(p.number, p.at(), p.arrived)
	if !ok {
		return
	}
	if p.keyframe {
		j.refreshed = p.arrived
	}
	j.packet = rtp.Packet{Header: l.rtp.Header, Payload: p.payload}
	j.packet.PaddingSize, j.packet.Padding = 0, false
	j.packet.SequenceNumber, j.packet.Timestamp, j.packet.SSRC = at.seq, at.timestamp, j.ssrc
	if j.moved {
		j.payload = p.picture.put(j.payload[:0], p.payload, at.picture, at.tl0)
		j.packet.Payload = j.payload
	}
	for _, tap := range j.taps {
		tap.Write(&j.packet, p.arrived)
	}
}

// choose reports whether p, of layer l, is kept. The largest layer that delivers is, beginning with a
// keyframe: which of its encodings a browser sends, and when it begins, is its own affair, so no layer
// is ever waited for.
func (j *joined) choose(l *layer, p *packet) bool {
	switch {
	case j.current == l:
		return true
	case j.current == nil:
		j.rewriter.clockRate = l.pub.codec.clockRate
		j.rewriter.resume(p.number, p.at())
		j.current, j.ssrc = l, l.ssrc
		return true
	case l.rank > j.current.rank && j.current.meter.delivers(p.arrived):
		return false
	case !p.keyframe:
		l.requestKeyframe()
		return false
	}
	j.rewriter.begin(p.number, p.at(), j.rewriter.timeOf(p.arrived))
	j.current, j.moved = l, true
	return true
}

// refresh asks for a keyframe when somebody keeps this picture and the last one is long ago: a record
// can be entered at keyframes only, and browsers make none by themselves.
func (j *joined) refresh(now time.Time) {
	j.mu.Lock()
	current, stale := j.current, now.Sub(j.refreshed) >= tapKeyframes
	j.mu.Unlock()
	if current != nil && stale {
		current.requestKeyframe()
	}
}

// close tells the taps that nothing follows.
func (j *joined) close() {
	for _, tap := range j.taps {
		tap.Close()
	}
}
