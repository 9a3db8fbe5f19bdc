//go:build !linux

package sfu

import (
	"net"
	"net/netip"
	"time"
)

// datagrams reads a socket, one datagram at a time.
type datagrams struct {
	socket *net.UDPConn
	buffer [readSize]byte
}

func (d *datagrams) open(socket *net.UDPConn) { d.socket = socket }

func (d *datagrams) next() (datagram []byte, from netip.AddrPort, at time.Time, err error) {
	n, from, err := d.socket.ReadFromUDPAddrPort(d.buffer[:])
	return d.buffer[:n], from, time.Now(), err
}
