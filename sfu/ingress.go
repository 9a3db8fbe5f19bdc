package sfu

import (
	"maps"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// ingress is the media port as Pion's mux reads it: what Pion need not see is taken out before. That is
// all RTP of streams that are known and all RTCP, which would else be copied eight times and handed through five
// goroutines; STUN, DTLS and the first packets of a stream go on to Pion.
//
// A port of one socket is read by the goroutine of Pion's mux itself; several have a reader each.
type ingress struct {
	*net.UDPConn         // the first socket
	egress       *egress // what is written to instead, or nil
	clock        *clock

	senders atomic.Pointer[map[origin]*sender] // by where their packets come from; copied on write
	expects atomic.Bool                        // somebody is sought
	mu      sync.Mutex                         // makes writers of senders take turns, and guards all of the next line

	expecting []*sender // who are sought

	reader datagrams // of the only socket

	others  []*net.UDPConn // the sockets besides the first
	passed  chan passed    // what their readers leave to Pion; nil for one socket
	readers sync.WaitGroup
	closed  chan struct{}
	once    sync.Once
}

// origin is where packets come from.
type origin struct {
	netip.AddrPort

	tcp bool
}

// passed is a datagram that Pion is to read.
type passed struct {
	datagram []byte
	from     netip.AddrPort
}

// mostPassed is how many wait for Pion: it has time, since most is said again.
const mostPassed = 1024

func newIngress(sockets []*net.UDPConn, egress *egress, clock *clock) *ingress {
	g := &ingress{UDPConn: sockets[0], egress: egress, clock: clock, others: sockets[1:], closed: make(chan struct{})}
	g.senders.Store(&map[origin]*sender{})
	if len(g.others) == 0 {
		g.reader.open(g.UDPConn, g)
		return g
	}
	g.passed = make(chan passed, mostPassed)
	for _, socket := range sockets {
		g.readers.Go(func() { g.read(socket) })
	}
	return g
}

// read reads one of several sockets until it is closed.
func (g *ingress) read(socket *net.UDPConn) {
	var reader datagrams
	reader.open(socket, g)
	for {
		datagram, from, err := reader.next()
		if err != nil {
			return
		}
		select {
		case g.passed <- passed{append([]byte(nil), datagram...), from}:
		default: // lost, as on the way here
		}
	}
}

// ReadFromAddrPort implements ice.AddrPortReaderWriter. Only one goroutine reads, that of Pion's mux.
func (g *ingress) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	if g.passed == nil {
		datagram, from, err := g.reader.next()
		return copy(b, datagram), from, err
	}
	select {
	case p := <-g.passed:
		return copy(b, p.datagram), p.from, nil
	case <-g.closed:
		return 0, netip.AddrPort{}, net.ErrClosed
	}
}

// take takes a packet, as sender.take does.
func (g *ingress) take(packet []byte, from origin, at time.Time) (taken bool) {
	s := (*g.senders.Load())[from]
	if s != nil {
		defer s.peer.survive()
		taken = true // also when it was its end
		if taken = s.take(packet, from, at); taken {
			return true
		}
	}
	return g.expects.Load() && !from.tcp && g.answers(packet, from.AddrPort)
}

// takeUDP is take of a datagram.
func (g *ingress) takeUDP(datagram []byte, from netip.AddrPort, at time.Time) bool {
	return g.take(datagram, origin{netip.AddrPortFrom(from.Addr().Unmap().WithZone(""), from.Port()), false}, at)
}

// WriteToAddrPort implements ice.AddrPortReaderWriter.
func (g *ingress) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if g.egress != nil && to.Addr().Zone() == "" {
		if err := g.egress.write(b, g.egress.destination(to)); err != nil {
			return 0, err
		}
		return len(b), nil
	}
	return g.WriteToUDPAddrPort(b, to)
}

// ReadFrom implements net.PacketConn.
func (g *ingress) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := g.ReadFromAddrPort(b)
	return n, net.UDPAddrFromAddrPort(from), err
}

// Close implements net.PacketConn: it closes all sockets and returns when nothing reads them; any number
// of times.
func (g *ingress) Close() (err error) {
	g.once.Do(func() {
		close(g.closed)
		err = g.UDPConn.Close()
		closeAll(g.others)
		g.readers.Wait()
	})
	return err
}

// follow takes the packets that come from there for those of s, and no others.
func (g *ingress) follow(s *sender, from origin) {
	g.expect(s, false)
	g.mu.Lock()
	defer g.mu.Unlock()
	senders := maps.Clone(*g.senders.Load())
	maps.DeleteFunc(senders, func(_ origin, other *sender) bool { return other == s })
	senders[from] = s
	g.senders.Store(&senders)
}

// forget takes nothing more for s.
func (g *ingress) forget(s *sender) {
	g.expect(s, false)
	g.mu.Lock()
	defer g.mu.Unlock()
	senders := maps.Clone(*g.senders.Load())
	maps.DeleteFunc(senders, func(_ origin, other *sender) bool { return other == s })
	g.senders.Store(&senders)
}
