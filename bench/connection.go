package bench

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/logging"
	"github.com/pion/rtcp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

// dialer makes the connections of a run and keeps what they share.
type dialer struct {
	// constant after newDialer
	sweeper     *sweeper
	collector   *collector
	ip          netip.Addr // of the generator's sockets
	profile     dtls.SRTPProtectionProfile
	certificate webrtc.Certificate

	mu        sync.Mutex // guards everything below
	receivers []*receiver
}

func newDialer(cfg Config, c *collector, s *sweeper) (*dialer, error) {
	address := cfg.URL
	if cfg.WHIP != "" {
		address = expand(cfg.WHIP, "room", "id")
	}
	ip, err := localAddress(address)
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make DTLS key: %w", err)
	}
	certificate, err := webrtc.GenerateCertificate(key) // one for all: each costs as much as a handshake
	if err != nil {
		return nil, fmt.Errorf("make DTLS certificate: %w", err)
	}
	return &dialer{
		sweeper: s, collector: c, ip: ip, profile: profiles()[cfg.SRTP], certificate: *certificate,
	}, nil
}

// localAddress is the address from which this machine reaches a server.
func localAddress(address string) (netip.Addr, error) {
	parsed, err := url.Parse(address)
	if err != nil {
		return netip.Addr{}, invalid("%q is not an address", address)
	}
	conn, err := net.Dial("udp4", net.JoinHostPort(parsed.Hostname(), "9")) //nolint:noctx // sends nothing
	if err != nil {
		return netip.Addr{}, fmt.Errorf("find the way to %s over IPv4: %w", parsed.Hostname(), err)
	}
	defer func() { _ = conn.Close() }()
	local, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil {
		return netip.Addr{}, fmt.Errorf("find the way to %s: %w", parsed.Hostname(), err)
	}
	return local.Addr(), nil
}

// connect makes a peer connection of a participant: one that receives is counted by a receiver of its
// own, which is returned; nil for one that only sends.
func (d *dialer) connect(p *participant, receives bool) (*webrtc.PeerConnection, *receiver, error) {
	media, err := newMediaEngine()
	if err != nil {
		return nil, nil, err
	}
	interceptors := &interceptor.Registry{}
	if p.sends() {
		if interceptors, err = newInterceptors(); err != nil {
			return nil, nil, err
		}
	}
	settings := d.settings()
	var r *receiver
	var take func([]byte, int64)
	var tap *keyTap
	if receives {
		r = newReceiver(p.number, d.collector)
		take, tap = r.take, &keyTap{ready: r.arm}
		settings.SetDTLSKeyLogWriter(tap)
	}
	socket, err := d.sweeper.open(d.ip, take, tap)
	if err != nil {
		return nil, nil, err
	}
	settings.SetICEUDPMux(socket)
	pc, err := webrtc.NewAPI(
		webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(interceptors), webrtc.WithSettingEngine(settings),
	).NewPeerConnection(webrtc.Configuration{Certificates: []webrtc.Certificate{d.certificate}})
	if err != nil {
		_ = socket.Close()
		return nil, nil, fmt.Errorf("make peer connection: %w", err)
	}
	if r != nil {
		r.pc, r.socket = pc, socket
		d.mu.Lock()
		defer d.mu.Unlock()
		d.receivers = append(d.receivers, r)
	}
	return pc, r, nil
}

// forget drops a receiver whose connection is closed.
func (d *dialer) forget(r *receiver) {
	d.mu.Lock()
	defer d.mu.Unlock()
	// A copy: feedback may be looking at the list.
	d.receivers = slices.DeleteFunc(slices.Clone(d.receivers), func(other *receiver) bool { return other == r })
}

// feedback sends the reports of all receivers until done is closed, spread over time.
func (d *dialer) feedback(done <-chan struct{}) {
	const slots = 20
	tick := time.NewTicker(feedbackInterval / slots)
	defer tick.Stop()
	for slot := 0; ; slot = (slot + 1) % slots {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		d.mu.Lock()
		receivers := d.receivers
		d.mu.Unlock()
		for i := slot; i < len(receivers); i += slots {
			receivers[i].feedback()
		}
	}
}

// locked is how many receivers get packets that they cannot open.
func (d *dialer) locked() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	count := 0
	for _, r := range d.receivers {
		if r.locked() {
			count++
		}
	}
	return count
}

func (d *dialer) settings() webrtc.SettingEngine {
	const patience = time.Minute // a machine at its limit answers late: it is to be measured, not left
	settings := webrtc.SettingEngine{
		LoggerFactory: &logging.DefaultLoggerFactory{DefaultLogLevel: logging.LogLevelDisabled},
	}
	settings.SetSRTPProtectionProfiles(d.profile)
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetICETimeouts(patience, patience, 2*time.Second)
	settings.DisableActiveTCP(true)
	return settings
}

// newMediaEngine knows Opus and VP8, with the feedback and the header extensions that browsers offer.
func newMediaEngine() (*webrtc.MediaEngine, error) {
	media := &webrtc.MediaEngine{}
	for _, codec := range []struct {
		kind        webrtc.RTPCodecType
		payloadType webrtc.PayloadType
		capability  webrtc.RTPCodecCapability
	}{
		{webrtc.RTPCodecTypeAudio, 111, webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeOpus, ClockRate: 48_000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1",
			RTCPFeedback: []webrtc.RTCPFeedback{{Type: webrtc.TypeRTCPFBTransportCC}},
		}},
		{webrtc.RTPCodecTypeVideo, 96, webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeVP8, ClockRate: 90_000, RTCPFeedback: []webrtc.RTCPFeedback{
				{Type: webrtc.TypeRTCPFBGoogREMB},
				{Type: webrtc.TypeRTCPFBTransportCC},
				{Type: webrtc.TypeRTCPFBCCM, Parameter: "fir"},
				{Type: webrtc.TypeRTCPFBNACK},
				{Type: webrtc.TypeRTCPFBNACK, Parameter: "pli"},
			},
		}},
		{webrtc.RTPCodecTypeVideo, 97, webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeRTX, ClockRate: 90_000, SDPFmtpLine: "apt=96",
		}},
	} {
		parameters := webrtc.RTPCodecParameters{RTPCodecCapability: codec.capability, PayloadType: codec.payloadType}
		if err := media.RegisterCodec(parameters, codec.kind); err != nil {
			return nil, fmt.Errorf("register codec: %w", err)
		}
	}
	for _, extension := range []struct {
		kind webrtc.RTPCodecType
		uri  string
	}{
		{webrtc.RTPCodecTypeAudio, sdp.SDESMidURI},
		{webrtc.RTPCodecTypeAudio, sdp.AudioLevelURI},
		{webrtc.RTPCodecTypeAudio, sdp.TransportCCURI},
		{webrtc.RTPCodecTypeVideo, sdp.SDESMidURI},
		{webrtc.RTPCodecTypeVideo, sdp.ABSSendTimeURI},
		{webrtc.RTPCodecTypeVideo, sdp.TransportCCURI},
	} {
		capability := webrtc.RTPHeaderExtensionCapability{URI: extension.uri}
		if err := media.RegisterHeaderExtension(capability, extension.kind); err != nil {
			return nil, fmt.Errorf("register header extension: %w", err)
		}
	}
	return media, nil
}

// newInterceptors are those of a sender: it answers NACKs, reports, and numbers its packets. What comes
// in never gets to Pion.
func newInterceptors() (*interceptor.Registry, error) {
	responder, err := nack.NewResponderInterceptor()
	if err != nil {
		return nil, fmt.Errorf("make NACK responder: %w", err)
	}
	reports, err := report.NewSenderInterceptor()
	if err != nil {
		return nil, fmt.Errorf("make sender reports: %w", err)
	}
	numbers, err := twcc.NewHeaderExtensionInterceptor()
	if err != nil {
		return nil, fmt.Errorf("make transport-cc: %w", err)
	}
	registry := &interceptor.Registry{}
	registry.Add(responder)
	registry.Add(reports)
	registry.Add(numbers)
	return registry, nil
}

// watchRequests passes requests for keyframes on, until the connection closes.
func watchRequests(sender *webrtc.RTPSender, s *stream) {
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		if asksKeyframe(packets) {
			s.askKeyframe()
		}
	}
}

func asksKeyframe(packets []rtcp.Packet) bool {
	for _, p := range packets {
		switch p.(type) {
		case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
			return true
		}
	}
	return false
}
