package sfu

import (
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// path is how a peer's packets leave: sealed by us and sent in batches, or, where that cannot be,
// by Pion. It is chosen once, before the first packet, and never changes: a key and nonce that both
// had used would give the plaintext away (RFC 7714 §9.1). It fills a line of the processor's cache.
type path struct {
	own    bool // sealed by us
	sealer sealer
	rtcp   *rtcpSealer // nil: by Pion
}

// route is what each packet to one browser needs of its connection. It is small and stands alone: routes
// to a hundred browsers lie on a few pages of memory, their peers on hundreds.
type route struct {
	path        atomic.Pointer[path]        // chosen when the connection stands, nil before
	destination atomic.Pointer[destination] // where it leads
	withheld    atomic.Bool                 // nothing is sent: the browser consents no more
	stamps      atomic.Bool                 // packets are numbered across seats, and noted in sent
	sent        atomic.Pointer[sentLog]     // nil until they were
}

// stamp numbers packets from now on, or does not.
func (r *route) stamp(on bool) {
	if on && r.sent.Load() == nil {
		r.sent.Store(&sentLog{})
	}
	r.stamps.Store(on)
}

// mostTag is what sealing adds at most.
const mostTag = 16

// openPath chooses the path when the connection stands, and follows where it leads from then on. Only Pion moves it,
// by the pair of candidates it chooses: the first is taken here, each later one by follow. lead makes a destination of
// a pair, and heed has what comes from there taken for this browser's.
func (p *Peer) openPath() {
	if p.path.Load() != nil {
		return
	}
	chosen := &path{}
	transport := p.iceTransport()
	if transport != nil {
		transport.OnSelectedCandidatePairChange(p.follow)
	}
	if p.room.sfu.egress != nil && transport != nil {
		if pair, err := transport.GetSelectedCandidatePair(); err == nil && pair != nil {
			p.destination.CompareAndSwap(nil, p.room.sfu.lead(pair)) // a change may have come before
		}
		if p.destination.Load() != nil {
			if ours, theirs, err := p.keys.take(); err == nil {
				chosen.sealer, err = newSealer(ours)
				chosen.own = err == nil // else Pion seals
				chosen.rtcp, _ = newRTCPSealer(ours)
				p.sender.open(theirs)
			}
		}
	}
	if !p.path.CompareAndSwap(nil, chosen) {
		return
	}
	p.wakeFeedback() // its pictures begin now: a keyframe before was not for this browser
	if transport == nil {
		return
	}
	if pair, err := transport.GetSelectedCandidatePair(); err == nil && pair != nil {
		p.heed(pair)
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
	if p.room.sfu.egress != nil {
		if to := p.room.sfu.lead(pair); to != nil {
			p.destination.Store(to)
		}
	}
	if p.path.Load() != nil {
		p.heed(pair)
	}
}

// heed takes what comes from the remote end of a pair for this browser's.
func (p *Peer) heed(pair *webrtc.ICECandidatePair) {
	if address, err := netip.ParseAddr(pair.Remote.Address); err == nil {
		from := netip.AddrPortFrom(address.Unmap().WithZone(""), pair.Remote.Port)
		p.room.sfu.engine.ingress.follow(p.sender, origin{from, pair.Remote.Protocol == webrtc.ICEProtocolTCP})
		p.withhold(false) // before it is settled: whoever closes after that has said so
		p.sender.consent.settled(time.Now())
		p.part(p.pc.ConnectionState()) // whoever has closed meanwhile has said so, too: Pion tells in no order
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

// outgoing is what a layer lends to its seats, one after another: they gather packets in it.
type outgoing struct {
	batch   batch
	scratch scratch
	head    head
	picture packet // a packet read from a ring to be sent again
	now     int64  // Unix microseconds: when what is gathered leaves

	audio, video int // packets handed over since the last flush
}

// flush sends what the seats have gathered.
func (o *outgoing) flush(m *metrics) {
	m.forwarded(o.audio, o.video)
	o.audio, o.video = 0, 0
	for range o.batch.flush() {
		m.dropped(dropWrite)
	}
}

// transmit sends a packet of the seat with header out.head, prefix and the payload of from, with the picture
// numbers of at: into the batch of out, which the caller flushes, or through Pion. state is that of its SSRC.
// s.mu is held.
func (s *seat) transmit(state *sealing, out *outgoing, prefix []byte, from *packet, at position) {
	chosen := s.route.path.Load()
	if chosen == nil || s.writer == nil || s.route.withheld.Load() {
		return // not connected yet, or no more: nobody would hear it
	}
	if s.audio {
		out.audio++
	} else {
		out.video++
	}
	h := &out.head
	most := mostHead + len(prefix) + len(from.payload) + 1 + mostTag
	if !chosen.own {
		out.scratch.plain = s.compose(out.scratch.plain[:0], h, prefix, from, at)
		s.transmitByPion(out)
		return
	}
	if h.stamped = s.route.stamps.Load() && s.ids.transport != 0; h.stamped {
		h.transport = s.route.sent.Load().next(most-mostHead+12, out.now)
	}
	b := h.append(out.batch.room(most), s.ids)
	headSize := len(b)
	b = append(b, prefix...)
	b = from.picture.put(b, from.payload, at.picture, at.tl0)
	sealed := chosen.sealer.seal(state, &out.scratch, b, headSize)
	if sealed == nil {
		s.peer.room.sfu.metrics.dropped(dropWrite)
		return
	}
	out.batch.add(s.route.destination.Load(), len(sealed))
}

// tell sends RTCP to the browser. Before the connection stands nobody would hear it; what is lost is told
// again by its own time.
func (p *Peer) tell(packets ...rtcp.Packet) {
	chosen := p.path.Load()
	if chosen == nil || len(packets) == 0 || p.withheld.Load() {
		return
	}
	if chosen.rtcp == nil {
		_ = p.pc.WriteRTCP(packets)
		return
	}
	var compound []byte
	send := func() {
		chosen.rtcp.seal(compound, func(sealed []byte) { p.room.sfu.egress.post(sealed, p.destination.Load()) })
		compound = compound[:0]
	}
	for _, packet := range packets {
		b, err := packet.Marshal()
		if err != nil {
			continue // what cannot be said is not
		}
		if len(compound)+len(b) > mostCompound {
			send()
		}
		compound = append(compound, b...)
	}
	send()
}

// mostCompound is how many bytes of RTCP go in one datagram: no more than a packet of media has.
const mostCompound = 1200

// compose writes a whole packet to b.
func (s *seat) compose(b []byte, h *head, prefix []byte, from *packet, at position) []byte {
	b = append(h.append(b, s.ids), prefix...)
	return from.picture.put(b, from.payload, at.picture, at.tl0)
}

// transmitByPion sends the packet in out.scratch.plain.
func (s *seat) transmitByPion(out *outgoing) {
	var p rtp.Packet
	if p.Unmarshal(out.scratch.plain) != nil {
		return
	}
	if _, err := s.writer.WriteRTP(&p.Header, p.Payload); err != nil {
		s.peer.room.sfu.metrics.dropped(dropWrite)
	}
}
