package sfu

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// mostSockets is how many sockets share the port at most: each is read by a goroutine that forwards.
const mostSockets = 8

// listenUDP binds the UDP address, with a socket for each core: the kernel gives each browser to one of
// them (SO_REUSEPORT). That an address is in use is found out first: sockets that share a port would take
// each other's packets, those of another server too.
func listenUDP(address *net.UDPAddr) ([]*net.UDPConn, error) {
	return listenShared(address, min(runtime.GOMAXPROCS(0), mostSockets))
}

func listenShared(address *net.UDPAddr, count int) ([]*net.UDPConn, error) {
	first, err := net.ListenUDP("udp", address)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller says what it was for
	}
	bound := first.LocalAddr().String()
	if err := first.Close(); err != nil {
		return nil, fmt.Errorf("close socket: %w", err)
	}
	shared := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var failed error
		err := raw.Control(func(fd uintptr) {
			failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		})
		if err != nil {
			return fmt.Errorf("share the port: %w", err)
		}
		return failed
	}}
	var sockets []*net.UDPConn
	for range count {
		conn, err := shared.ListenPacket(context.Background(), "udp", bound)
		if err != nil {
			closeAll(sockets)
			return nil, err //nolint:wrapcheck // the caller says what it was for
		}
		sockets = append(sockets, conn.(*net.UDPConn)) //nolint:forcetypeassert // what "udp" makes
	}
	return sockets, nil
}

// openOutlet opens a socket that shares the port of those and is given no packets: it sends only, and only what
// need not be cut on its way. Nobody waits for it, so that the kernel has nobody to tell, packet by packet, that
// there is room again. Nil where packets cannot be kept from it.
func openOutlet(sockets []*net.UDPConn) *os.File {
	raw, err := sockets[0].SyscallConn()
	if err != nil {
		return nil
	}
	outlet := -1
	err = raw.Control(func(fd uintptr) { outlet, err = shareForSending(int(fd), len(sockets)) })
	if err != nil || outlet < 0 {
		return nil
	}
	return os.NewFile(uintptr(outlet), "media outlet") // it blocks, so the runtime does not wait for it either
}

// shareForSending opens one more socket beside one of several, in that order, that share a port.
func shareForSending(reader, readers int) (int, error) {
	address, err := unix.Getsockname(reader)
	if err != nil {
		return -1, err //nolint:wrapcheck // nobody reads it
	}
	chooser := chooseReader(readers)
	program := unix.SockFprog{Len: uint16(len(chooser)), Filter: &chooser[0]}
	if err := unix.SetsockoptSockFprog(reader, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF, &program); err != nil {
		return -1, err //nolint:wrapcheck // likewise
	}
	family := unix.AF_INET
	if _, v6 := address.(*unix.SockaddrInet6); v6 {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err //nolint:wrapcheck // likewise
	}
	if family == unix.AF_INET6 {
		only, _ := unix.GetsockoptInt(reader, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY)
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, socketBuffer) // a smaller buffer works too
	// A packet that may not be cut needs no number to put it together by, which is a twentieth of what sending costs.
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE)
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	if err == nil {
		err = unix.Bind(fd, address)
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, err //nolint:wrapcheck // likewise
	}
	return fd, nil
}

// chooseReader is a program for the kernel that gives each datagram to one of so many readers, by the port
// it came from. The first byte it sees by itself is the datagram's; headers lie at offsets of their own.
func chooseReader(readers int) []unix.SockFilter {
	if readers == 1 {
		return []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K}}
	}
	const (
		header   = 0xFFF00000 // SKF_NET_OFF of linux/filter.h: from the IP header on
		v6Header = 40         // bytes
	)
	return []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: header},
		{Code: unix.BPF_ALU | unix.BPF_RSH | unix.BPF_K, K: 4}, // the version
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: 6, Jt: 3},
		{Code: unix.BPF_LDX | unix.BPF_B | unix.BPF_MSH, K: header}, // how long an IPv4 header is
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_IND, K: header},
		{Code: unix.BPF_JMP | unix.BPF_JA, K: 1},
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: header + v6Header},
		{Code: unix.BPF_ALU | unix.BPF_MOD | unix.BPF_K, K: uint32(readers)},
		{Code: unix.BPF_RET | unix.BPF_A},
	}
}
