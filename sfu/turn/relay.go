package turn

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/turn/v5"
)

// relay makes the relayed ends of allocations. It is Pion's RelayAddressGenerator.
type relay struct {
	// constant after New
	cfg     Config
	media   func() []netip.AddrPort // where the media socket is
	metrics *metrics

	peers atomic.Pointer[[]netip.AddrPort] // media's answer, as of refreshed

	mu        sync.Mutex // guards everything below
	refreshed time.Time
	total     int
	byUser    map[string]int
	open      sync.WaitGroup // one per relayed socket
}

var _ turn.RelayAddressGenerator = (*relay)(nil)

// again is how soon the media socket's addresses are asked for anew: networks come and go.
const again = time.Second

func newRelay(cfg Config, media func() []netip.AddrPort, m *metrics) *relay {
	r := &relay{cfg: cfg, media: media, metrics: m, byUser: map[string]int{}}
	r.refresh()
	return r
}

// refresh looks again where the media socket is.
func (r *relay) refresh() []netip.AddrPort {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); now.Sub(r.refreshed) > again {
		r.refreshed = now
		peers := r.media()
		r.peers.Store(&peers)
	}
	return *r.peers.Load()
}

// permit is Pion's PermissionHandler: a browser may send to the media socket's addresses.
func (r *relay) permit(_ net.Addr, peer net.IP) bool {
	address, ok := netip.AddrFromSlice(peer)
	is := func(p netip.AddrPort) bool { return p.Addr() == address.Unmap() }
	if ok && (slices.ContainsFunc(*r.peers.Load(), is) || slices.ContainsFunc(r.refresh(), is)) {
		return true
	}
	r.metrics.refused(refusedPeer)
	return false
}

// mayAllocate is Pion's QuotaHandler.
func (r *relay) mayAllocate(user, _ string, _ net.Addr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.byUser[user] >= r.cfg.PerUser:
		r.metrics.refused(refusedUser)
	case r.total >= r.cfg.Allocations:
		r.metrics.refused(refusedTotal)
	default:
		return true
	}
	return false
}

// Validate implements turn.RelayAddressGenerator.
func (*relay) Validate() error { return nil }

var errRefused = errors.New("not relayed here")

// AllocateListener and AllocateConn implement turn.RelayAddressGenerator: nothing is relayed by TCP
// (RFC 6062).
func (*relay) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	return nil, nil, errRefused
}

// AllocateConn: see AllocateListener.
func (*relay) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) { return nil, errRefused }

// AllocatePacketConn implements turn.RelayAddressGenerator: it opens the relayed end of one allocation.
// Ports cannot be chosen.
func (r *relay) AllocatePacketConn(c turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	if c.RequestedPort != 0 || c.UserID == "" || !r.take(c.UserID) {
		return nil, nil, errRefused
	}
	socket, err := r.listen(c.Network)
	if err != nil {
		r.giveBack(c.UserID)
		return nil, nil, err
	}
	return &relayed{UDPConn: socket, relay: r, user: c.UserID}, socket.LocalAddr(), nil
}

func (r *relay) take(user string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byUser[user] >= r.cfg.PerUser || r.total >= r.cfg.Allocations {
		return false
	}
	r.byUser[user]++
	r.total++
	r.open.Add(1)
	r.metrics.allocations.Inc()
	return true
}

func (r *relay) giveBack(user string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byUser[user]--; r.byUser[user] == 0 {
		delete(r.byUser, user)
	}
	r.total--
	r.metrics.allocations.Dec()
	r.open.Done()
}

// listen opens a socket of a family, on an address that the media socket answers from: it answers from
// the very address that it was asked at.
func (r *relay) listen(network string) (*net.UDPConn, error) {
	var addresses []netip.Addr
	if r.cfg.RelayAddress != "" {
		addresses = append(addresses, netip.MustParseAddr(r.cfg.RelayAddress)) // checked by Validate
	} else {
		for _, p := range r.refresh() {
			addresses = append(addresses, p.Addr())
		}
		// Some browsers are wary of loopback addresses.
		slices.SortStableFunc(addresses, func(a, b netip.Addr) int { return rank(a) - rank(b) })
	}
	for _, a := range addresses {
		if a.Is4() != (network == "udp4") {
			continue
		}
		socket, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 0)))
		if err == nil {
			return socket, nil
		}
	}
	return nil, fmt.Errorf("no address to relay from by %s", network)
}

func rank(a netip.Addr) int {
	if a.IsLoopback() {
		return 1
	}
	return 0
}

// relayed is the relayed end of one allocation. It knows the media socket only.
type relayed struct {
	*net.UDPConn // never nil

	relay *relay
	user  string

	closeOnce sync.Once

	// owned by the one who reads
	from    netip.AddrPort
	fromUDP *net.UDPAddr // the same: most packets come from one address
}

func (c *relayed) knows(p netip.AddrPort) bool { return slices.Contains(*c.relay.peers.Load(), p) }

// ReadFrom implements net.PacketConn for one reader. The address returned is not to be changed.
func (c *relayed) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.ReadFromUDPAddrPort(b)
		if err != nil {
			return 0, nil, err //nolint:wrapcheck // Pion ends the allocation whatever it is
		}
		if from != c.from {
			unmapped := netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
			if !c.knows(unmapped) {
				c.relay.metrics.refused(refusedPeer)
				continue
			}
			c.from, c.fromUDP = from, net.UDPAddrFromAddrPort(unmapped)
		}
		return n, c.fromUDP, nil
	}
}

// WriteTo implements net.PacketConn. What is for another port than the media socket's is dropped: a
// permission is for all ports of an address.
func (c *relayed) WriteTo(b []byte, to net.Addr) (int, error) {
	udp, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, errRefused
	}
	at := udp.AddrPort()
	at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	if !c.knows(at) {
		c.relay.metrics.refused(refusedPeer)
		return len(b), nil
	}
	return c.WriteToUDPAddrPort(b, at) //nolint:wrapcheck // Pion logs it
}

// Close implements net.PacketConn; any number of times.
func (c *relayed) Close() error {
	var err error
	c.closeOnce.Do(func() {
		err = c.UDPConn.Close()
		c.relay.giveBack(c.user)
	})
	return err //nolint:wrapcheck // Pion logs it
}
