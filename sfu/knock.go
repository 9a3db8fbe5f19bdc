package sfu

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"
	"go.uber.org/zap"

	"github.com/parley/parley"
)

// Whoever offers makes the checks, and is found where these come from: nothing is sent to an address because
// somebody claims to have it (docs/decisions/0022-no-candidates.md). An ICE-lite agent makes none (RFC 8445 §2.5).
// It is asked at few addresses, a few times, and Pion is given those that answer with its secret.
const (
	mostDoors  = 4
	mostKnocks = 5
)

// knocking finds the way to an ICE-lite agent.
type knocking struct {
	mu    sync.Mutex // guards all below
	doors []netip.AddrPort
	left  int // how often they are asked yet
	asked [stun.TransactionIDSize]byte
	by    *credentials
}

// checkCandidate is Invalid for what is no candidate (RFC 8839 §5.1); of a kind that is not known it may be.
func checkCandidate(text string) error {
	_, err := readCandidate(text)
	return err
}

// readCandidate reads one, nil for a kind that is not known.
func readCandidate(text string) (ice.Candidate, error) {
	c, err := ice.UnmarshalCandidate(strings.TrimPrefix(text, "candidate:"))
	switch {
	case errors.Is(err, ice.ErrUnknownCandidateTyp) || errors.Is(err, ice.ErrDetermineNetworkType):
		return nil, nil //nolint:nilnil // nothing is wrong with it
	case err != nil:
		return nil, &parley.Error{Op: "add candidate", Kind: parley.Invalid, Say: "The ICE candidate could not be used.", Err: err}
	}
	return c, nil
}

// doorsOf are the addresses in the offer of an ICE-lite agent, none for that of others.
func doorsOf(offer string) (doors []netip.AddrPort) {
	if !isLite(offer) {
		return nil
	}
	for line := range strings.Lines(offer) {
		text, ok := strings.CutPrefix(line, "a=candidate:")
		if !ok || len(doors) == mostDoors {
			continue
		}
		c, err := readCandidate(strings.TrimSpace(text))
		if err != nil || c == nil || !c.NetworkType().IsUDP() || c.Component() != ice.ComponentRTP {
			continue
		}
		address, err := netip.ParseAddr(c.Address())
		door := netip.AddrPortFrom(address.Unmap().WithZone(""), uint16(c.Port()))
		if err == nil && door.Port() != 0 && !slices.Contains(doors, door) {
			doors = append(doors, door)
		}
	}
	return doors
}

// isLite reports whether an offer is that of an ICE-lite agent (RFC 8839 §5.3).
func isLite(offer string) bool {
	session, _, _ := strings.Cut(offer, "\nm=")
	for line := range strings.Lines(session) {
		if strings.TrimSpace(line) == "a=ice-lite" {
			return true
		}
	}
	return false
}

// seek has the agent of an offer sought, by the credentials that were agreed on; or nobody.
func (k *knocking) seek(offer string, by *credentials) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.doors, k.left, k.by = doorsOf(offer), mostKnocks, by
}

// question is what to ask where, nil when nobody is sought.
func (k *knocking) question() (question []byte, doors []netip.AddrPort) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.left == 0 {
		k.doors = nil
	}
	if len(k.doors) == 0 {
		return nil, nil
	}
	k.left--
	built, err := k.by.question()
	if err != nil {
		return nil, nil
	}
	k.asked = built.TransactionID
	return built.Raw, k.doors
}

// open reports whether m, which came from there, says that the agent is there.
func (k *knocking) open(m *stun.Message, from netip.AddrPort) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	at := slices.Index(k.doors, from)
	if at < 0 || m.TransactionID != k.asked || k.by.remoteSecret.Check(m) != nil {
		return false
	}
	k.doors = slices.Delete(k.doors, at, at+1)
	return true
}

// knock asks an ICE-lite agent where it may be, unless the connection stands.
func (p *Peer) knock() {
	s := p.sender
	if s.consent.credentials.Load() != nil {
		return
	}
	ingress := p.room.sfu.engine.ingress
	question, doors := s.knocking.question()
	ingress.expect(s, question != nil)
	for _, door := range doors {
		_, _ = ingress.WriteToAddrPort(question, door) // it is asked again
	}
}

// expect has what answers questions looked at for s, or no more.
func (g *ingress) expect(s *sender, on bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.expecting = slices.DeleteFunc(g.expecting, func(other *sender) bool { return other == s })
	if on {
		g.expecting = append(g.expecting, s)
	}
	g.expects.Store(len(g.expecting) > 0)
}

// answers reports whether b is the answer of an ICE-lite agent, of which Pion then hears.
func (g *ingress) answers(b []byte, from netip.AddrPort) bool {
	if kind := stun.BindingSuccess.Value(); !stun.IsMessage(b) || binary.BigEndian.Uint16(b) != kind {
		return false
	}
	m := &stun.Message{Raw: slices.Clone(b)}
	if m.Decode() != nil {
		return false
	}
	g.mu.Lock()
	expecting := slices.Clone(g.expecting)
	g.mu.Unlock()
	for _, s := range expecting {
		if s.knocking.open(m, from) {
			s.peer.spawn(func() { s.peer.found(from) })
			return true
		}
	}
	return false
}

// found has Pion check an address at which the browser has answered.
func (p *Peer) found(at netip.AddrPort) {
	c, err := ice.NewCandidateHost(&ice.CandidateHostConfig{
		Network: "udp", Address: at.Addr().String(), Port: int(at.Port()), Component: ice.ComponentRTP,
	})
	if err == nil {
		err = p.pc.AddICECandidate(webrtc.ICECandidateInit{Candidate: "candidate:" + c.Marshal()})
	}
	if err != nil {
		p.log.Debug("add candidate that answered", zap.Error(err))
	}
}
