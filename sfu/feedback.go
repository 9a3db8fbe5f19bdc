package sfu

import (
	"sync"
	"time"

	"github.com/pion/rtcp"

	"github.com/parley/parley"
)

// keyframeInterval is how often one layer is asked for a keyframe at most: a keyframe costs as much as a
// second of video, and answers everybody who asked in the meantime.
const keyframeInterval = 500 * time.Millisecond

// senderReport ties RTP time to the server's clock: what has this timestamp was captured then.
type senderReport struct {
	timestamp uint32
	at        time.Time
	ntp       uint64 // as its sender wrote it
	came      time.Time
}

// remoteClock estimates how far a browser's clock is from the server's. One estimate for all its
// streams keeps them in step with each other; it follows the sender report that took the least time.
type remoteClock struct {
	mu     sync.Mutex
	offset time.Duration // server minus browser, network delay included
	known  bool
}

// clockDrift is the share of the difference by which a slower report moves the estimate, so that it
// follows a clock that drifts.
const clockDrift = 64

// local converts a time of the browser's clock, told now.
func (c *remoteClock) local(remote, now time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	offset := now.Sub(remote)
	if !c.known || offset < c.offset {
		c.offset, c.known = offset, true
	} else {
		c.offset += (offset - c.offset) / clockDrift
	}
	return remote.Add(c.offset)
}

// ntpEpoch is the zero of NTP time in Unix seconds: 1900-01-01 (RFC 3550 §4).
const ntpEpoch = -2208988800

// ntpTime converts 32.32 fixed-point seconds since 1900.
func ntpTime(ntp uint64) time.Time {
	return time.Unix(int64(ntp>>32)+ntpEpoch, int64((ntp&0xFFFFFFFF)*1e9>>32))
}

// toNTP is the inverse of ntpTime.
func toNTP(t time.Time) uint64 {
	return uint64(t.Unix()-ntpEpoch)<<32 | uint64(t.Nanosecond())<<32/1e9
}

// wakeFeedback makes the feedback loop look at once.
func (p *Peer) wakeFeedback() {
	select {
	case p.wake <- struct{}{}:
	default: // it is about to
	}
}

// feedback looks after one connection until the peer closes: which encodings of each of its pictures are
// wanted and how much they are, what its seats get, the keyframes that others want of it, and the sender
// reports of its seats.
func (p *Peer) feedback() {
	clock := p.room.sfu.clock
	beat := clock.add(p.room.sfu.peers.Add(1), time.Now())
	defer clock.remove(beat)
	asked := map[*layer]time.Time{}
	var state PeerState
	for {
		select {
		case <-p.closing:
			return
		case <-p.wake:
			p.attend(asked, time.Now())
		case nack := <-p.nacks:
			if s := p.seatOf(nack.MediaSSRC); s != nil {
				s.answer(nack.Nacks)
			}
		case <-beat.struck:
			now := time.Now()
			if round, report := beat.heard(p.beats()); report {
				p.attend(asked, now)
				p.reportReception(now)
				p.refreshTapped(now)
				p.sendReports(now)
				state = p.watch(state, now)
			} else if round {
				p.attend(asked, now)
			} else {
				p.tellPublisher(now)
			}
		}
	}
}

// beats is how many of them there are to the next time that p has to be looked after. What happens to who
// only watches, over a way without limits, is told by wakeFeedback.
func (p *Peer) beats() int {
	switch {
	case p.cfg.Publish:
		return 1
	case p.stamps.Load():
		return attendBeats
	}
	return reportBeats
}

// attend is one round of feedback.
func (p *Peer) attend(asked map[*layer]time.Time, now time.Time) {
	for _, pub := range p.allPublications() {
		if pub.codec.kind != parley.Video {
			continue
		}
		pub.measure(now)
		if rids, news := pub.look(now); news {
			p.room.tellEncodings(pub, rids)
		}
	}
	p.allot(now)
	p.tellPublisher(now)
	p.requestKeyframes(asked, now)
}

// requestKeyframes sends one PLI (RFC 4585 §6.3.1) per layer that wants one and was not asked within
// keyframeInterval.
func (p *Peer) requestKeyframes(asked map[*layer]time.Time, now time.Time) {
	var requests []rtcp.Packet
	for _, l := range p.allLayers() {
		if l.keyframeWanted.Load() && now.Sub(asked[l]) >= keyframeInterval {
			asked[l] = now
			requests = append(requests, &rtcp.PictureLossIndication{MediaSSRC: l.ssrc})
		}
	}
	if len(requests) > 0 {
		p.room.sfu.metrics.keyframeRequests.Add(float64(len(requests)))
		p.tell(requests...) // repeated until a keyframe came
	}
}

// refreshTapped has the pictures that are kept begin anew every few seconds.
func (p *Peer) refreshTapped(now time.Time) {
	for _, pub := range p.allPublications() {
		if pub.codec.kind == parley.Video {
			pub.joined.refresh(now)
		}
	}
}

// sendReports sends a sender report for every seat that sent something since its last one.
func (p *Peer) sendReports(now time.Time) {
	var reports []rtcp.Packet
	for _, s := range *p.seats.Load() {
		if report := s.report(now); report != nil {
			reports = append(reports, report)
		}
	}
	p.tell(reports...)
}

// report describes the stream as it was rewritten: the RTP time in it that is captured now, by the
// publisher's own reports, and by the newest packet until there is one. Nil when there is nothing to
// tell: what went out since is old pictures, or nothing, as while the seat is paused.
func (s *seat) report(now time.Time) *rtcp.SenderReport {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil || s.hurried || s.packets == s.told {
		return nil
	}
	s.told = s.packets
	timestamp, known := s.current.captured(now)
	timestamp += s.rewriter.delta.timestamp
	if !known {
		timestamp = s.rewriter.last.timestamp + ticks(now.Sub(s.rewriter.arrived), s.rewriter.clockRate)
	}
	s.reported = instant{timestamp, now}
	return &rtcp.SenderReport{
		SSRC:        s.ssrc,
		NTPTime:     toNTP(now),
		RTPTime:     timestamp,
		PacketCount: s.packets,
		OctetCount:  s.octets,
	}
}
