//go:build !linux

package sfu

import (
	"net"
	"net/netip"
	"time"
)

// datagrams reads a socket, one datagram at a time.
type datagrams struct {
	ingress *ingress
	socket  *net.UDPConn
	buffer  [readSize]byte
}

func (d *datagrams) open(socket *net.UDPConn, ingress *ingress) {
	d.ingress, d.socket = ingress, socket
}

// next returns the next datagram that is not forwarded right here, good until the next call; it blocks.
func (d *datagrams) next() (datagram []byte, from netip.AddrPort, err error) {
	for {
		n, from, err := d.socket.ReadFromUDPAddrPort(d.buffer[:])
		if err != nil {
			return nil, from, err
		}
		now := time.Now()
		taken := d.ingress.takeUDP(d.buffer[:n], from, now)
		d.ingress.clock.look(now)
		if !taken {
			return d.buffer[:n], from, nil
		}
	}
}
