package sfu

import (
	"math"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/webrtc/v4"
)

// newCarrier is a peer with one seat that padding can be sent over, to a socket that nobody reads.
func newCarrier(t *testing.T) *Peer {
	t.Helper()
	sealer, err := newSealer(testKeys(t))
	if err != nil {
		t.Fatal(err)
	}
	s := newStage(t, webrtc.MimeTypeVP8)
	p, server := s.seat.peer, s.seat.peer.room.sfu
	if server.egress = newEgress([]*net.UDPConn{listenLocal(t)}); server.egress == nil {
		t.Skip("packets go the way of Pion here, without probes")
	}
	t.Cleanup(server.egress.close)
	p.closing = make(chan struct{})
	p.destination.Store(server.egress.destination(netip.MustParseAddrPort(listenLocal(t).LocalAddr().String())))
	p.path.Store(&path{own: true, sealer: sealer})
	p.stamp(true)
	p.seats.Store(&[]*seat{s.seat})
	s.seat.rtxSSRC, s.seat.format.rtx, s.seat.ids.transport = 8, 97, 3
	return p
}

// TestAProbeIsShortAndSmall, whatever a publisher says of its pictures and a browser of what it takes.
func TestAProbeIsShortAndSmall(t *testing.T) {
	t.Parallel()
	for _, target := range []float64{0, 1, 500, 30_000, 3e6, 1e12, 1e30, math.Inf(1)} {
		synctest.Test(t, func(t *testing.T) {
			p := newCarrier(t)
			before := p.sent.Load().newest()
			began := time.Now()
			p.test(target, began)
			p.tasks.Wait()
			if took := time.Since(began); took == 0 || took > time.Second {
				t.Errorf("at %v bit/s it takes %v", target, took)
			}
			sent := p.sent.Load().newest() - before
			if sent < leastProbe || sent > sentSize/2 {
				t.Errorf("at %v bit/s it has %d packets", target, sent)
			}
			if to := p.bandwidth.probe.target; to < leastEstimate || to > mostProbe || target == 3e6 && to != target {
				t.Errorf("for %v bit/s it shows %v", target, to)
			}
		})
	}
}

// TestABurstDelaysNoClosing: a peer that closes waits for it.
func TestABurstDelaysNoClosing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newCarrier(t)
		began := time.Now()
		p.burst((*p.seats.Load())[0], leastProbe, 1)
		if took := time.Since(began); took > time.Second {
			t.Errorf("a burst takes %v", took)
		}
		p.test(leastEstimate, began)
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
		closed := time.Now()
		close(p.closing)
		p.tasks.Wait()
		if took := time.Since(closed); took > 0 {
			t.Errorf("it goes on for %v", took)
		}
	})
}

// listenLocal opens a socket that nobody reads, until the test ends.
func listenLocal(t testing.TB) *net.UDPConn {
	t.Helper()
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	return socket
}
