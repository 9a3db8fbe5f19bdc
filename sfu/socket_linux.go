package sfu

import (
	"context"
	"fmt"
	"net"
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
	first, err := net.ListenUDP("udp", address)
	count := min(runtime.GOMAXPROCS(0), mostSockets)
	if err != nil || count == 1 {
		return []*net.UDPConn{first}, err //nolint:wrapcheck // the caller says what it was for
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
