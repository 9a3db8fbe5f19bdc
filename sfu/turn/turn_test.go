package turn_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/logging"
	pion "github.com/pion/turn/v5"
	"github.com/pion/webrtc/v4"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/parley/parley"
	"github.com/parley/parley/sfu"
	"github.com/parley/parley/sfu/sfutest"
	"github.com/parley/parley/sfu/turn"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 10 * time.Second

// all listens on three ports of this machine.
func all(t *testing.T) turn.Config {
	t.Helper()
	cfg := turn.DefaultConfig()
	cfg.UDPAddress, cfg.TCPAddress, cfg.TLSAddress = "127.0.0.1:0", "127.0.0.1:0", "[::]:0"
	cfg.Certificate, cfg.Key = writeCertificate(t)
	return cfg
}

// writeCertificate makes one for this machine.
func writeCertificate(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	directory := t.TempDir()
	certificate, key = filepath.Join(directory, "cert.pem"), filepath.Join(directory, "key.pem")
	for path, block := range map[string]*pem.Block{
		certificate: {Type: "CERTIFICATE", Bytes: signed}, key: {Type: "PRIVATE KEY", Bytes: encoded},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}

// start runs a server for a media socket.
func start(t *testing.T, cfg turn.Config, media func() []netip.AddrPort) (*turn.Server, *prometheus.Registry) {
	t.Helper()
	registry := prometheus.NewRegistry()
	s, err := turn.New(cfg, "127.0.0.1", media, sfu.PionLogs(zap.NewNop()), registry)
	if err != nil {
		t.Fatal(err)
	}
	run(t, s.Run)
	return s, registry
}

// run runs f until the test ends.
func run(t *testing.T, f func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func openSFU(t *testing.T) (*sfu.SFU, *sfu.Room) {
	t.Helper()
	cfg := sfu.DefaultConfig()
	cfg.UDPAddress = "127.0.0.1:0"
	s, err := sfu.New(cfg, zap.NewNop(), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	run(t, s.Run)
	room, err := s.OpenRoom("abc-defg-hij", deaf{})
	if err != nil {
		t.Fatal(err)
	}
	return s, room
}

// deaf is an observer that does not care.
type deaf struct{}

func (deaf) PublicationStarted(parley.Track)                               {}
func (deaf) PublicationEnded(parley.TrackID)                               {}
func (deaf) SeatsChanged(parley.ParticipantID, []sfu.SeatState)            {}
func (deaf) PeerChanged(parley.ParticipantID, sfu.PeerState)               {}
func (deaf) EncodingsWanted(parley.ParticipantID, parley.Source, []string) {}

// urlOf picks the URL of one transport.
func urlOf(t *testing.T, a turn.Access, prefix, suffix string) string {
	t.Helper()
	for _, url := range a.URLs {
		if strings.HasPrefix(url, prefix) && strings.HasSuffix(url, suffix) {
			return url
		}
	}
	t.Fatalf("no %s…%s in %v", prefix, suffix, a.URLs)
	return ""
}

// portOf is where a URL leads.
func portOf(url string) string {
	address, _, _ := strings.Cut(url[strings.Index(url, ":")+1:], "?")
	return address
}

func TestMediaFlowsBothWaysByRelay(t *testing.T) {
	t.Parallel()
	media, room := openSFU(t)
	server, registry := start(t, all(t), media.Addresses)
	var browsers []*sfutest.Browser
	for number, transport := range []string{"udp", "tcp"} {
		access := server.Access("abc-defg-hij", transport)
		peer, err := room.Join(sfu.PeerConfig{Participant: parley.ParticipantID(transport), Number: uint32(number + 1), Publish: true})
		if err != nil {
			t.Fatal(err)
		}
		lines := sfutest.Lines{Sends: []parley.Source{parley.Microphone}, Voices: 1}
		browser := sfutest.NewRelayed(t, lines, webrtc.ICEServer{
			URLs: []string{urlOf(t, access, "turn:", transport)}, Username: access.Username, Credential: access.Password,
		})
		browser.Connect(peer, nil)
		browsers = append(browsers, browser)
	}
	var opus [2]sfutest.Opus
	wait(t, "both are heard", func() bool {
		heard := 0
		for i, b := range browsers {
			p := opus[i].Next()
			b.SetLevel(parley.Microphone, p, 30)
			b.Send(parley.Microphone, p)
			if len(b.Received(b.Voices[0])) > 20 {
				heard++
			}
		}
		return heard == len(browsers)
	})
	if n := gauge(t, registry, "parley_turn_allocations"); n < 2 {
		t.Errorf("%v allocations carry it", n)
	}
	for _, b := range browsers {
		b.Close()
	}
	wait(t, "allocations end with their browsers", func() bool { return gauge(t, registry, "parley_turn_allocations") == 0 })
}

// wait polls until ok.
func wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(patience); !ok(); <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// gauge adds up what a metric says.
func gauge(t *testing.T, registry *prometheus.Registry, name string) (sum float64) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == name {
				sum += m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

// echo is a UDP socket that sends back what comes: the media socket of tests, and its neighbours.
type echo struct {
	net.PacketConn

	heard chan string
}

func newEcho(t *testing.T) *echo {
	t.Helper()
	socket, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &echo{socket, make(chan string, 100)}
	go func() {
		buffer := make([]byte, 2000)
		for {
			n, from, err := socket.ReadFrom(buffer)
			if err != nil {
				return
			}
			e.heard <- string(buffer[:n])
			_, _ = socket.WriteTo(buffer[:n], from)
		}
	}()
	t.Cleanup(func() { _ = socket.Close() })
	return e
}

func (e *echo) addresses() []netip.AddrPort {
	return []netip.AddrPort{netip.MustParseAddrPort(e.LocalAddr().String())}
}

// client logs in at a URL.
func client(t *testing.T, url string, a turn.Access) *pion.Client {
	t.Helper()
	var conn net.PacketConn
	var err error
	switch {
	case strings.HasPrefix(url, "turns:"):
		var secure *tls.Conn
		secure, err = tls.Dial("tcp", portOf(url), &tls.Config{InsecureSkipVerify: true})
		conn = pion.NewSTUNConn(secure)
	case strings.HasSuffix(url, "tcp"):
		var plain net.Conn
		plain, err = net.Dial("tcp", portOf(url))
		conn = pion.NewSTUNConn(plain)
	default:
		conn, err = net.ListenPacket("udp4", "127.0.0.1:0")
	}
	if err != nil {
		t.Fatal(err)
	}
	return clientOver(t, conn, url, a)
}

func clientOver(t *testing.T, conn net.PacketConn, url string, a turn.Access) *pion.Client {
	t.Helper()
	c, err := pion.NewClient(&pion.ClientConfig{
		STUNServerAddr: portOf(url), TURNServerAddr: portOf(url), Conn: conn,
		Username: a.Username, Password: a.Password, Realm: "parley", LoggerFactory: logging.NewDefaultLoggerFactory(),
	})
	if err == nil {
		err = c.Listen()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); _ = conn.Close() })
	return c
}

func allocate(t *testing.T, url string, a turn.Access) (net.PacketConn, error) {
	t.Helper()
	relayed, err := client(t, url, a).Allocate()
	if err == nil {
		t.Cleanup(func() { _ = relayed.Close() })
	}
	return relayed, err //nolint:wrapcheck // a test
}

func TestEveryTransportRelaysToTheMediaSocketOnly(t *testing.T) {
	t.Parallel()
	media, neighbour := newEcho(t), newEcho(t)
	server, registry := start(t, all(t), media.addresses)
	access := server.Access("m", "p")
	if len(access.URLs) != 3 {
		t.Fatal(access.URLs)
	}
	for _, url := range access.URLs {
		relayed, err := allocate(t, url, access)
		if err != nil {
			t.Fatal(url, err)
		}
		if _, err := relayed.WriteTo([]byte("hello"), media.LocalAddr()); err != nil {
			t.Fatal(url, err)
		}
		buffer := make([]byte, 100)
		_ = relayed.SetReadDeadline(time.Now().Add(patience))
		n, from, err := relayed.ReadFrom(buffer)
		if err != nil || string(buffer[:n]) != "hello" || from.String() != media.LocalAddr().String() {
			t.Fatal(url, string(buffer[:n]), from, err)
		}
		// The permission is for all ports of the address: the relayed end is not.
		before := gauge(t, registry, "parley_turn_refused_total")
		if _, err := relayed.WriteTo([]byte("let me in"), neighbour.LocalAddr()); err != nil {
			t.Fatal(url, err)
		}
		if _, err := neighbour.WriteTo([]byte("let me out"), relayed.LocalAddr()); err != nil {
			t.Fatal(url, err)
		}
		wait(t, "both are refused", func() bool { return gauge(t, registry, "parley_turn_refused_total") >= before+2 })
		if _, err := relayed.WriteTo([]byte("good-bye"), media.LocalAddr()); err != nil {
			t.Fatal(url, err)
		}
		if n, _, err := relayed.ReadFrom(buffer); err != nil || string(buffer[:n]) != "good-bye" {
			t.Error(url, "a stranger was heard:", string(buffer[:n]), err)
		}
		// Other addresses get no permission at all.
		for _, address := range []string{"127.0.0.2:53", "192.0.2.1:80", "10.0.0.1:1"} {
			to := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(address))
			if _, err := relayed.WriteTo([]byte("let me in"), to); err == nil {
				t.Error(url, "relays to", address)
			}
		}
	}
	if len(neighbour.heard) != 0 {
		t.Error("the neighbour heard", <-neighbour.heard)
	}
}

func TestOnlyItsOwnCredentialsAreTaken(t *testing.T) {
	t.Parallel()
	media := newEcho(t)
	server, registry := start(t, all(t), media.addresses)
	good, other := server.Access("m", "p"), server.Access("m", "q")
	if _, user, _ := strings.Cut(good.Username, ":"); strings.Contains(other.Username, user) {
		t.Error("two people are one user")
	}
	_, user, _ := strings.Cut(good.Username, ":")
	later := strconv.FormatInt(time.Now().Add(12*time.Hour).Unix(), 10) + ":" + user
	for name, c := range map[string][2]string{
		"no such password":      {good.Username, "guess"},
		"somebody else's":       {good.Username, other.Password},
		"a longer life":         {later, good.Password},
		"no expiry":             {"p", good.Password},
		"an empty name":         {"", ""},
		"a number too many":     {"99999999999999999999:" + user, good.Password},
		"a user without a time": {":" + user, good.Password},
	} {
		url := urlOf(t, good, "turn:", "udp")
		bad := good
		bad.Username, bad.Password = c[0], c[1]
		if _, err := allocate(t, url, bad); err == nil {
			t.Errorf("%s is good enough", name)
		}
	}
	if n := gauge(t, registry, "parley_turn_allocations"); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if n := gauge(t, registry, "parley_turn_refused_total"); n < 7 {
		t.Errorf("%v refusals are counted", n)
	}
}

func TestAllocationsAreBounded(t *testing.T) {
	t.Parallel()
	media := newEcho(t)
	cfg := all(t)
	cfg.PerUser, cfg.Allocations = 2, 3
	server, registry := start(t, cfg, media.addresses)
	count := func(who string) (made int, conns []net.PacketConn) {
		access := server.Access("m", who)
		for range 3 {
			if c, err := allocate(t, urlOf(t, access, "turn:", "tcp"), access); err == nil {
				made++
				conns = append(conns, c)
			}
		}
		return made, conns
	}
	first, conns := count("p")
	if second, _ := count("q"); first != 2 || second != 1 {
		t.Errorf("%d for one person and %d for the next, want 2 and 1", first, second)
	}
	for _, c := range conns {
		_ = c.Close()
	}
	wait(t, "what was given back is free", func() bool { return gauge(t, registry, "parley_turn_allocations") == 1 })
	if third, _ := count("p"); third != 2 {
		t.Errorf("%d after that, want 2", third)
	}
}

// TestAStreamThatStopsReadingDelaysNobody: its own allocation waits for it, the others do not.
func TestAStreamThatStopsReadingDelaysNobody(t *testing.T) {
	t.Parallel()
	media := newEcho(t)
	server, _ := start(t, all(t), media.addresses)
	access := server.Access("m", "p")
	url := urlOf(t, access, "turn:", "tcp")
	raw, err := net.Dial("tcp", portOf(url))
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.(*net.TCPConn).SetReadBuffer(16 << 10)
	plug := make(chan struct{})
	c := clientOver(t, pion.NewSTUNConn(&plugged{raw, plug, make(chan struct{})}), url, access)
	stuck, err := c.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stuck.Close() })
	ann, err := allocate(t, url, access)
	if err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 1500)
	exchange := func(c net.PacketConn, text string) {
		t.Helper()
		if _, err := c.WriteTo([]byte(text), media.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		_ = c.SetReadDeadline(time.Now().Add(patience))
		if n, _, err := c.ReadFrom(buffer); err != nil || string(buffer[:n]) != text {
			t.Fatalf("%q, %v; want %q", buffer[:n], err, text)
		}
	}
	exchange(stuck, "good morning")
	exchange(ann, "good morning")
	close(plug)
	to, packet := stuck.LocalAddr(), make([]byte, 1200)
	for range 10_000 { // 12 MB: more than the kernel holds for it
		if _, err := media.WriteTo(packet, to); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		exchange(ann, "are you still there")
	}
}

// plugged is a connection that is read no more once the plug is in.
type plugged struct {
	net.Conn

	plug, closed chan struct{}
}

func (p *plugged) Read(b []byte) (int, error) {
	select {
	case <-p.plug:
		<-p.closed
	default:
	}
	return p.Conn.Read(b) //nolint:wrapcheck // a test
}

func (p *plugged) Close() error {
	close(p.closed)
	return p.Conn.Close() //nolint:wrapcheck // a test
}

// TestHostileStreamsEnd sends what Pion would read for ever, or never finish.
func TestHostileStreamsEnd(t *testing.T) {
	t.Parallel()
	media := newEcho(t)
	server, registry := start(t, all(t), media.addresses)
	cookie := []byte{0x21, 0x12, 0xA4, 0x42}
	id := make([]byte, 12)
	for name, bytes := range map[string][]byte{
		"a message of 65,536 bytes":    append(append([]byte{0, 1, 0xFF, 0xEC}, cookie...), id...),
		"channel data of 65,536 bytes": {0x40, 0, 0xFF, 0xFC, 1, 2, 3, 4, 5, 6, 7, 8},
		"HTTP":                         []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
		"TLS":                          {22, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3},
		"a long message":               append(append([]byte{0, 1, 0x40, 0}, cookie...), id...),
	} {
		c, err := net.Dial("tcp", portOf(urlOf(t, server.Access("m"), "turn:", "tcp")))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(bytes); err != nil {
			t.Fatal(err)
		}
		_ = c.SetReadDeadline(time.Now().Add(patience))
		if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: the connection stays", name)
		}
		_ = c.Close()
	}
	wait(t, "all have ended", func() bool { return gauge(t, registry, "parley_turn_streams") == 0 })
}

func TestWhatCannotBeListenedOnIsNamed(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	for name, c := range map[string]struct {
		change func(*turn.Config)
		kind   parley.Kind
		say    string
	}{
		"a port in use":       {func(c *turn.Config) { c.TCPAddress = taken.Addr().String() }, parley.Conflict, "turn.tcp_address"},
		"another machine's":   {func(c *turn.Config) { c.UDPAddress = "192.0.2.1:3478" }, parley.Invalid, "turn.udp_address"},
		"no such certificate": {func(c *turn.Config) { c.Certificate = "nowhere.pem" }, parley.Invalid, "nowhere.pem"},
	} {
		cfg := all(t)
		c.change(&cfg)
		_, err := turn.New(cfg, "localhost", newEcho(t).addresses, sfu.PionLogs(zap.NewNop()), prometheus.NewRegistry())
		if !errors.Is(err, c.kind) || !strings.Contains(parley.SayOf(err), c.say) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFaultsNameTheirKey(t *testing.T) {
	t.Parallel()
	cfg := turn.Config{
		UDPAddress: "3478", TCPAddress: "localhost:1", TLSAddress: "0.0.0.0:70000",
		Host: "https://meet.example.org", RelayAddress: "eth0", Lifetime: time.Second,
	}
	err := cfg.Validate()
	for _, key := range []string{
		"udp_address", "tcp_address", "tls_address", "needs certificate", "host", "relay_address", "lifetime", "per_user", "allocations",
	} {
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s is not named: %v", key, err)
		}
	}
	if err := turn.DefaultConfig().Validate(); err != nil || turn.DefaultConfig().Enabled() {
		t.Error("the default is no server:", err)
	}
}
