package sfu

import (
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/parley/parley"
	"github.com/parley/parley/media"
)

// readSize is the largest packet read from the network: an Ethernet frame. WebRTC keeps to 1,200.
const readSize = 1500

// maxBadReads is how many reads may fail in a row before a layer is given up. A browser that sends
// that many packets which are no RTP harms itself alone.
const maxBadReads = 256

// mostSounds is how many packets of one microphone go on in a second: Opus has 400 at most (RFC 6716 §2.1.4), and
// those that a network has held back come together. Sound goes to everybody, whatever they show.
const mostSounds = 500

// layer is one incoming RTP stream: a publication's only one, or one of its simulcast encodings. It
// may hold spatial and temporal layers itself (place), of VP8, VP9 or AV1. It is owned by its read loop.
type layer struct {
	// constant after newLayer
	pub          *publication
	remote       *webrtc.TrackRemote
	control      rtcpReader
	ssrc         uint32
	rtxSSRC      uint32 // of its retransmissions, 0 where the offer does not say
	payload      webrtc.PayloadType
	redPayload   uint8 // of redundant audio, 0 where that does not come
	rid          string
	rank         int   // 0 for the largest encoding
	levelID      uint8 // of the RFC 6464 extension, 0 when not negotiated or not audio
	dependencyID uint8 // of the AV1 dependency descriptor, 0 when not negotiated

	// reading makes the two take turns who bring packets: the socket's reader, and the loop that reads
	// from Pion the first of them, and all where the socket's reader cannot.
	reading   sync.Mutex
	closed    bool // nothing more is taken
	rate      rate // of sound
	adopted   bool // the socket's reader knows of it
	window    window
	reception reception
	rtp       rtp.Packet // the packet being read
	packet    packet     // what it means
	blocks    [mostBlocks + 1]redBlock
	picture   uint16 // the newest id, of those that have 7 bits, in 15
	// parametered says that H.264 parameter sets come before keyframes: these begin there.
	parametered bool

	// mu makes the read loop and the timer of a held picture take turns; it is held while a packet goes
	// out, so that packets leave in the order they came.
	mu   sync.Mutex
	gaps rewriter // closes the gaps that padding leaves
	left int64    // how many packets it has left out
	ring *ring    // nil for audio
	run  run      // the beginning of a picture

	// atomic
	keyframeWanted atomic.Bool
	report         atomic.Pointer[senderReport] // the publisher's newest, or nil
	structure      atomic.Pointer[structure]    // of the dependency descriptors, or nil
	meter          meter
}

// rtcpReader is the reading half of an RTPSender, or of one encoding of an RTPReceiver.
type rtcpReader func(b []byte) (int, error)

// read takes packets from the network to the publication until the peer closes.
func (l *layer) read() {
	buf := make([]byte, readSize)
	count := l.pub.peer.room.sfu.metrics
	for bad := 0; bad < maxBadReads; {
		n, _, err := l.remote.Read(buf)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) {
			return
		}
		now := time.Now()
		l.reading.Lock()
		if err != nil || l.rtp.Unmarshal(buf[:n]) != nil {
			l.reading.Unlock()
			count.dropped(dropMalformed)
			bad++
			continue
		}
		bad = 0
		why := l.take(n, now, false)
		if why.fresh() {
			l.pub.peer.sender.consent.hear(now)
		}
		if why != "" {
			count.dropped(why)
		} else if !l.adopted && l.pub.begun.Load() { // beginning asks for taps, which may wait
			l.adopted = true
			l.pub.peer.sender.adopt(l)
		}
		l.reading.Unlock()
	}
}

// takeDirect takes the packet b from the socket's reader, where resent as a retransmission (RFC 4588 §4). It
// reports whether that is known to be the first time.
func (l *layer) takeDirect(b []byte, resent bool, arrived time.Time) (fresh bool) {
	l.reading.Lock()
	defer l.reading.Unlock()
	why := drop("")
	switch {
	case l.closed:
		return false
	case l.rtp.Unmarshal(b) != nil:
		why = dropMalformed
	case resent && len(l.rtp.Payload) < 2:
		return false // padding, a probe for bandwidth
	case resent:
		l.rtp.SequenceNumber = binary.BigEndian.Uint16(l.rtp.Payload)
		l.rtp.Payload, l.rtp.PayloadType = l.rtp.Payload[2:], uint8(l.payload)
		why = l.take(len(b), arrived, true)
	default:
		why = l.take(len(b), arrived, false)
	}
	if why != "" {
		l.pub.peer.room.sfu.metrics.dropped(why)
	}
	return why.fresh()
}

// close lets nothing more in.
func (l *layer) close() {
	l.reading.Lock()
	defer l.reading.Unlock()
	l.closed = true
}

// take takes the packet that was read, of n bytes, to the publication, or says why it goes no further;
// reading is held.
func (l *layer) take(n int, arrived time.Time, resent bool) drop {
	if l.ring == nil && l.rate.over(mostSounds, arrived) {
		return dropFlood
	}
	if l.redPayload != 0 && l.rtp.PayloadType == l.redPayload {
		l.rtp.PayloadType = uint8(l.payload)
		return l.takeRED(n, arrived)
	}
	return l.takePlain(n, arrived, resent)
}

// takePlain is take for a packet that holds one.
func (l *layer) takePlain(n int, arrived time.Time, resent bool) drop {
	p := &l.packet
	p.arrived = arrived
	if why := l.parse(p); why != "" {
		return why
	}
	if l.reception.take(p.number, p.timestamp, arrived, resent) && l.ring != nil {
		l.pub.peer.wakeFeedback()
	}
	l.meter.count(p, n)
	if len(p.payload) > 0 && !l.pub.begin(p) {
		return dropRefused
	}
	l.receive(p)
	return ""
}

// parse fills in what the packet that was read means, or says why it goes no further.
func (l *layer) parse(p *packet) drop {
	if webrtc.PayloadType(l.rtp.PayloadType) != l.payload {
		return dropCodec // a track has one codec for its whole life
	}
	number, fresh := l.window.admit(l.rtp.SequenceNumber)
	if !fresh {
		return dropDuplicate
	}
	*p = packet{
		number: number, arrived: p.arrived, seq: l.rtp.SequenceNumber, timestamp: l.rtp.Timestamp,
		marker: l.rtp.Marker, payload: l.rtp.Payload,
	}
	if len(p.payload) == 0 {
		return ""
	}
	p.keyframe = media.IsKeyframe(l.pub.codec.lower, p.payload)
	ok := true
	switch l.pub.codec.mime {
	case webrtc.MimeTypeOpus:
		if l.levelID != 0 {
			p.level = l.rtp.GetExtension(l.levelID)
		}
	case webrtc.MimeTypeVP8:
		p.picture, p.place, ok = parseVP8(p.payload)
		l.widen(&p.picture)
	case webrtc.MimeTypeVP9:
		p.picture, p.place, ok = parseVP9(p.payload)
		l.widen(&p.picture)
	case webrtc.MimeTypeH264:
		parameters := media.H264Parameters(p.payload) != nil
		l.parametered = l.parametered || parameters
		p.keyframe = p.keyframe && (!l.parametered || parameters)
	}
	if !ok || !l.parseDependency(p) {
		return dropMalformed
	}
	if p.keyframe {
		l.meter.resize(l.size(p))
	}
	return ""
}

// widen makes a picture id of 7 bits, which starts again after 128 pictures, one of 15 that goes on.
func (l *layer) widen(d *descriptor) {
	if d.pictureAt == 0 || d.wide {
		return
	}
	const narrow = 1 << 7
	step := (d.picture - l.picture) % narrow
	if step >= narrow/2 {
		d.picture = (l.picture + step - narrow) & pictureMask // late
		return
	}
	l.picture = (l.picture + step) & pictureMask
	d.picture = l.picture
}

// parseDependency reads the dependency descriptor, where the browser sends one: it says more than the
// payload of any codec does. What comes before the first structure stands nowhere yet.
func (l *layer) parseDependency(p *packet) bool {
	if l.dependencyID == 0 {
		return true
	}
	if p.dependency = l.rtp.GetExtension(l.dependencyID); p.dependency == nil {
		return true
	}
	if len(p.dependency) < dependencyFixed {
		return false
	}
	known := l.structure.Load()
	d, now, ok := parseDependency(p.dependency, known)
	if !ok {
		return now == nil
	}
	if now != known {
		l.structure.Store(now)
	}
	p.place, p.frame = d.place, d.frame
	if l.pub.codec.mime == webrtc.MimeTypeAV1 {
		p.keyframe = d.key && d.place.begins && d.place.spatial == 0
	}
	return true
}

// size is that of the largest picture which begins with keyframe p, zero where it is not plain to see.
func (l *layer) size(p *packet) size {
	switch l.pub.codec.mime {
	case webrtc.MimeTypeVP8:
		return vp8Size(p.payload[p.picture.length:])
	case webrtc.MimeTypeH264:
		width, height, _ := media.H264Size(media.H264Parameters(p.payload))
		return size{width, height}
	}
	if told := l.structure.Load(); told != nil {
		return told.largest()
	}
	return size{}
}

// receive takes one packet to the taps and the seats.
func (l *layer) receive(p *packet) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.renumber(p) {
		return
	}
	if p.keyframe {
		l.keyframeWanted.Store(false) // before the seats are loaded: see Room.move
	}
	l.pub.joined.write(l, p)
	if l.ring == nil {
		l.pub.loudness.hear(p)
		l.release(p)
		return
	}
	p = l.ring.put(p)
	if !l.run.hold(p, l.pub.peer.room.sfu.cfg.BatchDelay, l) {
		l.release(p)
	}
}

// renumber gives p its number, and reports whether it has one. Padding has none: it is a browser's probe
// for bandwidth, and the gap it would leave is closed.
func (l *layer) renumber(p *packet) bool {
	if l.gaps.first == 0 {
		l.gaps.resume(p.number, p.at())
	}
	if len(p.payload) == 0 {
		before := l.gaps.delta.seq
		l.gaps.leaveOut(p.number, false)
		l.left += int64(before - l.gaps.delta.seq)
		return false
	}
	at, ok := l.gaps.place(p.number, p.at(), p.arrived)
	if !ok {
		return false
	}
	// A late packet has fewer gaps before it than all, by less than a sequence number can tell.
	p.number -= l.left
	p.number += int64(int16(at.seq - uint16(p.number)))
	p.seq = at.seq
	return true
}

// captured is the RTP time of what the layer's source captures now; false when no sender report of the
// publisher has told yet.
func (l *layer) captured(now time.Time) (uint32, bool) {
	report := l.report.Load()
	if report == nil {
		return 0, false
	}
	return report.timestamp + ticks(now.Sub(report.at), l.pub.codec.clockRate), true
}

// requestKeyframe makes the peer's feedback loop ask for a keyframe of this layer, and again until
// one came.
func (l *layer) requestKeyframe() {
	if l.pub.codec.kind == parley.Video && !l.keyframeWanted.Swap(true) {
		l.pub.peer.wakeFeedback()
	}
}
