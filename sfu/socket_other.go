//go:build !linux

package sfu

import "net"

// listenUDP binds the UDP address with one socket: how several share a port is each system's own affair.
func listenUDP(address *net.UDPAddr) ([]*net.UDPConn, error) {
	socket, err := net.ListenUDP("udp", address)
	return []*net.UDPConn{socket}, err
}
