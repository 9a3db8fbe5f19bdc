package turn

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// strangerFor is how long a connection may take to show credentials.
	strangerFor = 15 * time.Second
	// idleFor is how long one that has may be silent: a browser refreshes its allocation sooner.
	idleFor = 10 * time.Minute
	// stuckAfter closes a connection that takes nothing.
	stuckAfter = 10 * time.Second
	// acceptAgain is the pause after a connection could not be accepted: mostly for want of files.
	acceptAgain = 50 * time.Millisecond
	// A company may be behind one address.
	mostStreams, mostPerHost = 4096, 512
	// streamBuffer is asked of the kernel for each connection: what waits there is late.
	streamBuffer = 128 << 10
	// mostFrame is the longest message of a stream in bytes, padding included: Pion reads no longer ones.
	mostFrame = 1596
)

// streams are the connections of all TCP and TLS listeners.
type streams struct {
	metrics *metrics
	closing chan struct{}
	open    sync.WaitGroup // one per connection

	mu     sync.Mutex // guards everything below
	closed bool
	byHost map[netip.Addr]int
	byEnds map[ends]*stream
}

// ends are the two addresses of a connection, as text.
type ends struct{ remote, local string }

func newStreams(m *metrics) *streams {
	return &streams{
		metrics: m, closing: make(chan struct{}),
		byHost: map[netip.Addr]int{}, byEnds: map[ends]*stream{},
	}
}

// trust lets a connection live on: an allocation was made through it.
func (s *streams) trust(remote, local net.Addr) {
	s.mu.Lock()
	c := s.byEnds[ends{remote.String(), local.String()}]
	s.mu.Unlock()
	if c != nil {
		c.trusted.Store(true)
		c.extend()
	}
}

// admit makes a connection ours; nil when there are too many.
func (s *streams) admit(raw net.Conn, secure *tls.Config) *stream {
	if tcp, ok := raw.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(streamBuffer)
	}
	c := &stream{
		Conn: raw, raw: raw, streams: s, host: hostOf(raw.RemoteAddr()),
		ends: ends{raw.RemoteAddr().String(), raw.LocalAddr().String()},
	}
	if secure != nil {
		c.Conn = tls.Server(raw, secure) // the first read makes the handshake, within strangerFor
	}
	c.reader = bufio.NewReaderSize(c.Conn, mostFrame)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.byEnds) >= mostStreams || s.byHost[c.host] >= mostPerHost {
		return nil
	}
	_ = raw.SetReadDeadline(time.Now().Add(strangerFor))
	s.byEnds[c.ends] = c
	s.byHost[c.host]++
	s.open.Add(1)
	s.metrics.streams.Inc()
	return c
}

func (s *streams) forget(c *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byEnds, c.ends)
	if s.byHost[c.host]--; s.byHost[c.host] == 0 {
		delete(s.byHost, c.host)
	}
	s.metrics.streams.Dec()
	s.open.Done()
}

// close ends every connection, and lets no other in.
func (s *streams) close() {
	s.mu.Lock()
	again := s.closed
	s.closed = true
	open := make([]*stream, 0, len(s.byEnds))
	for _, c := range s.byEnds {
		open = append(open, c)
	}
	s.mu.Unlock()
	if !again {
		close(s.closing)
	}
	for _, c := range open {
		_ = c.Close() // the client sees it
	}
}

// hostOf is what one household or office has: an IPv4 address, or a /64.
func hostOf(a net.Addr) netip.Addr {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	address := tcp.AddrPort().Addr().Unmap()
	if address.Is4() {
		return address
	}
	network, err := address.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return network.Addr()
}

// streamListener accepts the connections of one port.
type streamListener struct {
	net.Listener // never nil

	streams *streams
	secure  *tls.Config // nil for TCP
}

// Accept implements net.Listener. It ends only when the listener is closed: Pion would take any error
// for the end.
func (l *streamListener) Accept() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil, fmt.Errorf("accept: %w", err)
			}
			select {
			case <-l.streams.closing:
			case <-time.After(acceptAgain):
			}
			continue
		}
		if c := l.streams.admit(raw, l.secure); c != nil {
			return c, nil
		}
		l.streams.metrics.refused(refusedStream)
		_ = raw.Close()
	}
}

// stream is one connection. Reading gives whole frames, in pieces, and ends at the first that is none.
type stream struct {
	net.Conn // never nil; of TLS where the listener is

	// constant after admit
	streams *streams
	raw     net.Conn // under Conn
	host    netip.Addr
	ends    ends

	trusted   atomic.Bool
	closeOnce sync.Once

	// owned by the one who reads
	reader *bufio.Reader
	left   int // bytes of the frame that is being read
}

var errFrame = errors.New("neither a STUN message nor channel data")

// frameBytes is how long the frame is that begins with these four bytes, padding included (RFC 8656
// §3.1, §12.5). Pion computes the same in 16 bits, and would read a frame of 65,536 bytes as one of
// none for ever.
func frameBytes(head []byte) (int, error) {
	first, length := binary.BigEndian.Uint16(head), int(binary.BigEndian.Uint16(head[2:]))
	size := 0
	switch {
	case first < 0x4000 && length%4 == 0:
		size = 20 + length
	case first >= 0x4000 && first < 0x8000:
		size = 4 + (length+3)&^3
	default:
		return 0, errFrame
	}
	if size > mostFrame {
		return 0, errFrame
	}
	return size, nil
}

// Read implements net.Conn, for one reader.
func (c *stream) Read(b []byte) (int, error) {
	if c.left == 0 {
		c.extend()
		head, err := c.reader.Peek(4)
		if err != nil {
			return 0, err //nolint:wrapcheck // Pion ends the connection whatever it is
		}
		if c.left, err = frameBytes(head); err != nil {
			return 0, err
		}
	}
	n, err := c.reader.Read(b[:min(len(b), c.left)])
	c.left -= n
	return n, err //nolint:wrapcheck // likewise
}

// extend lets a trusted connection be silent for a while again.
func (c *stream) extend() {
	if c.trusted.Load() {
		_ = c.SetReadDeadline(time.Now().Add(idleFor))
	}
}

// Write implements net.Conn. It blocks only whoever sends to this one client; a client that takes nothing
// is closed, since half a message may be out.
func (c *stream) Write(b []byte) (int, error) {
	_ = c.SetWriteDeadline(time.Now().Add(stuckAfter))
	n, err := c.Conn.Write(b)
	if err != nil {
		_ = c.Close() // the error tells
	}
	return n, err //nolint:wrapcheck // Pion logs it
}

// Close implements net.Conn; any number of times.
func (c *stream) Close() error {
	var err error
	c.closeOnce.Do(func() {
		err = c.raw.Close() // TLS would wait for a client that takes nothing to hear its goodbye
		c.streams.forget(c)
	})
	return err //nolint:wrapcheck // Pion logs it
}
