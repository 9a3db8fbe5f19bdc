package sfu

import (
	"maps"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// ingress is the media socket as Pion's mux reads it: what Pion need not see is taken out before. That is
// all RTP of streams that are known, which would else be copied eight times and handed through five
// goroutines; STUN, DTLS, RTCP and the first packets of a stream go on to Pion.
type ingress struct {
	*net.UDPConn

	reader datagrams

	senders atomic.Pointer[map[origin]*sender] // by where their packets come from; copied on write
	mu      sync.Mutex                         // makes writers of senders take turns
}

// origin is where packets come from.
type origin struct {
	netip.AddrPort

	tcp bool
}

func newIngress(socket *net.UDPConn) *ingress {
	g := &ingress{UDPConn: socket}
	g.senders.Store(&map[origin]*sender{})
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
		if !g.take(datagram, origin{netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), false}, at) {
			return copy(b, datagram), from, nil
		}
	}
}

// take forwards a packet, or leaves it to Pion.
func (g *ingress) take(packet []byte, from origin, at time.Time) bool {
	s := (*g.senders.Load())[from]
	return s != nil && s.take(packet, at)
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
func (g *ingress) follow(s *sender, from origin) {
	g.mu.Lock()
	defer g.mu.Unlock()
	senders := maps.Clone(*g.senders.Load())
	maps.DeleteFunc(senders, func(_ origin, other *sender) bool { return other == s })
	senders[from] = s
	g.senders.Store(&senders)
}

// forget takes nothing more for s.
func (g *ingress) forget(s *sender) {
	g.mu.Lock()
	defer g.mu.Unlock()
	senders := maps.Clone(*g.senders.Load())
	maps.DeleteFunc(senders, func(_ origin, other *sender) bool { return other == s })
	g.senders.Store(&senders)
}
