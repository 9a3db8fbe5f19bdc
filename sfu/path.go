package sfu

import (
	"net/netip"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// path is how a peer's packets leave: sealed by us and sent in batches, or, where that cannot be,
// by Pion. It is chosen once, before the first packet, and never changes: a key and nonce that both
// had used would give the plaintext away (RFC 7714 §9.1).
type path struct {
	own  bool
	keys srtpKeys // when own
}

// mostOverhead is what sealing adds to a payload at most: header, one CSRC, extension, tag.
const mostOverhead = 12 + 4 + 8 + 16

// openPath chooses the path when the connection stands, and follows where it leads from then on.
func (p *Peer) openPath() {
	if p.path.Load() != nil {
		return
	}
	chosen := &path{}
	transport := p.iceTransport()
	if e := p.room.sfu.egress; e != nil && transport != nil {
		transport.OnSelectedCandidatePairChange(p.follow)
		if pair, err := transport.GetSelectedCandidatePair(); err == nil && pair != nil {
			p.destination.CompareAndSwap(nil, p.room.sfu.lead(pair)) // a change may have come before
		}
		if p.destination.Load() != nil {
			if keys, err := p.keys.take(); err == nil {
				chosen.own, chosen.keys = true, keys
			}
		}
	}
	if p.path.CompareAndSwap(nil, chosen) {
		for _, s := range *p.seats.Load() {
			s.requestKeyframe() // the one that came before was not for this browser
		}
	}
}

// iceTransport is that of the one transport of the connection (BUNDLE).
func (p *Peer) iceTransport() *webrtc.ICETransport {
	for _, transceiver := range p.pc.GetTransceivers() {
		if s := transceiver.Sender(); s != nil && s.Transport() != nil {
			return s.Transport().ICETransport()
		}
		if r := transceiver.Receiver(); r != nil && r.Transport() != nil {
			return r.Transport().ICETransport()
		}
	}
	return nil
}

// follow notes where the browser is now; where that is not known, packets go on to where it was.
func (p *Peer) follow(pair *webrtc.ICECandidatePair) {
	if to := p.room.sfu.lead(pair); to != nil {
		p.destination.Store(to)
	}
}

// lead finds the way to the remote end of a pair, or nil.
func (s *SFU) lead(pair *webrtc.ICECandidatePair) *destination {
	address, err := netip.ParseAddr(pair.Remote.Address)
	if err != nil {
		return nil
	}
	remote := netip.AddrPortFrom(address.Unmap().WithZone(""), pair.Remote.Port)
	if pair.Remote.Protocol == webrtc.ICEProtocolUDP {
		return s.egress.destination(netip.AddrPortFrom(address, pair.Remote.Port))
	}
	local, err := netip.ParseAddr(pair.Local.Address)
	if err != nil || s.tcp == nil {
		return nil
	}
	if c := s.tcp.find(local.Unmap(), remote); c != nil {
		return &destination{tcp: c}
	}
	return nil
}

// transmit sends a packet of the seat: into b, which the caller flushes, or through Pion. s.mu is held.
func (s *seat) transmit(h *rtp.Header, payload []byte, b *batch) {
	chosen := s.peer.path.Load()
	switch {
	case chosen == nil:
		return // not connected yet: nobody would hear it
	case !chosen.own:
		if s.writer == nil {
			return
		}
		if _, err := s.writer.WriteRTP(h, payload); err != nil {
			s.peer.room.sfu.metrics.dropped(dropWrite)
		}
		return
	}
	if !s.seal(chosen, h, payload, b) {
		s.peer.room.sfu.metrics.dropped(dropWrite)
	}
}

// seal appends the packet to b.
func (s *seat) seal(chosen *path, h *rtp.Header, payload []byte, b *batch) bool {
	if s.sealer == nil {
		var err error
		if s.sealer, err = chosen.keys.context(); err != nil {
			return false
		}
	}
	to := s.peer.destination.Load()
	size := h.MarshalSize()
	if cap(s.plain) < size+len(payload) {
		s.plain = make([]byte, 0, size+len(payload)+256)
	}
	plain := s.plain[:size+len(payload)]
	if _, err := h.MarshalTo(plain); err != nil {
		return false
	}
	copy(plain[size:], payload)
	sealed, err := s.sealer.EncryptRTP(b.room(len(plain)+mostOverhead), plain, &s.header)
	if err != nil {
		return false
	}
	b.add(to, len(sealed))
	return true
}
