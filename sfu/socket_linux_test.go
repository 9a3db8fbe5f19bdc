package sfu

import (
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
			address, err := net.ResolveUDPAddr("udp", at)
			if err != nil {
				t.Fatal(err)
			}
			sockets, err := listenShared(address, readers)
			if err != nil {
				t.Skipf("%s: %v", at, err) // no IPv6 here
			}
			outlet := openOutlet(sockets)
			if outlet == nil {
				t.Fatalf("%s, %d readers: no outlet", at, readers)
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
					t.Errorf("%s, %d readers: reader %d gets nothing", at, readers, i)
				}
			}
			if total != senders {
				t.Errorf("%s, %d readers: they get %d of %d", at, readers, total, senders)
			}
			fd := int(outlet.Fd())
			if _, _, err := unix.Recvfrom(fd, make([]byte, 8), unix.MSG_DONTWAIT); err != unix.EAGAIN {
				t.Errorf("%s, %d readers: the outlet gets something: %v", at, readers, err)
			}
			e := newEgress(sockets)
			answered(t, e, last, port)
			e.close()
			_ = outlet.Close()
			closeAll(sockets)
		}
	}
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
