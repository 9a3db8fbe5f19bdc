package sfu

import (
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What arrives at the port is for the readers, each of which gets some; the outlet sends from the same port.
func TestTheOutletIsGivenNothing(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"127.0.0.1:0", "[::1]:0", ":0"} {
		for _, readers := range []int{1, 2, 3} {
			t.Run(fmt.Sprintf("%s by %d", at, readers), func(t *testing.T) { tryOutlet(t, at, readers) })
		}
	}
}

func tryOutlet(t *testing.T, at string, readers int) {
	t.Helper()
	address, err := net.ResolveUDPAddr("udp", at)
	if err != nil {
		t.Fatal(err)
	}
	sockets, err := listenShared(address, readers)
	if errors.Is(err, unix.EADDRNOTAVAIL) || errors.Is(err, unix.EAFNOSUPPORT) {
		t.Skipf("no IPv6 here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(sockets)
	e := newEgress(sockets)
	defer e.close()
	if e.outlet == nil {
		t.Fatal("no outlet")
	}
	const senders = 60
	port := sockets[0].LocalAddr().(*net.UDPAddr).Port //nolint:forcetypeassert // what a UDP socket has
	to := &net.UDPAddr{IP: address.IP, Port: port}
	if to.IP == nil {
		to.IP = net.IPv4(127, 0, 0, 1)
	}
	var last *net.UDPConn
	for range senders {
		if last, err = net.DialUDP("udp", nil, to); err != nil {
			t.Fatal(err)
		}
		defer last.Close()
		if _, err := last.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	total := 0
	for i, s := range sockets {
		got := drain(t, s)
		if total += got; got == 0 {
			t.Errorf("reader %d gets nothing", i)
		}
	}
	if total != senders {
		t.Errorf("the readers get %d of %d", total, senders)
	}
	if _, _, err := unix.Recvfrom(e.narrow.fd, make([]byte, 8), unix.MSG_DONTWAIT); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("the outlet gets something: %v", err)
	}
	answered(t, e, last, port)
}

// drain counts what has come to a socket.
func drain(t *testing.T, s *net.UDPConn) (got int) {
	t.Helper()
	for {
		if err := s.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.ReadFromUDP(make([]byte, 8)); err != nil {
			return got
		}
		got++
	}
}

// answered expects what e sends to come from the port. A connected socket hears of nothing else.
func answered(t *testing.T, e *egress, who *net.UDPConn, port int) {
	t.Helper()
	local := who.LocalAddr().(*net.UDPAddr).AddrPort() //nolint:forcetypeassert // what a UDP socket has
	if err := e.write([]byte("hello"), e.destination(local)); err != nil {
		t.Fatal(err)
	}
	if err := who.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 8)
	if n, from, err := who.ReadFromUDP(b); err != nil || string(b[:n]) != "hello" || from.Port != port {
		t.Errorf("%q from %v, %v", b[:n], from, err)
	}
}
