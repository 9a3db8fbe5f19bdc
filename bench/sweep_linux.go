package bench

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// sweepBatch is how many packets one system call reads at most.
	sweepBatch = 64
	// packetSize holds every packet of an MTU of 1500.
	packetSize = 2048
	// controlSize holds one timestamp of the kernel.
	controlSize = 64
	// socketBuffer is asked of the kernel in both directions; it may give less.
	socketBuffer = 4 << 20
)

// sweeper reads the sockets of all connections on one thread, by turns. Nobody sleeps on a socket: over
// loopback a server pays for waking its receiver, and over a network it does not.
type sweeper struct {
	interval atomic.Int64
	sockets  atomic.Pointer[[]*socket]
	busy     atomic.Int64  // nanoseconds spent reading
	lost     atomic.Uint64 // packets nobody could take

	mu sync.Mutex // serializes changes of sockets
}

func newSweeper(interval time.Duration) *sweeper {
	s := &sweeper{}
	s.interval.Store(int64(interval))
	s.sockets.Store(&[]*socket{})
	return s
}

// setInterval changes how often sockets are read.
func (s *sweeper) setInterval(d time.Duration) { s.interval.Store(int64(d)) }

// drops is how many packets the kernel dropped because a socket was not read in time.
func (s *sweeper) drops() uint64 {
	total := s.lost.Load()
	for _, c := range *s.sockets.Load() {
		total += c.drops()
	}
	return total
}

// busyTime is how long the thread has read so far.
func (s *sweeper) busyTime() time.Duration { return time.Duration(s.busy.Load()) }

// run reads until done is closed.
func (s *sweeper) run(done <-chan struct{}) {
	runtime.LockOSThread() // never unlocked: the thread ends with its precise timers
	preciseTimers()
	b := newBatch()
	for {
		select {
		case <-done:
			return
		default:
		}
		start := time.Now()
		for _, c := range *s.sockets.Load() {
			for b.read(c) == sweepBatch {
			}
		}
		spent := time.Since(start)
		s.busy.Add(int64(spent))
		nap(time.Duration(s.interval.Load()) - spent)
	}
}

// open binds a socket to a free port of an IPv4 address. rtp is given every RTP packet, or nil to leave
// them to Pion; tap every datagram of the DTLS handshake, or nil.
func (s *sweeper) open(ip netip.Addr, rtp func(packet []byte, arrived int64), tap *keyTap) (*socket, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open socket: %w", err)
	}
	bound, err := bind(fd, ip)
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	c := &socket{
		sweeper: s, local: bound, rtp: rtp, tap: tap, fd: fd,
		inbox: make(chan datagram, 256), closed: make(chan struct{}),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	next := append(slices.Clone(*s.sockets.Load()), c)
	s.sockets.Store(&next)
	return c, nil
}

func bind(fd int, ip netip.Addr) (*net.UDPAddr, error) {
	err := errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, socketBuffer),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, socketBuffer),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
		unix.Bind(fd, &unix.SockaddrInet4{Addr: ip.As4()}),
	)
	if err != nil {
		return nil, fmt.Errorf("bind socket: %w", err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return nil, fmt.Errorf("bind socket: %w", err)
	}
	address, ok := name.(*unix.SockaddrInet4)
	if !ok {
		return nil, errors.New("bind socket: not IPv4")
	}
	return &net.UDPAddr{IP: ip.AsSlice(), Port: address.Port}, nil
}

func (s *sweeper) forget(c *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := slices.DeleteFunc(slices.Clone(*s.sockets.Load()), func(other *socket) bool { return other == c })
	s.sockets.Store(&next)
}

type datagram struct {
	data []byte
	from netip.AddrPort
}

// socket is one UDP socket: the net.PacketConn of one ICE agent, and its UDPMux.
type socket struct {
	// constant after open
	sweeper *sweeper
	local   *net.UDPAddr
	rtp     func(packet []byte, arrived int64)
	tap     *keyTap
	inbox   chan datagram // for Pion
	closed  chan struct{}
	closing sync.Once

	mu sync.RWMutex // guards fd: held while it is used
	fd int          // -1 when closed
}

// GetConn, RemoveConnByUfrag and GetListenAddresses make the socket an ice.UDPMux of one agent.
func (c *socket) GetConn(string, net.Addr) (net.PacketConn, error) { return c, nil }
func (c *socket) RemoveConnByUfrag(string)                         {}
func (c *socket) GetListenAddresses() []net.Addr                   { return []net.Addr{c.local} }

// ReadFrom waits for a packet that is not RTP.
func (c *socket) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case d := <-c.inbox:
		return copy(b, d.data), net.UDPAddrFromAddrPort(d.from), nil
	case <-c.closed:
		return 0, nil, net.ErrClosed
	}
}

// WriteTo sends one datagram; it never blocks.
func (c *socket) WriteTo(b []byte, to net.Addr) (int, error) {
	address, ok := to.(*net.UDPAddr)
	if !ok || address.IP.To4() == nil {
		return 0, fmt.Errorf("send to %v: not an IPv4 address", to)
	}
	if c.tap != nil && isHandshake(b) {
		c.tap.look(b, false)
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.fd < 0 {
		return 0, net.ErrClosed
	}
	destination := unix.SockaddrInet4{Port: address.Port, Addr: [4]byte(address.IP.To4())}
	if err := unix.Sendto(c.fd, b, unix.MSG_DONTWAIT, &destination); err != nil {
		return 0, os.NewSyscallError("sendto", err)
	}
	return len(b), nil
}

// Close closes the socket. Idempotent.
func (c *socket) Close() error {
	c.closing.Do(func() {
		close(c.closed)
		c.sweeper.lost.Add(c.drops())
		c.sweeper.forget(c)
		c.mu.Lock()
		defer c.mu.Unlock()
		_ = unix.Close(c.fd)
		c.fd = -1
	})
	return nil
}

// LocalAddr is where the socket is bound.
func (c *socket) LocalAddr() net.Addr { return c.local }

// SetDeadline, SetReadDeadline and SetWriteDeadline do nothing: ICE agents close what they wait for.
func (c *socket) SetDeadline(time.Time) error      { return nil }
func (c *socket) SetReadDeadline(time.Time) error  { return nil }
func (c *socket) SetWriteDeadline(time.Time) error { return nil }

// drops asks the kernel what this socket lost (SO_MEMINFO, the ninth word).
func (c *socket) drops() uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.fd < 0 {
		return 0
	}
	var info [9]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(c.fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return 0
	}
	return uint64(info[8])
}

// deliver hands a packet to Pion; when it does not read, the packet is lost, as on a full socket.
func (c *socket) deliver(packet []byte, from netip.AddrPort) {
	select {
	case c.inbox <- datagram{slices.Clone(packet), from}:
	default:
		c.sweeper.lost.Add(1)
	}
}

// message is struct mmsghdr of recvmmsg(2).
type message struct {
	header unix.Msghdr
	length uint32
}

// batch is what one recvmmsg fills.
type batch struct {
	messages [sweepBatch]message
	vectors  [sweepBatch]unix.Iovec
	names    [sweepBatch]unix.RawSockaddrInet4
	controls [sweepBatch][controlSize]byte
	packets  [sweepBatch][packetSize]byte
	used     int // messages that have to be made ready again
}

func newBatch() *batch {
	b := &batch{used: sweepBatch}
	for i := range b.messages {
		b.vectors[i].Base = &b.packets[i][0]
		b.vectors[i].SetLen(packetSize)
		h := &b.messages[i].header
		h.Iov, h.Control = &b.vectors[i], &b.controls[i][0]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&b.names[i]))
	}
	return b
}

// read reads one batch and returns how many packets there were.
func (b *batch) read(c *socket) int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.fd < 0 {
		return 0
	}
	for i := range b.used {
		b.messages[i].header.Namelen = unix.SizeofSockaddrInet4
		b.messages[i].header.SetControllen(controlSize)
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(c.fd), uintptr(unsafe.Pointer(&b.messages)),
		sweepBatch, unix.MSG_DONTWAIT|unix.MSG_TRUNC, 0, 0)
	b.used = 0
	if errno != 0 {
		return 0
	}
	b.used = int(n)
	for i := range b.used {
		b.sort(c, i)
	}
	return b.used
}

// sort gives packet i to whom it is for (RFC 7983 §7, RFC 5761 §4).
func (b *batch) sort(c *socket, i int) {
	length := int(b.messages[i].length)
	packet := b.packets[i][:min(length, packetSize)]
	switch {
	case len(packet) < 2:
	case c.rtp != nil && packet[0]>>6 == 2 && (packet[1] < 192 || packet[1] > 223):
		c.rtp(packet, b.arrived(i))
	case length > packetSize:
		c.sweeper.lost.Add(1)
	default:
		if c.tap != nil && isHandshake(packet) {
			c.tap.look(packet, true)
		}
		c.deliver(packet, b.from(i))
	}
}

func (b *batch) from(i int) netip.AddrPort {
	name := &b.names[i]
	port := (*[2]byte)(unsafe.Pointer(&name.Port)) // in network order
	return netip.AddrPortFrom(netip.AddrFrom4(name.Addr), uint16(port[0])<<8|uint16(port[1]))
}

// arrived is the kernel's timestamp of packet i, Unix nanoseconds.
func (b *batch) arrived(i int) int64 {
	control := &b.controls[i]
	if h := (*unix.Cmsghdr)(unsafe.Pointer(control)); int(b.messages[i].header.Controllen) >= unix.CmsgLen(16) &&
		h.Level == unix.SOL_SOCKET && h.Type == unix.SO_TIMESTAMPNS {
		return (*unix.Timespec)(unsafe.Pointer(&control[unix.CmsgLen(0)])).Nano()
	}
	return time.Now().UnixNano()
}

// preciseTimers makes this thread's sleeps end within a microsecond; the kernel gathers them within 50.
func preciseTimers() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) }

// nap sleeps on this thread.
func nap(d time.Duration) {
	if d > 0 {
		t := unix.NsecToTimespec(int64(d))
		_ = unix.Nanosleep(&t, nil)
	}
}
