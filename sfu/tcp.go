package sfu

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/pion/ice/v4"

	"github.com/parley/parley"
)

const (
	// firstMessage is how long a TCP connection may take to say which peer it belongs to, and how
	// long one that named a peer that does not exist is kept.
	firstMessage = 5 * time.Second
	// stuckAfter closes a TCP connection that takes nothing: by then ICE has given it up too.
	stuckAfter = 30 * time.Second
	// acceptAgain is the pause after a connection could not be accepted: mostly for want of files.
	acceptAgain = 50 * time.Millisecond
	// A browser opens one connection for each of its networks and each of our addresses, and many
	// browsers may share one address.
	mostConnections, mostPerHost = 4096, 512
)

// listenBoth binds the UDP socket and, where it is wanted, the TCP port of the same number. Where any
// port will do, one is found that both have free.
func listenBoth(cfg Config, m *metrics) ([]*net.UDPConn, *tcpListener, error) {
	const tries = 10
	for try := 1; ; try++ {
		udp, err := listen(cfg)
		if err != nil || !cfg.TCP {
			return udp, nil, err
		}
		tcp, err := listenTCP(udp[0], cfg, m)
		if err == nil {
			return udp, tcp, nil
		}
		closeAll(udp)
		if at, _ := cfg.listenAddress(); at.Port != 0 || try == tries {
			return nil, nil, err
		}
	}
}

// listenTCP binds the TCP port of the same number as the UDP one.
func listenTCP(udp *net.UDPConn, cfg Config, m *metrics) (*tcpListener, error) {
	bound, err := cfg.listenAddress()
	if err != nil {
		return nil, fmt.Errorf("udp_address: %w", err)
	}
	at := &net.TCPAddr{IP: bound.IP, Zone: bound.Zone}
	if local, ok := udp.LocalAddr().(*net.UDPAddr); ok {
		at.Port = local.Port
	}
	listener, err := net.ListenTCP("tcp", at)
	if err != nil {
		kind, say := parley.Invalid, "cannot be listened on"
		if errors.Is(err, syscall.EADDRINUSE) {
			kind, say = parley.Conflict, "is already in use"
		}
		return nil, &parley.Error{
			Op: "listen for media", Kind: kind, Err: err,
			Say: fmt.Sprintf("The TCP port %d %s; free it, take another udp_address, or set sfu.tcp to false.", at.Port, say),
		}
	}
	return &tcpListener{
		Listener: listener,
		metrics:  m,
		closing:  make(chan struct{}),
		byRemote: map[netip.AddrPort][]*tcpConn{},
		byHost:   map[netip.Addr]int{},
	}, nil
}

// tcpListener accepts the connections of browsers that cannot use UDP. Whatever is written to one only
// waits in that connection's queue. It gives Pion's mux its connections, and our own path a way to find
// them.
type tcpListener struct {
	net.Listener // never nil

	metrics *metrics
	closing chan struct{}
	writers sync.WaitGroup // one per connection

	mu       sync.Mutex // guards everything below
	closed   bool
	count    int
	byHost   map[netip.Addr]int
	byRemote map[netip.AddrPort][]*tcpConn
}

// Accept implements net.Listener. It ends only when the listener is closed: Pion would take any error
// for the end.
func (l *tcpListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil, fmt.Errorf("accept: %w", err)
			}
			select {
			case <-l.closing:
			case <-time.After(acceptAgain):
			}
			continue
		}
		if c := l.admit(conn); c != nil {
			return c, nil
		}
		l.metrics.tcpRefused.Inc()
		_ = conn.Close()
	}
}

// admit makes a connection ours; nil when there are too many.
func (l *tcpListener) admit(conn net.Conn) *tcpConn {
	local, remote := addrPortOf(conn.LocalAddr()), addrPortOf(conn.RemoteAddr())
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(tcpBuffer) // what the kernel holds can no more be dropped
	}
	c := &tcpConn{
		Conn: conn, listener: l, local: local.Addr(), remote: remote,
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	host := hostOf(remote.Addr())
	if l.closed || l.count >= mostConnections || l.byHost[host] >= mostPerHost {
		return nil
	}
	l.count++
	l.byHost[host]++
	l.byRemote[remote] = append(l.byRemote[remote], c)
	l.metrics.tcpConnections.Inc()
	l.writers.Go(c.write)
	return c
}

// forget makes room for another connection.
func (l *tcpListener) forget(c *tcpConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	same := l.byRemote[c.remote]
	for i := range same {
		if same[i] != c {
			continue
		}
		if same = append(same[:i:i], same[i+1:]...); len(same) == 0 {
			delete(l.byRemote, c.remote)
		} else {
			l.byRemote[c.remote] = same
		}
		host := hostOf(c.remote.Addr())
		if l.byHost[host]--; l.byHost[host] == 0 {
			delete(l.byHost, host)
		}
		l.count--
		l.metrics.tcpConnections.Dec()
		return
	}
}

// find returns the connection with a remote address, or nil. A remote port may be connected to several
// of our addresses; local may be none of them, where address translation is between.
func (l *tcpListener) find(local netip.Addr, remote netip.AddrPort) *tcpConn {
	l.mu.Lock()
	defer l.mu.Unlock()
	same := l.byRemote[remote]
	for _, c := range same {
		if c.local == local {
			return c
		}
	}
	if len(same) == 0 {
		return nil
	}
	return same[len(same)-1]
}

// Close implements net.Listener: it closes every connection too, and returns when their writers have
// ended.
func (l *tcpListener) Close() error {
	l.mu.Lock()
	again := l.closed
	l.closed = true
	var open []*tcpConn
	for _, same := range l.byRemote {
		open = append(open, same...)
	}
	l.mu.Unlock()
	if again {
		return nil
	}
	close(l.closing)
	err := l.Listener.Close()
	for _, c := range open {
		_ = c.Close() // the client sees it
	}
	l.writers.Wait()
	if err != nil {
		return fmt.Errorf("close TCP listener: %w", err)
	}
	return nil
}

// addrPortOf is a TCP address; the zero value for any other.
func addrPortOf(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	at := tcp.AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port())
}

// hostOf is what one household or office has: an IPv4 address, or a /64.
func hostOf(a netip.Addr) netip.Addr {
	if a.Is4() {
		return a
	}
	network, err := a.Prefix(64)
	if err != nil {
		return a
	}
	return network.Addr()
}

const (
	// tcpBuffer is asked of the kernel for each connection: a tenth of a second at 10 Mbit/s.
	tcpBuffer = 128 << 10
	// A queue holds mostMedia bytes: a second at 2 Mbit/s, or one large keyframe. What keeps the
	// connection alive has some room beyond it.
	mostMedia   = 256 << 10
	mostControl = mostMedia + 16<<10
	frameHeader = 2 // the length (RFC 4571 §2)
)

// tcpConn is one TCP connection of a browser. Writing to it never blocks: messages wait, framed and
// whole, in a bounded queue, and are dropped like those of UDP when it is full.
type tcpConn struct {
	net.Conn // never nil

	// constant after admit
	listener *tcpListener
	local    netip.Addr
	remote   netip.AddrPort
	wake     chan struct{} // capacity 1: there is something to write
	done     chan struct{}

	closeOnce sync.Once

	mu      sync.Mutex // guards everything below
	pending []byte     // framed messages
	full    bool       // media waits until everything is written: packets are then lost in one row
	closed  bool       // ICE has not noticed yet
}

// send queues one packet of media.
func (c *tcpConn) send(packet []byte) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		c.listener.metrics.dropped(dropWrite)
		return
	}
	whole := len(c.pending) + frameHeader + len(packet)
	if c.full || whole > mostMedia || len(packet) > 0xFFFF {
		c.full = len(c.pending) > 0
		c.mu.Unlock()
		c.listener.metrics.dropped(dropQueue)
		return
	}
	c.pending = binary.BigEndian.AppendUint16(c.pending, uint16(len(packet)))
	c.pending = append(c.pending, packet...)
	c.mu.Unlock()
	c.wakeUp()
}

// Write implements net.Conn for Pion, which writes one framed message at a time: connectivity checks,
// handshakes, reports.
func (c *tcpConn) Write(message []byte) (int, error) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return 0, net.ErrClosed
	}
	if len(c.pending)+len(message) > mostControl {
		c.mu.Unlock()
		c.listener.metrics.dropped(dropQueue)
		return len(message), nil // as UDP would
	}
	c.pending = append(c.pending, message...)
	c.mu.Unlock()
	c.wakeUp()
	return len(message), nil
}

func (c *tcpConn) wakeUp() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// write is the connection's writer: what has gathered goes out in one call.
func (c *tcpConn) write() {
	var out []byte
	for {
		select {
		case <-c.done:
			return
		case <-c.wake:
		}
		for {
			c.mu.Lock()
			c.pending, out = out[:0], c.pending
			c.full = c.full && len(out) > 0
			c.mu.Unlock()
			if len(out) == 0 {
				break
			}
			_ = c.Conn.SetWriteDeadline(time.Now().Add(stuckAfter))
			if _, err := c.Conn.Write(out); err != nil {
				_ = c.Close() // half a message may be out: nothing can follow it
				return
			}
		}
	}
}

// SetDeadline and SetWriteDeadline leave the writer its own: Write never waits.
func (c *tcpConn) SetDeadline(t time.Time) error {
	return c.SetReadDeadline(t)
}

func (*tcpConn) SetWriteDeadline(time.Time) error { return nil }

// Close implements net.Conn; any number of times.
func (c *tcpConn) Close() error {
	c.closeOnce.Do(func() {
		close(c.done)
		c.mu.Lock()
		c.closed, c.pending = true, nil
		c.mu.Unlock()
		c.listener.forget(c)
		_ = c.Conn.Close() // the client sees it
	})
	return nil
}

// tcpMux is Pion's, with candidates that outlive their connections: Pion's stops reading for good when
// the last one of a peer has ended, and a browser that connects again would not be heard.
type tcpMux struct {
	*ice.TCPMuxDefault

	ingress *ingress
}

func newTCPMux(l *tcpListener, g *ingress, logs pionLog) ice.TCPMux {
	return tcpMux{ingress: g, TCPMuxDefault: ice.NewTCPMuxDefault(ice.TCPMuxParams{
		Listener: l, Logger: logs.NewLogger("tcp"),
		FirstStunBindTimeout: firstMessage, AliveDurationForConnFromStun: firstMessage,
	})}
}

// GetConnByUfrag implements ice.TCPMux.
func (m tcpMux) GetConnByUfrag(ufrag string, isIPv6 bool, local net.IP) (net.PacketConn, error) {
	conn, err := m.TCPMuxDefault.GetConnByUfrag(ufrag, isIPv6, local)
	if err != nil {
		return nil, fmt.Errorf("TCP candidate: %w", err)
	}
	return lasting{conn, m.ingress}, nil
}

// lasting reads on after the end of one connection, and past what Pion need not see.
type lasting struct {
	net.PacketConn

	ingress *ingress
}

// ReadFrom implements net.PacketConn.
func (l lasting) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := l.PacketConn.ReadFrom(b)
		now := time.Now()
		l.ingress.clock.look(now)
		if err == nil && l.ingress.take(b[:n], origin{addrPortOf(from), true}, now) {
			continue
		}
		if err == nil || from == nil { // an error with an address is that of one connection
			return n, from, err //nolint:wrapcheck // Pion compares it
		}
	}
}
