package client

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtp/codecs"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"github.com/parley/parley"
	"github.com/parley/parley/signaling"
)

// The codecs of a client: those every browser has.
const (
	opusClockRate = 48_000
	vp8ClockRate  = 90_000
)

func opusCapability() webrtc.RTPCodecCapability {
	return webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeOpus, ClockRate: opusClockRate, Channels: 2, // RFC 7587 §7: always 2
		SDPFmtpLine: "minptime=10;useinbandfec=1",
	}
}

func vp8Capability() webrtc.RTPCodecCapability {
	return webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeVP8, ClockRate: vp8ClockRate,
		RTCPFeedback: []webrtc.RTCPFeedback{
			{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"},
		},
	}
}

// newPeerConnection makes a connection like a browser's, that also works on one machine.
func newPeerConnection() (*webrtc.PeerConnection, error) {
	media := &webrtc.MediaEngine{}
	codecs := []struct {
		kind        webrtc.RTPCodecType
		capability  webrtc.RTPCodecCapability
		payloadType webrtc.PayloadType
	}{
		{webrtc.RTPCodecTypeAudio, opusCapability(), 111},
		{webrtc.RTPCodecTypeVideo, vp8Capability(), 96},
		{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeRTX, ClockRate: vp8ClockRate, SDPFmtpLine: "apt=96", // RFC 4588 §8.6
		}, 97},
	}
	for _, codec := range codecs {
		parameters := webrtc.RTPCodecParameters{RTPCodecCapability: codec.capability, PayloadType: codec.payloadType}
		if err := media.RegisterCodec(parameters, codec.kind); err != nil {
			return nil, fmt.Errorf("register codec: %w", err)
		}
	}
	level := webrtc.RTPHeaderExtensionCapability{URI: sdp.AudioLevelURI}
	if err := media.RegisterHeaderExtension(level, webrtc.RTPCodecTypeAudio); err != nil {
		return nil, fmt.Errorf("register audio level: %w", err)
	}
	interceptors := &interceptor.Registry{}
	if err := webrtc.RegisterDefaultInterceptors(media, interceptors); err != nil {
		return nil, fmt.Errorf("register interceptors: %w", err)
	}
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	pc, err := webrtc.NewAPI(
		webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(interceptors), webrtc.WithSettingEngine(settings),
	).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, fmt.Errorf("make peer connection: %w", err)
	}
	return pc, nil
}

// sender is a line that sends one source.
type sender struct {
	source parley.Source
	track  *webrtc.TrackLocalStaticRTP // nil when Config.Tracks has one
	rtp    *webrtc.RTPSender
	line   *webrtc.RTPTransceiver

	playing chan struct{} // of capacity 1: held by the one who plays

	// owned by who plays
	began    time.Time // of the first packet
	base     uint32    // RTP time of began
	sequence uint16
	vp8      codecs.VP8Payloader // counts pictures
}

// addLines adds a sending line for each source, then the seats.
func (c *Client) addLines() error {
	for _, source := range c.cfg.Sources {
		capability := opusCapability()
		if source.Kind() == parley.Video {
			capability = vp8Capability()
		}
		var track *webrtc.TrackLocalStaticRTP
		sent := c.cfg.Tracks[source]
		if sent == nil {
			var err error
			if track, err = webrtc.NewTrackLocalStaticRTP(capability, string(source), "own"); err != nil {
				return fmt.Errorf("make track: %w", err)
			}
			sent = track
		}
		line, err := c.pc.AddTransceiverFromTrack(sent, webrtc.RTPTransceiverInit{
			Direction: webrtc.RTPTransceiverDirectionSendonly,
		})
		if err != nil {
			return fmt.Errorf("add line for %s: %w", source, err)
		}
		s := &sender{
			source: source, track: track, rtp: line.Sender(), line: line, playing: make(chan struct{}, 1),
			vp8: codecs.VP8Payloader{EnablePictureID: true},
			// RFC 3550 §5.1 asks for random beginnings, not for secret ones.
			base: rand.Uint32(), sequence: uint16(rand.Uint32()), //nolint:gosec // see above
		}
		c.senders[source] = s
		c.tasks.Go(func() { c.readRTCP(s) })
	}
	return c.addSeats(c.cfg.Voices, c.cfg.Seats)
}

func (c *Client) addSeats(voices, pictures int) error {
	for kind, count := range map[webrtc.RTPCodecType]int{
		webrtc.RTPCodecTypeAudio: voices, webrtc.RTPCodecTypeVideo: pictures,
	} {
		for range count {
			if _, err := c.pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{
				Direction: webrtc.RTPTransceiverDirectionRecvonly,
			}); err != nil {
				return fmt.Errorf("add seat: %w", err)
			}
		}
	}
	return nil
}

// offer makes an offer that holds all candidates: on a host without STUN they take milliseconds.
func (c *Client) offer(ctx context.Context, options *webrtc.OfferOptions) (signaling.Offer, error) {
	description, err := c.pc.CreateOffer(options)
	if err != nil {
		return signaling.Offer{}, fmt.Errorf("make offer: %w", err)
	}
	gathered := webrtc.GatheringCompletePromise(c.pc)
	if err := c.pc.SetLocalDescription(description); err != nil {
		return signaling.Offer{}, fmt.Errorf("apply offer: %w", err)
	}
	select {
	case <-gathered:
	case <-ctx.Done():
		return signaling.Offer{}, fmt.Errorf("gather candidates: %w", context.Cause(ctx))
	}
	offer := signaling.Offer{SDP: c.pc.LocalDescription().SDP, Sources: map[string]parley.Source{}}
	for source, s := range c.senders {
		offer.Sources[s.line.Mid()] = source
	}
	return offer, nil
}

// MoreSeats adds seats by a later offer.
func (c *Client) MoreSeats(ctx context.Context, voices, pictures int) error {
	if err := c.addSeats(voices, pictures); err != nil {
		return err
	}
	offer, err := c.offer(ctx, nil)
	if err != nil {
		return err
	}
	answered := make(chan signaling.Message, 1)
	c.mu.Lock()
	c.offers++
	offer.Type, offer.Seq = signaling.TypeOffer, c.offers
	c.answers[offer.Seq] = answered
	c.mu.Unlock()
	if err := c.send(&offer); err != nil {
		return err
	}
	select {
	case message := <-answered:
		return c.applyAnswer(message)
	case <-ctx.Done():
		return fmt.Errorf("wait for answer: %w", context.Cause(ctx))
	}
}

func (c *Client) applyAnswer(message signaling.Message) error {
	switch m := message.(type) {
	case *signaling.Answer:
		answer := webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: m.SDP}
		if err := c.pc.SetRemoteDescription(answer); err != nil {
			return fmt.Errorf("apply answer: %w", err)
		}
		return nil
	case *signaling.Error:
		return &parley.Error{Op: "offer", Kind: m.Kind, Say: m.Say}
	default:
		return errClosed()
	}
}
