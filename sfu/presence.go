package sfu

import (
	"time"

	"github.com/pion/stun/v4"
)

// watch asks a browser about consent when that is due, sends nothing to who has let it end, and passes on when
// somebody is gone or back; was is what they were told to be last.
func (p *Peer) watch(was PeerState, now time.Time) PeerState {
	if p.room.sfu.egress == nil {
		p.knock()
		return was // Pion watches
	}
	c, stands := &p.sender.consent, p.path.Load() != nil
	if p.destination.Load() == nil {
		c.given.Store(c.heard.Load()) // Pion has the only way there, a TCP connection: nobody else can speak by it
	}
	if stands && c.due(now) {
		p.ask()
	}
	p.knock()
	if stands {
		p.withhold(c.ended(now))
	}
	age := c.age(now)
	if c.credentials.Load() == nil {
		age = 0 // ICE restarts, and nobody can be asked meanwhile
	}
	is := was.after(c.silence(now), age, stands)
	if is != was && (was != "" || is != Connected) { // that is told at once
		p.room.connection(p, is)
	}
	return is
}

// withhold has nothing sent to the browser from now on, or again; what is begun again begins with a keyframe.
func (p *Peer) withhold(on bool) {
	if p.withheld.Swap(on) == on {
		return
	}
	if on {
		for _, s := range *p.seats.Load() {
			s.interrupt()
		}
	}
	p.wakeFeedback()
}

// after is the state of a connection that was silent for so long, and consented so long ago, and stands or has
// yet to.
func (was PeerState) after(silent, age time.Duration, stands bool) PeerState {
	switch {
	case silent >= failAfter || age >= consentLasts:
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
