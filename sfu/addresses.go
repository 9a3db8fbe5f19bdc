package sfu

import (
	"net"
	"net/netip"
)

// Addresses are those the media socket is reached under just now: those of this machine that it listens
// on, then Config.PublicAddresses. They change with the machine's networks.
func (s *SFU) Addresses() []netip.AddrPort {
	bound, ok := s.sockets[0].LocalAddr().(*net.UDPAddr)
	if !ok {
		return nil
	}
	port := bound.AddrPort().Port()
	var addresses []netip.AddrPort
	add := func(a netip.Addr) { addresses = append(addresses, netip.AddrPortFrom(a.Unmap().WithZone(""), port)) }
	if a := bound.AddrPort().Addr(); !a.IsUnspecified() {
		add(a)
	} else if interfaces, err := net.InterfaceAddrs(); err == nil {
		for _, i := range interfaces {
			if prefix, err := netip.ParsePrefix(i.String()); err == nil && !prefix.Addr().IsLinkLocalUnicast() {
				add(prefix.Addr())
			}
		}
	}
	for _, text := range s.cfg.PublicAddresses {
		if a, err := netip.ParseAddr(text); err == nil {
			add(a)
		}
	}
	return addresses
}
