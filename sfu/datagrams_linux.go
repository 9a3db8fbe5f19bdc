package sfu

import (
	"net"
	"net/netip"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mostRead is how many datagrams one system call reads: more come together only when the server is late.
const mostRead = 32

// datagrams reads a socket, many datagrams in one system call. It is for one goroutine.
type datagrams struct {
	ingress *ingress
	raw     syscall.RawConn
	headers [mostRead]mmsghdr
	vectors [mostRead]unix.Iovec
	names   [mostRead]unix.RawSockaddrInet6
	buffers [mostRead][readSize]byte
	stamps  [mostRead]stamp

	count, taken int
	now          time.Time // when the last call returned
	failed       error
	work         func(fd uintptr) bool
}

// stamp is a control message that holds when a datagram came (SO_TIMESTAMPNS).
type stamp struct {
	unix.Cmsghdr
	came unix.Timespec
}

// mostLate is how late a datagram may be read; a stamp that says more is of a clock that was set.
const mostLate = 5 * time.Second

func (d *datagrams) open(socket *net.UDPConn, ingress *ingress) {
	d.ingress = ingress
	if d.raw, d.failed = socket.SyscallConn(); d.failed == nil {
		// Without it the time of reading has to do, which is late when the machine is busy.
		_ = d.raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) })
	}
	for i := range d.headers {
		d.vectors[i].Base = &d.buffers[i][0]
		d.vectors[i].SetLen(readSize)
		d.prepare(i)
	}
	d.work = d.readAndTake // made once: a method value allocates
}

// next returns the next datagram that is not forwarded right here, good until the next call, and where it
// came from; it blocks.
func (d *datagrams) next() (datagram []byte, from netip.AddrPort, err error) {
	if !d.take() && d.failed == nil {
		if err := d.raw.Read(d.work); err != nil {
			return nil, netip.AddrPort{}, err
		}
	}
	if d.failed != nil {
		return nil, netip.AddrPort{}, d.failed
	}
	i := d.taken
	d.taken++
	return d.buffers[i][:d.headers[i].size], source(&d.names[i]), nil
}

// readAndTake reads what is there and forwards it, until a datagram is to be returned or reading fails; false
// when it is to be called again as soon as there is something.
func (d *datagrams) readAndTake(fd uintptr) bool {
	for {
		full := d.receive(fd)
		switch {
		case d.failed != nil || d.take():
			return true
		case !full: // what comes from now on makes the socket ready again
			return false
		}
	}
}

// take forwards what was read, until a datagram is to be returned.
func (d *datagrams) take() bool {
	for ; d.taken < d.count; d.taken++ {
		i := d.taken
		if !d.ingress.takeUDP(d.buffers[i][:d.headers[i].size], source(&d.names[i]), d.came(i)) {
			return true
		}
	}
	d.ingress.clock.look(d.now)
	return false
}

// came is when datagram i came, by the kernel's clock if it says, on our own.
func (d *datagrams) came(i int) time.Time {
	s := &d.stamps[i]
	if d.headers[i].Controllen < unix.SizeofCmsghdr || s.Level != unix.SOL_SOCKET || s.Type != unix.SO_TIMESTAMPNS {
		return d.now
	}
	late := time.Duration(d.now.UnixNano() - s.came.Nano())
	if late < 0 || late > mostLate {
		return d.now
	}
	return d.now.Add(-late)
}

// receive reads what is there; true when there may be more.
func (d *datagrams) receive(fd uintptr) bool {
	for i := range d.count {
		d.prepare(i)
	}
	d.taken, d.count = 0, 0
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&d.headers[0])), mostRead, unix.MSG_DONTWAIT, 0, 0)
	switch errno {
	case 0:
		d.count, d.now = int(n), time.Now()
		return n == mostRead
	case unix.EAGAIN:
		return false
	case unix.EINTR, unix.ECONNREFUSED: // an ICMP error of somebody who left
		return true
	default:
		d.failed = errno
		return false
	}
}

// prepare has the kernel write the ith datagram of the next call where it belongs.
func (d *datagrams) prepare(i int) {
	h := &d.headers[i]
	h.Msghdr = unix.Msghdr{
		Name: (*byte)(unsafe.Pointer(&d.names[i])), Namelen: unix.SizeofSockaddrInet6, Iov: &d.vectors[i],
	}
	h.SetIovlen(1)
	h.Control = (*byte)(unsafe.Pointer(&d.stamps[i]))
	h.SetControllen(int(unsafe.Sizeof(stamp{})))
}

// source is where a datagram came from.
func source(name *unix.RawSockaddrInet6) netip.AddrPort {
	port := name.Port<<8 | name.Port>>8
	if name.Family == unix.AF_INET {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16(name.Addr), port)
}
