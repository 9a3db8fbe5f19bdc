package sfu

import (
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/parley/parley/media"
)

// readSize is the largest packet read from the network: an Ethernet frame. WebRTC keeps to 1,200.
const readSize = 1500

// maxBadReads is how many reads may fail in a row before a layer is given up. A browser that sends
// that many packets which are no RTP harms itself alone.
const maxBadReads = 256

// layer is one incoming RTP stream: a publication's only one, or one of its simulcast encodings. It
// is owned by its read loop.
type layer struct {
	// constant after newLayer
	pub     *publication
	remote  *webrtc.TrackRemote
	control rtcpReader
	ssrc    uint32
	payload webrtc.PayloadType
	rank    int   // 0 for the largest encoding
	levelID uint8 // of the RFC 6464 extension, 0 when not negotiated or not audio

	// owned by the read loop
	window window
	number int64 // of the packet being read

	// guarded by the publication's mu
	heard time.Time // arrival of its newest packet

	// atomic
	keyframeWanted atomic.Bool
	report         atomic.Pointer[senderReport] // the publisher's newest, or nil
}

// rtcpReader is the reading half of an RTPSender, or of one encoding of an RTPReceiver.
type rtcpReader func(b []byte) (int, error)

// read takes packets from the network to the publication until the peer closes.
func (l *layer) read() {
	buf := make([]byte, readSize)
	p := packet{rtp: &rtp.Packet{}}
	count := l.pub.peer.room.sfu.metrics
	for bad := 0; bad < maxBadReads; {
		n, _, err := l.remote.Read(buf)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) {
			return
		}
		if err != nil || p.rtp.Unmarshal(buf[:n]) != nil {
			count.dropped(dropMalformed)
			bad++
			continue
		}
		bad = 0
		p.arrived = time.Now()
		if why := l.parse(&p); why != "" {
			count.dropped(why)
			continue
		}
		if len(p.rtp.Payload) > 0 && !l.pub.begin(&p) {
			count.dropped(dropRefused)
			continue
		}
		l.pub.receive(l, &p)
	}
}

// parse fills in what p means, or says why p goes no further.
func (l *layer) parse(p *packet) drop {
	if webrtc.PayloadType(p.rtp.PayloadType) != l.payload {
		return dropCodec // a track has one codec for its whole life
	}
	var fresh bool
	if l.number, fresh = l.window.admit(p.rtp.SequenceNumber); !fresh {
		return dropDuplicate
	}
	p.vp8, p.level, p.keyframe = vp8Descriptor{}, nil, false
	if len(p.rtp.Payload) == 0 {
		return ""
	}
	p.keyframe = media.IsKeyframe(l.pub.codec.lower, p.rtp.Payload)
	switch {
	case l.levelID != 0:
		p.level = p.rtp.GetExtension(l.levelID)
	case l.pub.codec.mime == webrtc.MimeTypeVP8:
		var ok bool
		if p.vp8, ok = parseVP8(p.rtp.Payload); !ok {
			return dropMalformed
		}
	}
	return ""
}

// readReports takes the publisher's sender reports, until the peer closes.
func (l *layer) readReports() {
	readRTCP(l.control, func(p rtcp.Packet) {
		if report, ok := p.(*rtcp.SenderReport); ok && report.SSRC == l.ssrc {
			at := l.pub.peer.clock.local(ntpTime(report.NTPTime), time.Now())
			l.report.Store(&senderReport{timestamp: report.RTPTime, at: at})
		}
	})
}

// captured is the RTP time of what the layer's source captures now.
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
	if !l.keyframeWanted.Swap(true) {
		l.pub.peer.wakeFeedback()
	}
}
