// Package sfutest is a scripted browser: a real Pion connection that offers like the browser app
// does, publishes packets a test makes up and keeps what arrives in its seats.
package sfutest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"github.com/parley/parley"
)

// Offerer answers offers: *sfu.Peer does.
type Offerer interface {
	Answer(ctx context.Context, offerSDP string, sources map[string]parley.Source) (string, error)
}

// AudioLevelURI names the header extension of RFC 6464.
const AudioLevelURI = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"

// Lines says which m-lines a browser offers, in this order.
type Lines struct {
	Sends  []parley.Source
	Voices int // audio seats
	Videos int // video seats
	// Encodings are the RIDs of the camera, the largest first; none for a camera without simulcast.
	Encodings []string
}

// AllLines is what the browser app offers: 17 m-lines.
func AllLines() Lines {
	return Lines{
		Sends:  []parley.Source{parley.Microphone, parley.Camera, parley.Screen, parley.ScreenAudio},
		Voices: 4, Videos: 9,
	}
}

// Browser is one scripted browser. Its methods are for one goroutine; received packets may be looked
// at at any time.
type Browser struct {
	PC     *webrtc.PeerConnection
	Voices []string // MIDs of the audio seats, known after Connect
	Videos []string // MIDs of the video seats

	t        testing.TB
	sends    map[parley.Source]*webrtc.RTPSender
	tracks   map[parley.Source]*webrtc.TrackLocalStaticRTP
	layers   map[string]*webrtc.TrackLocalStaticRTP // of the camera, by RID
	voices   []*webrtc.RTPTransceiver
	videos   []*webrtc.RTPTransceiver
	readers  sync.WaitGroup
	mu       sync.Mutex // guards all below
	received map[string][]rtp.Packet
	reports  map[uint32][]rtcp.SenderReport
	levelIDs map[string]uint8
}

// New makes a browser on the loopback interface; it is closed when the test ends.
func New(t testing.TB, lines Lines) *Browser {
	t.Helper()
	return newBrowser(t, lines, webrtc.Configuration{}, webrtc.NetworkTypeUDP4)
}

// NewTCP makes a browser whose network lets no UDP pass.
func NewTCP(t testing.TB, lines Lines) *Browser {
	t.Helper()
	return newBrowser(t, lines, webrtc.Configuration{}, webrtc.NetworkTypeTCP4)
}

// NewLite makes a client that is an ICE-lite agent: it answers checks and makes none (RFC 8445 §2.5).
func NewLite(t testing.TB, lines Lines) *Browser {
	t.Helper()
	settings := newSettings(webrtc.NetworkTypeUDP4)
	settings.SetLite(true)
	return newBrowserOf(t, lines, webrtc.Configuration{}, settings)
}

// NewBoth makes a browser that tries UDP and TCP.
func NewBoth(t testing.TB, lines Lines) *Browser {
	t.Helper()
	return newBrowser(t, lines, webrtc.Configuration{}, webrtc.NetworkTypeUDP4, webrtc.NetworkTypeTCP4)
}

// NewRelayed makes a browser that reaches the server by this TURN server only.
func NewRelayed(t testing.TB, lines Lines, server webrtc.ICEServer) *Browser {
	t.Helper()
	cfg := webrtc.Configuration{ICEServers: []webrtc.ICEServer{server}, ICETransportPolicy: webrtc.ICETransportPolicyRelay}
	return newBrowser(t, lines, cfg, webrtc.NetworkTypeUDP4)
}

func newBrowser(t testing.TB, lines Lines, cfg webrtc.Configuration, networks ...webrtc.NetworkType) *Browser {
	t.Helper()
	return newBrowserOf(t, lines, cfg, newSettings(networks...))
}

func newBrowserOf(t testing.TB, lines Lines, cfg webrtc.Configuration, settings webrtc.SettingEngine) *Browser {
	t.Helper()
	b := &Browser{
		t:        t,
		sends:    map[parley.Source]*webrtc.RTPSender{},
		tracks:   map[parley.Source]*webrtc.TrackLocalStaticRTP{},
		layers:   map[string]*webrtc.TrackLocalStaticRTP{},
		received: map[string][]rtp.Packet{},
		reports:  map[uint32][]rtcp.SenderReport{},
		levelIDs: map[string]uint8{},
	}
	pc, err := newAPI(t, settings).NewPeerConnection(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b.PC = pc
	t.Cleanup(b.Close)
	pc.OnTrack(func(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		b.readers.Add(2)
		go b.read(track, receiver)
		go b.readReports(receiver)
	})
	for _, source := range lines.Sends {
		if source == parley.Camera && len(lines.Encodings) > 0 {
			b.addSimulcast(lines.Encodings)
			continue
		}
		b.addSend(source)
	}
	b.AddSeats(lines.Voices, lines.Videos)
	return b
}

// newAPI has Pion's default codecs and interceptors, so that it sends NACKs like a browser.
func newAPI(t testing.TB, settings webrtc.SettingEngine) *webrtc.API {
	t.Helper()
	media, interceptors := &webrtc.MediaEngine{}, &interceptor.Registry{}
	must(t, media.RegisterDefaultCodecs())
	must(t, media.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: AudioLevelURI}, webrtc.RTPCodecTypeAudio))
	must(t, webrtc.ConfigureSimulcastExtensionHeaders(media))
	must(t, webrtc.RegisterDefaultInterceptors(media, interceptors))
	return webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(interceptors),
		webrtc.WithSettingEngine(settings))
}

// newSettings has candidates on the loopback interface only.
func newSettings(networks ...webrtc.NetworkType) webrtc.SettingEngine {
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetIPFilter(net.IP.IsLoopback)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetNetworkTypes(networks)
	return settings
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// addSend adds a sendonly m-line.
func (b *Browser) addSend(source parley.Source) {
	b.t.Helper()
	capability := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}
	if source.Kind() == parley.Audio {
		capability = webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}
	}
	track, err := webrtc.NewTrackLocalStaticRTP(capability, string(source), string(source))
	must(b.t, err)
	transceiver, err := b.PC.AddTransceiverFromTrack(track,
		webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	must(b.t, err)
	b.tracks[source], b.sends[source] = track, transceiver.Sender()
}

// addSimulcast adds the sendonly m-line of a camera with several encodings.
func (b *Browser) addSimulcast(rids []string) {
	b.t.Helper()
	for k, rid := range rids {
		track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000},
			"camera", "camera", webrtc.WithRTPStreamID(rid))
		must(b.t, err)
		b.layers[rid] = track
		if k > 0 {
			must(b.t, b.sends[parley.Camera].AddEncoding(track))
			continue
		}
		transceiver, err := b.PC.AddTransceiverFromTrack(track,
			webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		must(b.t, err)
		b.sends[parley.Camera] = transceiver.Sender()
	}
}

// SendLayer sends a packet of one encoding of the camera; it names the m-line and the RID.
func (b *Browser) SendLayer(rid string, p *rtp.Packet) {
	b.t.Helper()
	sender := b.sends[parley.Camera]
	for _, extension := range sender.GetParameters().HeaderExtensions {
		switch extension.URI {
		case sdp.SDESMidURI:
			for _, transceiver := range b.PC.GetTransceivers() {
				if transceiver.Sender() == sender {
					must(b.t, p.SetExtension(uint8(extension.ID), []byte(transceiver.Mid())))
				}
			}
		case sdp.SDESRTPStreamIDURI:
			must(b.t, p.SetExtension(uint8(extension.ID), []byte(rid)))
		}
	}
	if err := b.layers[rid].WriteRTP(p); err != nil && !errors.Is(err, net.ErrClosed) {
		b.t.Logf("send encoding %s: %v", rid, err)
	}
}

// AddSeats adds recvonly m-lines; they exist after the next Connect.
func (b *Browser) AddSeats(voices, videos int) {
	b.t.Helper()
	add := func(kind webrtc.RTPCodecType) *webrtc.RTPTransceiver {
		transceiver, err := b.PC.AddTransceiverFromKind(kind,
			webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		must(b.t, err)
		return transceiver
	}
	for range voices {
		b.voices = append(b.voices, add(webrtc.RTPCodecTypeAudio))
	}
	for range videos {
		b.videos = append(b.videos, add(webrtc.RTPCodecTypeVideo))
	}
}

// Offer makes an offer with all candidates in it, and names its sources.
func (b *Browser) Offer(options *webrtc.OfferOptions) (string, map[string]parley.Source) {
	b.t.Helper()
	offer, err := b.PC.CreateOffer(options)
	must(b.t, err)
	gathered := webrtc.GatheringCompletePromise(b.PC)
	must(b.t, b.PC.SetLocalDescription(offer))
	<-gathered
	sources := map[string]parley.Source{}
	for _, transceiver := range b.PC.GetTransceivers() {
		for source, sender := range b.sends {
			if transceiver.Sender() == sender {
				sources[transceiver.Mid()] = source
			}
		}
	}
	return b.PC.LocalDescription().SDP, sources
}

// Connect offers, has the offer answered and applies the answer.
func (b *Browser) Connect(to Offerer, options *webrtc.OfferOptions) {
	b.t.Helper()
	offer, sources := b.Offer(options)
	answer, err := to.Answer(context.Background(), offer, sources)
	must(b.t, err)
	b.Accept(answer)
}

// Accept applies an answer.
func (b *Browser) Accept(answer string) {
	b.t.Helper()
	must(b.t, b.PC.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
	b.Voices, b.Videos = nil, nil
	for _, transceiver := range b.voices {
		b.Voices = append(b.Voices, transceiver.Mid())
	}
	for _, transceiver := range b.videos {
		b.Videos = append(b.Videos, transceiver.Mid())
	}
}

// Send sends a packet from a source. SSRC and payload type are filled in.
func (b *Browser) Send(source parley.Source, p *rtp.Packet) {
	b.t.Helper()
	if err := b.tracks[source].WriteRTP(p); err != nil && !errors.Is(err, net.ErrClosed) {
		b.t.Logf("send %s: %v", source, err)
	}
}

// SetLevel puts an audio level of -level dBov on a packet of source.
func (b *Browser) SetLevel(source parley.Source, p *rtp.Packet, level uint8) {
	b.t.Helper()
	for _, extension := range b.sends[source].GetParameters().HeaderExtensions {
		if extension.URI == AudioLevelURI {
			must(b.t, p.SetExtension(uint8(extension.ID), []byte{level}))
		}
	}
}

// ReadRTCP reads what the server says to a source; it blocks.
func (b *Browser) ReadRTCP(source parley.Source) ([]rtcp.Packet, error) {
	packets, _, err := b.sends[source].ReadRTCP()
	if err != nil {
		return nil, fmt.Errorf("read RTCP: %w", err)
	}
	return packets, nil
}

// Received is what has arrived in a seat so far, in order of arrival.
func (b *Browser) Received(mid string) []rtp.Packet {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]rtp.Packet(nil), b.received[mid]...)
}

// Reports are the sender reports about one SSRC so far.
func (b *Browser) Reports(ssrc uint32) []rtcp.SenderReport {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]rtcp.SenderReport(nil), b.reports[ssrc]...)
}

// LevelID is the id of the audio level extension in a seat.
func (b *Browser) LevelID(mid string) uint8 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.levelIDs[mid]
}

// Close closes the connection and waits; idempotent.
func (b *Browser) Close() {
	_ = b.PC.GracefulClose()
	b.readers.Wait()
}

// read keeps what arrives in one seat.
func (b *Browser) read(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	defer b.readers.Done()
	mid := receiver.RTPTransceiver().Mid()
	for _, extension := range receiver.GetParameters().HeaderExtensions {
		if extension.URI == AudioLevelURI {
			b.mu.Lock()
			b.levelIDs[mid] = uint8(extension.ID)
			b.mu.Unlock()
		}
	}
	for {
		p, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		b.mu.Lock()
		b.received[mid] = append(b.received[mid], *p)
		b.mu.Unlock()
	}
}

// readReports keeps the sender reports of one seat.
func (b *Browser) readReports(receiver *webrtc.RTPReceiver) {
	defer b.readers.Done()
	for {
		packets, _, err := receiver.ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range packets {
			if report, ok := p.(*rtcp.SenderReport); ok {
				b.mu.Lock()
				b.reports[report.SSRC] = append(b.reports[report.SSRC], *report)
				b.mu.Unlock()
			}
		}
	}
}
