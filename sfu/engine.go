package sfu

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/transport/v4/stdnet"
	"github.com/pion/webrtc/v4"
	"go.uber.org/zap"

	"github.com/parley/parley"
)

const (
	// socketBuffer is asked of the kernel in both directions: 30 ms of 1 Gbit/s. The kernel may give
	// less.
	socketBuffer = 4 << 20
	// keepAlive is how often Pion asks, where it does.
	keepAlive = 2 * time.Second
	// maxNACKs is how often a publisher is asked for one lost packet, beat by beat.
	maxNACKs = 5
)

// engine is what all peers share: the socket, the certificate and Pion's settings.
type engine struct {
	media       *webrtc.MediaEngine
	settings    webrtc.SettingEngine
	mux         ice.UDPMux
	ingress     *ingress
	tcp         ice.TCPMux // nil where there is none
	certificate webrtc.Certificate
}

// listen binds the sockets, which share one port.
func listen(cfg Config) ([]*net.UDPConn, error) {
	address, err := cfg.listenAddress()
	if err != nil {
		return nil, fmt.Errorf("udp_address: %w", err)
	}
	sockets, err := listenUDP(address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, &parley.Error{
			Op: "listen for media", Kind: parley.Conflict, Err: err,
			Say: fmt.Sprintf("The UDP address %s is already in use.", cfg.UDPAddress),
		}
	}
	if err != nil {
		return nil, &parley.Error{
			Op: "listen for media", Kind: parley.Invalid, Err: err,
			Say: fmt.Sprintf("The UDP address %s cannot be listened on.", cfg.UDPAddress),
		}
	}
	for _, s := range sockets {
		_ = s.SetReadBuffer(socketBuffer)  // a smaller buffer works too
		_ = s.SetWriteBuffer(socketBuffer) // likewise
	}
	return sockets, nil
}

func closeAll(sockets []*net.UDPConn) {
	for _, s := range sockets {
		_ = s.Close() // nothing was read or written yet
	}
}

// newCertificate makes the certificate of all DTLS connections: ECDSA on P-256, which costs a
// handshake the least, and one for all, since making one per peer costs as much again.
func newCertificate() (webrtc.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return webrtc.Certificate{}, fmt.Errorf("make DTLS key: %w", err)
	}
	certificate, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return webrtc.Certificate{}, fmt.Errorf("make DTLS certificate: %w", err)
	}
	return *certificate, nil
}

// newEngine starts reading from the sockets, which it owns from here on. tcp may be nil.
func newEngine(cfg Config, sockets []*net.UDPConn, egress *egress, tcp *tcpListener, clock *clock, certificate webrtc.Certificate, log *zap.Logger) (*engine, error) {
	logs := pionLog{log.Named("pion")}
	media, err := newMediaEngine()
	if err != nil {
		return nil, err
	}
	reader := newIngress(sockets, egress, clock)
	mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: reader, Logger: logs.NewLogger("mux")})
	// One for all: Pion otherwise asks the kernel for the list of interfaces for each peer, and each keeps it.
	network, err := stdnet.NewNet()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	settings := webrtc.SettingEngine{LoggerFactory: logs}
	settings.SetNet(network)
	settings.SetICEUDPMux(mux)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6})
	settings.SetIncludeLoopbackCandidate(true) // browsers on this machine may have no other
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	if egress == nil {
		settings.SetICETimeouts(disconnectAfter, failAfter-disconnectAfter, keepAlive)
	} else {
		settings.SetICETimeouts(0, 0, 0) // we watch ourselves
	}
	settings.DisableActiveTCP(true)
	// The server decides on the SRTP profile only as DTLS server, and GCM costs a sixth of CM.
	if err := settings.SetAnsweringDTLSRole(webrtc.DTLSRoleServer); err != nil {
		return nil, fmt.Errorf("set DTLS role: %w", err)
	}
	settings.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80)
	if len(cfg.PublicAddresses) > 0 {
		err := settings.SetICEAddressRewriteRules(webrtc.ICEAddressRewriteRule{
			External:        cfg.PublicAddresses,
			AsCandidateType: webrtc.ICECandidateTypeHost,
			Mode:            webrtc.ICEAddressRewriteAppend,
		})
		if err != nil {
			return nil, fmt.Errorf("public_addresses: %w", err)
		}
	}
	made := &engine{
		media: media, settings: settings,
		mux: mux, ingress: reader,
		certificate: certificate,
	}
	if tcp != nil {
		made.listenTCP(newTCPMux(tcp, reader, logs))
	}
	return made, nil
}

// listenTCP gives every answer passive TCP candidates as well; browsers prefer those of UDP.
func (e *engine) listenTCP(mux ice.TCPMux) {
	e.tcp = mux
	e.settings.SetICETCPMux(mux)
	e.settings.SetNetworkTypes([]webrtc.NetworkType{
		webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6,
	})
}

// close closes the sockets and returns when nothing reads from them any more.
func (e *engine) close() error {
	err := e.mux.Close()
	if e.tcp != nil {
		err = errors.Join(err, e.tcp.Close())
	}
	return err
}

// newPeerConnection makes the server's end of one browser's connection. keys listens to its handshake.
func (e *engine) newPeerConnection(keys *keyTap) (*webrtc.PeerConnection, error) {
	settings := e.settings
	settings.SetDTLSKeyLogWriter(keys)
	settings.SetDTLSServerHelloMessageHook(keys.serverHello)
	api := webrtc.NewAPI(webrtc.WithMediaEngine(e.media), webrtc.WithSettingEngine(settings),
		webrtc.WithInterceptorRegistry(&interceptor.Registry{})) // reports are our own: they tell of rewritten streams
	pc, err := api.NewPeerConnection(webrtc.Configuration{Certificates: []webrtc.Certificate{e.certificate}})
	if err != nil {
		return nil, fmt.Errorf("make peer connection: %w", err)
	}
	return pc, nil
}
