package sfu

import (
	"time"

	"github.com/pion/stun/v4"
)

// watch asks a browser that is silent, and passes on when it is gone or back; was is what it was told to be
// last.
func (p *Peer) watch(was PeerState, now time.Time) PeerState {
	if p.room.sfu.egress == nil {
		return was // Pion watches
	}
	silent, stands := p.sender.consent.silence(now), p.path.Load() != nil
	if stands && silent >= askAfter {
		p.ask()
	}
	is := was.after(silent, stands)
	if is != was && (was != "" || is != Connected) { // that is told at once
		p.room.connection(p, is)
	}
	return is
}

// after is the state of a connection that was silent for so long, and stands or has yet to.
func (was PeerState) after(silent time.Duration, stands bool) PeerState {
	switch {
	case silent >= failAfter:
		return Failed // or it never came
	case !stands:
		return was
	case silent >= disconnectAfter:
		return Disconnected
	}
	return Connected
}

// ask sends a question about consent.
func (p *Peer) ask() {
	to := p.destination.Load()
	if question := p.sender.consent.question(); question != nil && to != nil {
		p.room.sfu.egress.post(question, to)
	}
}

// takeSTUN answers what a browser asks about a connection that stands, or leaves it to Pion.
func (s *sender) takeSTUN(b []byte, from origin, at time.Time) bool {
	egress, to := s.peer.room.sfu.egress, s.peer.destination.Load()
	if egress == nil || !stun.IsMessage(b) || from.tcp && (to == nil || to.tcp == nil) {
		return false // or there is no way back but Pion's
	}
	answer, taken := s.consent.takeSTUN(b, from.AddrPort, at)
	if len(answer) > 0 {
		if !from.tcp {
			to = egress.destination(from.AddrPort)
		}
		egress.post(answer, to) // if it is lost, it asks again
	}
	return taken
}
