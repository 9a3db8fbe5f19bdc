package turn

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Config is the section "turn" of the configuration. There is a server as soon as one address is set.
type Config struct {
	// UDPAddress, TCPAddress and TLSAddress are where browsers come, "0.0.0.0:3478"; "" for not at all.
	UDPAddress string `yaml:"udp_address"`
	TCPAddress string `yaml:"tcp_address"`
	TLSAddress string `yaml:"tls_address"`
	// Certificate and Key are PEM files for TLSAddress; they are read again when they change.
	Certificate string `yaml:"certificate"`
	Key         string `yaml:"key"`
	// Host is the name or address that browsers are told; with TLSAddress the name in the certificate.
	// "" is the host of base_url.
	Host string `yaml:"host"`
	// RelayAddress is an IP address of this machine that relayed packets come from. "" picks one that the
	// media socket is reached under. Nobody but the media socket talks to it: no firewall need open it.
	RelayAddress string `yaml:"relay_address"`
	// Lifetime is how long credentials can be used to begin with, 10 minutes to a day; what has begun goes on.
	Lifetime time.Duration `yaml:"lifetime"`
	// PerUser and Allocations bound the relayed addresses of one person in one meeting, and of all.
	// A browser takes one for each of its networks and each of the three addresses above.
	PerUser     int `yaml:"per_user"`
	Allocations int `yaml:"allocations"`
}

// The least and most of Config.Lifetime: a browser renews its credentials after five minutes.
const (
	leastLifetime = 10 * time.Minute
	mostLifetime  = 24 * time.Hour
)

// DefaultConfig has no server.
func DefaultConfig() Config {
	return Config{Lifetime: time.Hour, PerUser: 16, Allocations: 1000}
}

// Enabled reports whether there is to be a server.
func (c Config) Enabled() bool { return c.UDPAddress+c.TCPAddress+c.TLSAddress != "" }

// Validate reports all faults at once, each naming its key.
func (c Config) Validate() error {
	var faults []error
	fault := func(key, format string, args ...any) {
		faults = append(faults, fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...)))
	}
	for key, address := range map[string]string{
		"udp_address": c.UDPAddress, "tcp_address": c.TCPAddress, "tls_address": c.TLSAddress,
	} {
		if _, err := parseAddress(address); address != "" && err != nil {
			fault(key, "%v", err)
		}
	}
	if c.TCPAddress != "" && c.TCPAddress == c.TLSAddress {
		fault("tls_address", "is that of tcp_address")
	}
	if c.TLSAddress != "" && (c.Certificate == "" || c.Key == "") {
		fault("tls_address", "needs certificate and key")
	}
	if strings.ContainsAny(c.Host, "/?@ ") {
		fault("host", "%q is not a name or an IP address", c.Host)
	}
	if _, err := netip.ParseAddr(c.RelayAddress); c.RelayAddress != "" && err != nil {
		fault("relay_address", "%q is not an IP address", c.RelayAddress)
	}
	if c.Lifetime < leastLifetime || c.Lifetime > mostLifetime {
		fault("lifetime", "%v is not within %v to %v", c.Lifetime, leastLifetime, mostLifetime)
	}
	if c.PerUser < 1 {
		fault("per_user", "%d is less than 1", c.PerUser)
	}
	if c.Allocations < 1 {
		fault("allocations", "%d is less than 1", c.Allocations)
	}
	return errors.Join(faults...)
}

// parseAddress reads host:port; an empty or unspecified host is every address of this machine.
func parseAddress(text string) (netip.AddrPort, error) {
	host, portText, err := net.SplitHostPort(text)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q is not host:port", text)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q is not a port", portText)
	}
	if host == "" {
		host = "::"
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q is not an IP address", host)
	}
	return netip.AddrPortFrom(ip, uint16(port)), nil
}
