package sfu

import (
	"maps"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
)

// ingress is the media socket as Pion's mux reads it: what Pion need not see is taken out before. That is
// all RTP of streams that are known, which would else be copied eight times and handed through five
// goroutines; STUN, DTLS, RTCP and the first packets of a stream go on to Pion.
type ingress struct {
	*net.UDPConn

	reader datagrams

	senders atomic.Pointer[map[netip.AddrPort]*sender] // by where their packets come from; copied on write
	mu      sync.Mutex                                 // makes writers of senders take turns
}

func newIngress(socket *net.UDPConn) *ingress {
	g := &ingress{UDPConn: socket}
	g.senders.Store(&map[netip.AddrPort]*sender{})
	g.reader.open(socket)
	return g
}

// ReadFromAddrPort implements ice.AddrPortReaderWriter. Only one goroutine reads, that of Pion's mux; most
// of what it would read is forwarded right here.
func (g *ingress) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	for {
		datagram, from, at, err := g.reader.next()
		if err != nil {
			return 0, netip.AddrPort{}, err
		}
		s := (*g.senders.Load())[netip.AddrPortFrom(from.Addr().Unmap(), from.Port())]
		if s == nil || !s.take(datagram, at) {
			return copy(b, datagram), from, nil
		}
	}
}

// WriteToAddrPort implements ice.AddrPortReaderWriter.
func (g *ingress) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	return g.WriteToUDPAddrPort(b, to)
}

// ReadFrom implements net.PacketConn.
func (g *ingress) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := g.ReadFromAddrPort(b)
	return n, net.UDPAddrFromAddrPort(from), err
}

// follow takes the packets that come from there for those of s, and no others.
func (g *ingress) follow(s *sender, from netip.AddrPort) {
	g.mu.Lock()
	defer g.mu.Unlock()
	senders := maps.Clone(*g.senders.Load())
	maps.DeleteFunc(senders, func(_ netip.AddrPort, other *sender) bool { return other == s })
	senders[netip.AddrPortFrom(from.Addr().Unmap(), from.Port())] = s
	g.senders.Store(&senders)
}

// forget takes nothing more for s.
func (g *ingress) forget(s *sender) {
	g.mu.Lock()
	defer g.mu.Unlock()
	senders := maps.Clone(*g.senders.Load())
	maps.DeleteFunc(senders, func(_ netip.AddrPort, other *sender) bool { return other == s })
	g.senders.Store(&senders)
}
