package auth

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/parley/parley"
)

// Policy says who may create meetings besides those whose cookie or token allows it.
type Policy string

// The policies.
const (
	Local  Policy = "local"  // a browser or program on the server's own machine
	Anyone Policy = "anyone" // everybody who reaches the server
	Tokens Policy = "token"  // nobody
)

// Config is the section "auth" of the configuration.
type Config struct {
	// Create is who may create meetings: "local" (whoever sits at this machine), "anyone", or
	// "token" (only by a one-time host link or a token with scope host).
	Create Policy `yaml:"create"`
	// Token is a fixed bearer token that may do everything, for measurements on one machine; "" for
	// none. Tokens for programs are made by `parley token`.
	Token string `yaml:"token"`
	// LinkLifetime is how long an invitation to a meeting can be used.
	LinkLifetime time.Duration `yaml:"link_lifetime"`
	// CookieLifetime is how long a browser is remembered after it last said who it is.
	CookieLifetime time.Duration `yaml:"cookie_lifetime"`
}

// DefaultConfig lets this machine create meetings; links are good for a week, cookies for a month.
func DefaultConfig() Config {
	return Config{Create: Local, LinkLifetime: 7 * 24 * time.Hour, CookieLifetime: 30 * 24 * time.Hour}
}

// Validate reports all faults at once.
func (c Config) Validate() error {
	var faults []error
	if c.Create != Local && c.Create != Anyone && c.Create != Tokens {
		faults = append(faults, fmt.Errorf("create: %q is not local, anyone or token", c.Create))
	}
	if c.LinkLifetime < time.Minute {
		faults = append(faults, errors.New("link_lifetime: is shorter than a minute"))
	}
	if c.CookieLifetime < time.Minute {
		faults = append(faults, errors.New("cookie_lifetime: is shorter than a minute"))
	}
	return errors.Join(faults...)
}

// Auth signs and checks. Safe for concurrent use.
type Auth struct {
	// constant after New
	cfg       Config
	key       Key
	base      *url.URL
	directory parley.Directory // where one-time links are spent; nil where none is followed
}

// New makes an Auth for a server that browsers reach at baseURL, "https://meet.example.org".
func New(cfg Config, key Key, baseURL string, directory parley.Directory) (*Auth, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	base, err := url.Parse(baseURL)
	if err != nil || base.Host == "" {
		return nil, &parley.Error{
			Op: "open auth", Kind: parley.Invalid, Say: fmt.Sprintf("base_url: %q is not an address", baseURL),
		}
	}
	return &Auth{cfg: cfg, key: key, base: base, directory: directory}, nil
}

// RoleIn is a caller's role in a meeting; "" when they have none: then the meeting does not exist
// for them.
func (c Caller) RoleIn(m parley.Meeting) parley.Role {
	if c.Identity != "" && c.Identity == m.Creator {
		return parley.RoleHost
	}
	role := c.everywhere
	for _, g := range c.grants {
		if g.Meeting == m.ID && rank(g.Role) > rank(role) && g.Until > time.Now().Unix() {
			role = g.Role
		}
	}
	return role
}

// rank orders the roles.
func rank(role parley.Role) int {
	switch role {
	case parley.RoleViewer:
		return 1
	case parley.RoleMember:
		return 2
	case parley.RoleHost:
		return 3
	default:
		return 0
	}
}

// MayCreate reports whether the sender of a request may create meetings.
func (a *Auth) MayCreate(r *http.Request, caller Caller) bool {
	switch {
	case caller.MayCreate:
		return true
	case a.cfg.Create == Anyone:
		return true
	case a.cfg.Create == Local:
		return isLocal(r)
	default:
		return false
	}
}

// isLocal reports whether a request comes from this machine and means it: the address alone would
// let in everybody behind a proxy on this machine, and any page whose name was made to resolve to
// 127.0.0.1 (DNS rebinding: the Host header then still has that page's name).
func isLocal(r *http.Request) bool {
	for name := range r.Header {
		if name == "Forwarded" || name == "Via" || name == "X-Real-Ip" || strings.HasPrefix(name, "X-Forwarded-") {
			return false
		}
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && peer.Addr().Unmap().IsLoopback() && isLoopbackHost(r.Host)
}

func isLoopbackHost(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && address.Unmap().IsLoopback()
}

// SameOrigin reports whether a request was sent by one of this server's own pages, or by no page at
// all (RFC 6454 §7). Browsers let any page open a WebSocket, cookies included: this is the guard.
func (a *Auth) SameOrigin(r *http.Request) bool {
	header := r.Header.Get("Origin")
	if header == "" {
		return true
	}
	origin, err := url.Parse(header)
	if err != nil || origin.Host == "" {
		return false // "null": a sandboxed page, or a file
	}
	return strings.EqualFold(origin.Host, r.Host) ||
		(origin.Scheme == a.base.Scheme && strings.EqualFold(origin.Host, a.base.Host))
}
