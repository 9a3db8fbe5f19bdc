package sfu

import (
	"encoding/binary"
	"errors"
	"io"
	"time"

	"github.com/pion/rtcp"

	"github.com/parley/parley"
)

// The packets of RTCP that browsers send (RFC 3550 §12.1, RFC 4585 §6.1).
const (
	rtcpSR, rtcpRR       = 200, 201
	rtcpRTPFB, rtcpPSFB  = 205, 206
	rtpfbNACK, rtpfbTCC  = 1, 15
	psfbPLI, psfbFIR     = 1, 4
	psfbREMB             = 15
	rtcpHead             = 8  // bytes of the common header and the sender's SSRC
	rtcpMedia            = 12 // with the media source's SSRC, of feedback
	reportSize           = 24 // bytes of one reception report
	senderInfo           = 20 // bytes of it in a sender report
	rembFixed, rembRates = 16, 20
)

// everySSRC has all of a compound packet heard.
const everySSRC = 0

// mostFeedbacks is how many transport-cc feedbacks of one compound are read: a browser sends one.
const mostFeedbacks = 4

// hear takes in the compound RTCP packet b of this browser, or of it only what is about one SSRC: Pion gives
// a copy to the reader of each that is named. False for what is no RTCP. What comes often is read without
// allocating.
func (p *Peer) hear(b []byte, only uint32, now time.Time) bool {
	feedbacks := 0
	for len(b) > 0 {
		if len(b) < rtcpHead || b[0]>>6 != 2 {
			return false
		}
		size := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
		if size > len(b) || size < rtcpHead {
			return false
		}
		if b[1] == rtcpRTPFB && b[0]&0x1F == rtpfbTCC {
			feedbacks++
		}
		if feedbacks <= mostFeedbacks {
			p.hearOne(b[:size], only, now)
		}
		b = b[size:]
	}
	return true
}

// hearOne takes in one packet of a compound.
func (p *Peer) hearOne(b []byte, only uint32, now time.Time) {
	kind, sender := b[0]&0x1F, binary.BigEndian.Uint32(b[4:])
	about := uint32(0)
	if len(b) >= rtcpMedia {
		about = binary.BigEndian.Uint32(b[8:])
	}
	meant := only == everySSRC || only == about
	switch {
	case b[1] == rtcpSR && len(b) >= rtcpHead+senderInfo:
		if only == everySSRC || only == sender {
			p.hearSender(sender, b[rtcpHead:], now)
		}
		p.hearReports(b[rtcpHead+senderInfo:], only)
	case b[1] == rtcpRR:
		p.hearReports(b[rtcpHead:], only)
	case b[1] == rtcpRTPFB && kind == rtpfbTCC && meant:
		if log := p.sent.Load(); log != nil {
			p.bandwidth.feedback(log, b, now)
		}
	case b[1] == rtcpRTPFB && kind == rtpfbNACK && meant:
		p.hearNACK(b)
	case b[1] == rtcpPSFB && kind == psfbPLI && meant:
		p.wantKeyframe(about)
	case b[1] == rtcpPSFB && kind == psfbFIR && len(b) >= rtcpMedia:
		for entry := b[rtcpMedia:]; len(entry) >= 8; entry = entry[8:] { // RFC 5104 §4.3.1.1
			if ssrc := binary.BigEndian.Uint32(entry); only == everySSRC || only == ssrc {
				p.wantKeyframe(ssrc)
			}
		}
	case b[1] == rtcpPSFB && kind == psfbREMB && len(b) >= rembRates && string(b[rtcpMedia:rembFixed]) == "REMB":
		word := binary.BigEndian.Uint32(b[rembFixed:]) // count, 6 bits of exponent, 18 bits of mantissa
		p.bandwidth.limit(float64(uint64(word&0x3FFFF)<<(word>>18&0x3F)), now)
	}
}

// hearSender takes in when a packet of one of the browser's streams was captured (RFC 3550 §6.4.1).
func (p *Peer) hearSender(ssrc uint32, info []byte, now time.Time) {
	if l := p.sender.layer(ssrc); l != nil {
		ntp := binary.BigEndian.Uint64(info)
		at := p.clock.local(ntpTime(ntp), now)
		l.report.Store(&senderReport{timestamp: binary.BigEndian.Uint32(info[8:]), at: at, ntp: ntp, came: now})
	}
}

// hearReports takes in what the browser lost; it counts until there is feedback for each packet.
func (p *Peer) hearReports(reports []byte, only uint32) {
	for ; len(reports) >= reportSize; reports = reports[reportSize:] {
		ssrc := binary.BigEndian.Uint32(reports)
		if only != everySSRC && only != ssrc {
			continue
		}
		if s := p.seatOf(ssrc); s != nil && s.kind == parley.Video {
			lossy := reports[4] > lossyShare
			if was := p.lossy.Swap(lossy); lossy && !was {
				p.wakeFeedback()
			}
		}
	}
}

// hearNACK leaves what is to be sent again to the feedback loop: it may be much, and the socket's reader has
// others to read for. What finds no place is asked for again.
func (p *Peer) hearNACK(b []byte) {
	var nack rtcp.TransportLayerNack
	if nack.Unmarshal(b) != nil {
		return
	}
	select {
	case p.nacks <- nack:
	default:
	}
}

// wantKeyframe passes on that a seat's picture cannot be shown.
func (p *Peer) wantKeyframe(ssrc uint32) {
	if s := p.seatOf(ssrc); s != nil {
		s.requestKeyframe()
	}
}

// seatOf finds a seat by its SSRC, nil for none.
func (p *Peer) seatOf(ssrc uint32) *seat {
	for _, s := range *p.seats.Load() {
		if s.ssrc == ssrc {
			return s
		}
	}
	return nil
}

// hearByPion hears what Pion reads of one SSRC, until the peer closes: all of it has to be read, or its buffer
// fills. Most comes past Pion (takeRTCP).
func (p *Peer) hearByPion(read rtcpReader, ssrc uint32) {
	buf := make([]byte, readSize)
	for bad := 0; bad < maxBadReads; {
		n, err := read(buf)
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe):
			return
		case err != nil || !p.hear(buf[:n], ssrc, time.Now()):
			bad++
		default:
			bad = 0
			p.sender.consent.hear(time.Now())
		}
	}
}
