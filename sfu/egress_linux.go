package sfu

import (
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// mostMessages is how many datagrams one system call sends: beyond 64 it gains nothing.
	mostMessages = 64
	// arenaBytes holds what is sealed and not sent yet: 64 packets of a full MTU, and some.
	arenaBytes = 128 << 10
	// narrowBytes is the largest datagram that every way takes whole: what IPv6 is bound to carry, less its header
	// and that of UDP (RFC 8200 §5). Larger ones may have to be cut on their way.
	narrowBytes = 1280 - 40 - 8
	// A run of packets to one destination goes as one message that the kernel cuts (UDP_SEGMENT); it
	// takes 64 of them and 64 kB.
	mostSegments, mostRunBytes = 64, 60 << 10
	udpSegment                 = 103 // UDP_SEGMENT of linux/udp.h
)

// egress sends datagrams past Pion through the media port, many in one system call.
type egress struct {
	outlet *os.File // a socket of its own, or nil: it is the first reader's
	narrow outward
	wide   outward // the first reader's, for what is not narrow
	v6     bool    // the socket is of IPv6, IPv4 addresses are mapped
	whole  bool    // the kernel cuts no runs: each packet is a message
}

// newEgress is nil where the sockets cannot be used so.
func newEgress(sockets []*net.UDPConn) *egress {
	e := &egress{outlet: openOutlet(sockets)}
	var err error
	if e.wide, err = newOutward(sockets[0]); err != nil {
		e.close()
		return nil
	}
	if e.narrow = e.wide; e.outlet != nil {
		if e.narrow, err = newOutward(e.outlet); err != nil {
			e.close()
			return nil
		}
	}
	address, err := unix.Getsockname(e.narrow.fd)
	if err != nil {
		e.close()
		return nil
	}
	_, e.v6 = address.(*unix.SockaddrInet6)
	if _, err := unix.GetsockoptInt(e.narrow.fd, unix.SOL_UDP, udpSegment); err != nil {
		e.whole = true
	}
	return e
}

// outward is a socket to send by.
type outward struct {
	raw syscall.RawConn
	fd  int // for who is done before the socket is closed, as every peer is
}

func newOutward(socket syscall.Conn) (o outward, err error) {
	if o.raw, err = socket.SyscallConn(); err == nil {
		err = o.raw.Control(func(fd uintptr) { o.fd = int(fd) })
	}
	return o, err //nolint:wrapcheck // nobody reads it
}

// close is for when every peer is closed; the readers are not its own.
func (e *egress) close() {
	if e != nil && e.outlet != nil {
		_ = e.outlet.Close() // what was sent is sent
	}
}

// destination is where a peer's packets go, as the kernel takes it.
type destination struct {
	name [unix.SizeofSockaddrInet6]byte
	size uint32
	tcp  *tcpConn // instead, or nil
	// uncut is the size from which on packets do not go this way as a run, 0 for none: its MTU may be smaller, and
	// some devices and tunnels cut no runs. It is forgotten when the browser's packets take another way.
	uncut atomic.Uint32
	_     [20]byte // it has a line of the processor's cache for itself
}

// runs reports whether packets of this size may go this way as a run.
func (d *destination) runs(size int) bool {
	uncut := int(d.uncut.Load())
	return uncut == 0 || size < uncut
}

// refuse notes that a run of packets of this size was refused. Who does so at the same time may undo it: then one more is.
func (d *destination) refuse(size int, why syscall.Errno) {
	if why == unix.EIO {
		size = 1 // the device or tunnel cuts none, of whatever size; EINVAL is how older kernels say EMSGSIZE
	}
	if d.runs(size) {
		d.uncut.Store(uint32(size))
	}
}

func (e *egress) destination(to netip.AddrPort) *destination {
	d := &destination{}
	port := to.Port()
	if !e.v6 {
		d.size = unix.SizeofSockaddrInet4
		address := (*unix.RawSockaddrInet4)(unsafe.Pointer(&d.name))
		address.Family, address.Addr = unix.AF_INET, to.Addr().Unmap().As4()
		address.Port = port<<8 | port>>8
		return d
	}
	d.size = unix.SizeofSockaddrInet6
	address := (*unix.RawSockaddrInet6)(unsafe.Pointer(&d.name))
	address.Family, address.Addr = unix.AF_INET6, to.Addr().As16()
	address.Port = port<<8 | port>>8
	return d
}

// write sends one datagram, as batch.send does: what is sent now and then would else make the runtime's
// monitor look after this process fifty times a millisecond, for the millisecond in which packets are forwarded.
func (e *egress) write(b []byte, to *destination) error {
	if len(b) == 0 {
		return nil
	}
	by := &e.narrow
	if len(b) > narrowBytes {
		by = &e.wide
	}
	var errno syscall.Errno
	err := by.raw.Control(func(fd uintptr) { // not by.fd: who writes may be slower than Close
		errno = to.send(b, fd)
	})
	if err == nil && errno != 0 && errno != unix.EAGAIN { // a full buffer loses it, as the way might
		err = errno
	}
	return err //nolint:wrapcheck // Pion compares it with those of net
}

// send sends one datagram, which is not empty, by the socket fd.
func (d *destination) send(b []byte, fd uintptr) syscall.Errno {
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)),
		unix.MSG_DONTWAIT, uintptr(unsafe.Pointer(&d.name)), uintptr(d.size))
	return errno
}

// post is write to where a peer is, which may be a TCP connection. It does not keep b.
func (e *egress) post(b []byte, to *destination) {
	if to.tcp != nil {
		to.tcp.send(b)
		return
	}
	_ = e.write(b, to) // the peer may be gone
}

// batch gathers sealed packets and sends them. It is lent to one layer at a time (SFU.lend).
type batch struct {
	egress *egress
	size   int // of the arena; 0 for arenaBytes

	// made with the first packet
	arena []byte
	used  int
	count int  // of messages
	wide  bool // there are some that are not narrow
	*frames
}

// frames are the messages as the kernel takes them.
type frames struct {
	messages [mostMessages]message
	headers  [mostMessages]mmsghdr
	vectors  [mostMessages]unix.Iovec
	controls [mostMessages]control
}

type message struct {
	to         *destination
	start, end int
	segment    int // bytes of each packet but the last
	segments   int
}

// mmsghdr is the kernel's: 64 bytes, and 32 where words have 32 bits. Both languages pad it to whole words.
type mmsghdr struct {
	unix.Msghdr
	size uint32
}

// control is a control message that holds a segment size.
type control struct {
	unix.Cmsghdr
	segment uint16
	_       [6]byte
}

// room gives a slice of the arena with capacity for one packet; what is gathered is sent when there is
// none left.
func (b *batch) room(most int) []byte {
	if b.arena == nil {
		if b.size == 0 {
			b.size = arenaBytes
		}
		b.arena, b.frames = make([]byte, max(b.size, most)), &frames{}
	}
	if b.used+most > len(b.arena) {
		b.flush()
	}
	return b.arena[b.used : b.used : b.used+most]
}

// add takes a packet that lies where room said.
func (b *batch) add(to *destination, size int) {
	start := b.used
	if to.tcp != nil {
		to.tcp.send(b.arena[start : start+size])
		return
	}
	b.used += size
	b.wide = b.wide || size > narrowBytes
	if b.count > 0 && !b.egress.whole {
		last := &b.messages[b.count-1]
		// A run is packets of one size; a shorter one ends it.
		runs := last.to == to && last.end == start && size <= last.segment && (last.end-last.start)%last.segment == 0
		if runs && to.runs(last.segment) && last.segments < mostSegments && b.used-last.start <= mostRunBytes {
			last.end = b.used
			last.segments++
			return
		}
	}
	if b.count == mostMessages {
		b.send()
		// What was sent lies before start: the rest of the arena goes on.
	}
	b.messages[b.count] = message{to: to, start: start, end: b.used, segment: size, segments: 1}
	b.count++
}

// flush sends what is gathered; it returns how many packets the kernel refused.
func (b *batch) flush() (refused int) {
	refused = b.send()
	b.used = 0
	return refused
}

// prepare writes the messages as the kernel takes them.
func (b *batch) prepare() {
	for i := range b.count {
		m := &b.messages[i]
		b.vectors[i].Base = &b.arena[m.start]
		b.vectors[i].SetLen(m.end - m.start)
		h := &b.headers[i]
		h.Msghdr = unix.Msghdr{Name: &m.to.name[0], Namelen: m.to.size, Iov: &b.vectors[i]}
		h.SetIovlen(1)
		if m.segments > 1 {
			c := &b.controls[i]
			c.Cmsghdr = unix.Cmsghdr{Level: unix.SOL_UDP, Type: udpSegment}
			c.SetLen(unix.CmsgLen(2))
			c.segment = uint16(m.segment)
			h.Control = (*byte)(unsafe.Pointer(c))
			h.SetControllen(unix.CmsgSpace(2))
		}
	}
}

func (b *batch) send() (refused int) {
	if b.count == 0 {
		return 0
	}
	b.prepare()
	fd := b.egress.narrow.fd
	if b.wide {
		fd, b.wide = b.egress.wide.fd, false
	}
	for sent := 0; sent < b.count; {
		// It never blocks, so the scheduler need not hear of it: it would give this core to another thread
		// meanwhile, at the price of two switches.
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.headers[sent])),
			uintptr(b.count-sent), unix.MSG_DONTWAIT, 0, 0)
		if errno == 0 {
			sent += int(n)
			continue
		}
		if errno == unix.EMSGSIZE && fd != b.egress.wide.fd {
			fd = b.egress.wide.fd // a network of this machine is narrower still
			continue
		}
		m := &b.messages[sent]
		sent++
		// That one cannot be sent; the others may.
		switch {
		case m.segments == 1:
			refused++
		case errno == unix.EMSGSIZE || errno == unix.EINVAL || errno == unix.EIO:
			m.to.refuse(m.segment, errno)
			refused += b.sendCut(m, fd)
		default:
			refused += m.segments
		}
	}
	b.count = 0
	return refused
}

// sendCut sends the packets of a run one by one by the socket fd, since this way does not take it as one. It returns
// how many were refused.
func (b *batch) sendCut(m *message, fd int) (refused int) {
	for start := m.start; start < m.end; start += m.segment {
		packet := b.arena[start:min(start+m.segment, m.end)]
		errno := m.to.send(packet, uintptr(fd))
		if errno == unix.EMSGSIZE && fd != b.egress.wide.fd {
			fd = b.egress.wide.fd // as in send
			errno = m.to.send(packet, uintptr(fd))
		}
		if errno != 0 {
			refused++
		}
	}
	return refused
}
