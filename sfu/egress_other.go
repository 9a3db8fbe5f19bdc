//go:build !linux

package sfu

import (
	"errors"
	"net"
	"net/netip"
)

// egress is Linux's: elsewhere packets go the way of Pion.
type egress struct{}

func newEgress([]*net.UDPConn) *egress { return nil }

func (*egress) close() {}

type destination struct{ tcp *tcpConn }

func (*egress) destination(netip.AddrPort) *destination { return nil }

func (*egress) write([]byte, *destination) error { return errors.ErrUnsupported }

func (*egress) post([]byte, *destination) {}

type batch struct {
	egress *egress
	size   int
}

func (*batch) room(most int) []byte  { return make([]byte, 0, most) }
func (*batch) add(*destination, int) {}
func (*batch) flush() (refused int)  { return 0 }
