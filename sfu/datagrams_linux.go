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
	raw     syscall.RawConn
	headers [mostRead]mmsghdr
	vectors [mostRead]unix.Iovec
	names   [mostRead]unix.RawSockaddrInet6
	buffers [mostRead][readSize]byte
	stamps  [mostRead]stamp

	count, taken int
	now          time.Time // when the last call returned
	failed       error
	receive      func(fd uintptr) bool
}

// stamp is a control message that holds when a datagram came (SO_TIMESTAMPNS).
type stamp struct {
	unix.Cmsghdr
	came unix.Timespec
}

// mostLate is how late a datagram may be read; a stamp that says more is of a clock that was set.
const mostLate = 5 * time.Second

func (d *datagrams) open(socket *net.UDPConn) {
	if d.raw, d.failed = socket.SyscallConn(); d.failed == nil {
		// Without it the time of reading has to do, which is late when the machine is busy.
		_ = d.raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) })
	}
	for i := range d.headers {
		d.vectors[i].Base = &d.buffers[i][0]
		d.vectors[i].SetLen(readSize)
	}
	d.receive = d.tryReceive // made once: a method value allocates
}

// next returns the next datagram, good until the call after the next, where it came from and when it came;
// it blocks.
func (d *datagrams) next() (datagram []byte, from netip.AddrPort, at time.Time, err error) {
	for d.taken == d.count {
		if d.failed != nil {
			return nil, netip.AddrPort{}, time.Time{}, d.failed
		}
		d.taken, d.count = 0, 0
		if err := d.raw.Read(d.receive); err != nil {
			return nil, netip.AddrPort{}, time.Time{}, err
		}
		d.now = time.Now()
	}
	i := d.taken
	d.taken++
	return d.buffers[i][:d.headers[i].size], source(&d.names[i]), d.came(i), nil
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

// tryReceive reads what is there; false when that is nothing.
func (d *datagrams) tryReceive(fd uintptr) bool {
	for i := range d.headers {
		h := &d.headers[i]
		h.Msghdr = unix.Msghdr{
			Name: (*byte)(unsafe.Pointer(&d.names[i])), Namelen: unix.SizeofSockaddrInet6, Iov: &d.vectors[i],
		}
		h.SetIovlen(1)
		h.Control = (*byte)(unsafe.Pointer(&d.stamps[i]))
		h.SetControllen(int(unsafe.Sizeof(stamp{})))
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&d.headers[0])), mostRead, unix.MSG_DONTWAIT, 0, 0)
	switch errno {
	case 0:
		d.count = int(n)
	case unix.EAGAIN:
		return false
	case unix.EINTR, unix.ECONNREFUSED: // an ICMP error of somebody who left
	default:
		d.failed = errno
	}
	return true
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
