package turn

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // what the TURN REST draft and every client use; no collision helps
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/pion/logging"
	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley/parley"
)

const (
	// realm is part of every key; clients repeat it.
	realm = "parley"
	// mostCall is how long an allocation can be refreshed after its credentials have ended.
	mostCall = 24 * time.Hour
	// socketBuffer is asked of the kernel in both directions.
	socketBuffer = 4 << 20
)

// Server is the TURN server. Its methods are safe for concurrent use.
type Server struct {
	// constant after New
	cfg     Config
	host    string
	secret  []byte
	logs    logging.LoggerFactory
	relay   *relay
	streams *streams
	udp     []net.PacketConn // none where there is none; one for each address of this machine
	tcp     net.Listener     // nil where there is none, like the following
	tls     net.Listener
}

// New binds the ports of cfg, which has at least one, and starts nothing. Browsers are told host unless
// cfg names another. media says where the media socket is, each time it may have changed: nothing else is
// relayed to. A port in use is a Conflict that names its key, a certificate that cannot be used Invalid.
func New(
	cfg Config, host string, media func() []netip.AddrPort, logs logging.LoggerFactory, reg prometheus.Registerer,
) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("turn: %w", err)
	}
	counters, err := newMetrics(reg)
	if err != nil {
		return nil, err
	}
	if cfg.Host != "" {
		host = cfg.Host
	}
	s := &Server{
		cfg: cfg, host: host, logs: logs, secret: make([]byte, 32),
		relay: newRelay(cfg, media, counters), streams: newStreams(counters),
	}
	_, _ = rand.Read(s.secret) // never fails since Go 1.24
	if err := s.listen(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// listen binds what is configured.
func (s *Server) listen() error {
	if s.cfg.UDPAddress != "" {
		var err error
		if s.udp, err = listenUDP(s.cfg.UDPAddress); err != nil {
			return listenError("udp_address", s.cfg.UDPAddress, err)
		}
	}
	if s.cfg.TCPAddress != "" {
		listener, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(both(s.cfg.TCPAddress)))
		if err != nil {
			return listenError("tcp_address", s.cfg.TCPAddress, err)
		}
		s.tcp = &streamListener{Listener: listener, streams: s.streams}
	}
	if s.cfg.TLSAddress != "" {
		pair, err := loadCertificate(s.cfg)
		if err != nil {
			return err
		}
		listener, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(both(s.cfg.TLSAddress)))
		if err != nil {
			return listenError("tls_address", s.cfg.TLSAddress, err)
		}
		secure := &tls.Config{GetCertificate: pair.get, MinVersion: tls.VersionTLS12}
		s.tls = &streamListener{Listener: listener, streams: s.streams, secure: secure}
	}
	return nil
}

// both is an address to listen on: an unspecified host becomes no IP at all, which is both families where
// the machine has both.
func both(address string) netip.AddrPort {
	at, err := parseAddress(address)
	if err != nil || at.Addr().IsUnspecified() {
		return netip.AddrPortFrom(netip.Addr{}, at.Port())
	}
	return at
}

// listenUDP opens a socket. For every address of this machine there is one each: a socket of all would
// answer from another address than it was asked at, where there are several. Networks that come later need a
// restart.
func listenUDP(address string) (sockets []net.PacketConn, err error) {
	at, err := parseAddress(address)
	if err != nil {
		return nil, err
	}
	addresses := []netip.Addr{at.Addr()}
	if at.Addr().IsUnspecified() {
		addresses = hostAddresses()
	}
	port := at.Port()
	var failed error
	for _, a := range addresses {
		socket, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, port)))
		if err != nil {
			failed = err
			continue // an address may just be going
		}
		_ = socket.SetReadBuffer(socketBuffer) // a smaller buffer works too
		_ = socket.SetWriteBuffer(socketBuffer)
		sockets = append(sockets, socket)
		if local, ok := socket.LocalAddr().(*net.UDPAddr); ok {
			port = local.AddrPort().Port() // where any will do, all have the same
		}
	}
	if len(sockets) > 0 && !errors.Is(failed, syscall.EADDRINUSE) {
		return sockets, nil
	}
	for _, socket := range sockets {
		_ = socket.Close() // nothing was sent
	}
	return nil, failed
}

// hostAddresses are this machine's own, but those that need a zone.
func hostAddresses() []netip.Addr {
	var addresses []netip.Addr
	interfaces, err := net.InterfaceAddrs()
	for _, i := range interfaces {
		if prefix, err := netip.ParsePrefix(i.String()); err == nil && !prefix.Addr().IsLinkLocalUnicast() {
			addresses = append(addresses, prefix.Addr())
		}
	}
	if err != nil || len(addresses) == 0 {
		return []netip.Addr{netip.IPv6Unspecified()}
	}
	return addresses
}

func listenError(key, address string, err error) error {
	kind, say := parley.Invalid, "cannot be listened on"
	if errors.Is(err, syscall.EADDRINUSE) {
		kind, say = parley.Conflict, "is already in use"
	}
	return &parley.Error{
		Op: "listen for TURN", Kind: kind, Err: err,
		Say: fmt.Sprintf("The address %s %s; free it or set turn.%s to another one.", address, say, key),
	}
}

// Run serves until ctx ends, and returns when everything it started has stopped.
func (s *Server) Run(ctx context.Context) error {
	cfg := turn.ServerConfig{
		Realm:         realm,
		AuthHandler:   s.authenticate,
		QuotaHandler:  s.relay.mayAllocate,
		LoggerFactory: s.logs,
		EventHandler: turn.EventHandler{
			OnAllocationCreated: func(remote, local net.Addr, _, _, _ string, _ net.Addr, _ int) {
				s.streams.trust(remote, local)
			},
			OnAuth: func(_, _ net.Addr, _, _, _, _ string, good bool) {
				if !good {
					s.relay.metrics.refused(refusedCredentials)
				}
			},
		},
	}
	for _, socket := range s.udp {
		cfg.PacketConnConfigs = append(cfg.PacketConnConfigs, turn.PacketConnConfig{
			PacketConn: socket, RelayAddressGenerator: s.relay, PermissionHandler: s.relay.permit,
		})
	}
	for _, l := range []net.Listener{s.tcp, s.tls} {
		if l != nil {
			cfg.ListenerConfigs = append(cfg.ListenerConfigs, turn.ListenerConfig{
				Listener: l, RelayAddressGenerator: s.relay, PermissionHandler: s.relay.permit,
			})
		}
	}
	server, err := turn.NewServer(cfg)
	if err != nil {
		return fmt.Errorf("start TURN: %w", err)
	}
	<-ctx.Done()
	err = server.Close()
	s.streams.close()
	s.streams.open.Wait()
	s.relay.open.Wait()
	if err != nil {
		return fmt.Errorf("stop TURN: %w", err)
	}
	return nil
}

// Close gives the ports back; for a server that was not run.
func (s *Server) Close() error {
	var errs []error
	for _, socket := range s.udp {
		errs = append(errs, socket.Close())
	}
	for _, l := range []net.Listener{s.tcp, s.tls} {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	return errors.Join(errs...)
}

// Access is what a browser is told: RTCIceServer of W3C webrtc-pc §4.2.4.
type Access struct {
	URLs     []string
	Username string
	Password string
}

// Access makes credentials for one person in one place: parts name them, and are not to be read from
// what is made. They can be used for Config.Lifetime.
func (s *Server) Access(parts ...string) Access {
	mac := hmac.New(sha256.New, s.secret)
	for _, part := range parts {
		_, _ = fmt.Fprintf(mac, "%d:%s", len(part), part) // a hash takes everything
	}
	user := hex.EncodeToString(mac.Sum(nil)[:12])
	username := strconv.FormatInt(time.Now().Add(s.cfg.Lifetime).Unix(), 10) + ":" + user
	return Access{URLs: s.URLs(), Username: username, Password: s.password(username)}
}

// URLs are where the server is reached (RFC 7065), the cheapest first.
func (s *Server) URLs() []string {
	var urls []string
	add := func(scheme, transport string, at net.Addr) {
		_, port, err := net.SplitHostPort(at.String())
		if err == nil {
			urls = append(urls, scheme+":"+net.JoinHostPort(strings.Trim(s.host, "[]"), port)+"?transport="+transport)
		}
	}
	if len(s.udp) > 0 {
		add("turn", "udp", s.udp[0].LocalAddr())
	}
	if s.tcp != nil {
		add("turn", "tcp", s.tcp.Addr())
	}
	if s.tls != nil {
		add("turns", "tcp", s.tls.Addr())
	}
	return urls
}

// password is that of a user name (draft-uberti-behave-turn-rest-00 §2.2).
func (s *Server) password(username string) string {
	mac := hmac.New(sha1.New, s.secret)
	_, _ = mac.Write([]byte(username)) // a hash takes everything
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// authenticate is Pion's AuthHandler: it gives the key that the request has to be signed with. Credentials
// that have ended make no allocation, but one that is there can still be refreshed: else a long call would
// break off.
func (s *Server) authenticate(request *turn.RequestAttributes) (user string, key []byte, ok bool) {
	defer func() {
		if !ok {
			s.relay.metrics.refused(refusedCredentials)
		}
	}()
	expiry, user, ok := parseUsername(request.Username)
	if !ok || request.Realm != realm {
		return "", nil, false
	}
	limit := expiry
	if request.Method != stun.MethodAllocate {
		limit = expiry.Add(mostCall)
	}
	if now := time.Now(); now.After(limit) || expiry.After(now.Add(s.cfg.Lifetime+time.Minute)) {
		return "", nil, false
	}
	return user, turn.GenerateAuthKey(request.Username, realm, s.password(request.Username)), true
}

// parseUsername reads "seconds since 1970:user".
func parseUsername(text string) (expiry time.Time, user string, ok bool) {
	seconds, user, found := strings.Cut(text, ":")
	if !found || len(seconds) > 12 || len(user) == 0 || len(user) > 64 {
		return time.Time{}, "", false
	}
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || n < 0 {
		return time.Time{}, "", false
	}
	return time.Unix(n, 0), user, true
}
