package sfu

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"
)

// Config is what a person who runs parley may set. Its zero value is not valid: start from
// DefaultConfig.
type Config struct {
	// UDPAddress is the one UDP socket that all media of all peers goes through. An empty or
	// unspecified host ("0.0.0.0", "::") means every address of this machine, IPv4 and IPv6; port 0
	// picks a free one.
	UDPAddress string `yaml:"udp_address"`
	// PublicAddresses are further IP addresses that browsers reach this socket under: those of a
	// 1:1 NAT in front of it. Default none.
	PublicAddresses []string `yaml:"public_addresses"`
	// TCP opens a TCP port of the same number, on the same address, for browsers whose network lets no
	// UDP pass.
	TCP bool `yaml:"tcp"`
	// Voices is how many people a participant hears at once, 1 to 16.
	Voices int `yaml:"voices"`
	// BatchDelay is how long the first packet of a picture may wait for the others, so that a browser
	// gets them in one system call; only where they come at once. 0 sends each as it comes.
	BatchDelay time.Duration `yaml:"batch_delay"`
}

// maxVoices bounds Config.Voices: beyond it nobody can tell the voices apart, and each costs every
// subscriber about 40 kbit/s.
const maxVoices = 16

// maxBatchDelay bounds Config.BatchDelay: more is felt.
const maxBatchDelay = 20 * time.Millisecond

// DefaultConfig returns the defaults: every address, port 8443 of UDP and TCP, four voices.
func DefaultConfig() Config {
	return Config{UDPAddress: "0.0.0.0:8443", TCP: true, Voices: 4, BatchDelay: time.Millisecond}
}

// Validate reports all faults at once, each naming its key.
func (c Config) Validate() error {
	var faults []error
	if _, err := c.listenAddress(); err != nil {
		faults = append(faults, fmt.Errorf("udp_address: %w", err))
	}
	for _, address := range c.PublicAddresses {
		if _, err := netip.ParseAddr(address); err != nil {
			faults = append(faults, fmt.Errorf("public_addresses: %q is not an IP address", address))
		}
	}
	if c.Voices < 1 || c.Voices > maxVoices {
		faults = append(faults, fmt.Errorf("voices: %d is not within 1 to %d", c.Voices, maxVoices))
	}
	if c.BatchDelay < 0 || c.BatchDelay > maxBatchDelay {
		faults = append(faults, fmt.Errorf("batch_delay: %v is not within 0 to %v", c.BatchDelay, maxBatchDelay))
	}
	return errors.Join(faults...)
}

// listenAddress is UDPAddress for net.ListenUDP. An unspecified host becomes no IP at all, which
// opens one socket for both families where the machine has both.
func (c Config) listenAddress() (*net.UDPAddr, error) {
	host, portText, err := net.SplitHostPort(c.UDPAddress)
	if err != nil {
		return nil, fmt.Errorf("%q is not host:port", c.UDPAddress)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("%q is not a port", portText)
	}
	address := &net.UDPAddr{Port: int(port)}
	if host == "" {
		return address, nil
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return nil, fmt.Errorf("%q is not an IP address", host)
	}
	if !ip.IsUnspecified() {
		address.IP, address.Zone = ip.AsSlice(), ip.Zone()
	}
	return address, nil
}
