package client

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"

	"github.com/parley/parley"
)

const (
	// frame is the length of an Opus packet, as browsers send them.
	frame = 20 * time.Millisecond
	// maxPayload leaves room for the headers of RTP, SRTP, UDP and IPv6 in an MTU of 1280.
	maxPayload = 1100
	// silent is the level of no sound at all, in -dBov (RFC 6464 §3).
	silent = 127
	// voice is the level from which a packet counts as speech: a quiet talker, above a room's noise.
	voice = 55
)

// Play sends Opus packets of 20 ms from the microphone, each at its time by the monotonic clock, with
// its audio level. It returns nil after the last one, or the cause of ctx. A second Play at the same
// time is Conflict; between two, nothing is sent and RTP time goes on. Requires parley.Microphone in
// Config.Sources.
func (c *Client) Play(ctx context.Context, packets iter.Seq[[]byte]) error {
	s, err := c.hold(parley.Microphone)
	if err != nil {
		return err
	}
	defer s.release()
	meter, err := newMeter()
	if err != nil {
		return err
	}
	extension := s.extension(sdp.AudioLevelURI)
	start := s.now(opusClockRate)
	pace := newPace()
	defer pace.stop()
	at := time.Duration(0)
	for payload := range packets {
		if err := pace.wait(ctx, at); err != nil {
			return err
		}
		packet := s.packet(start+uint32(at.Seconds()*opusClockRate), payload, at == 0)
		if extension != 0 {
			level := rtp.AudioLevelExtension{Level: meter.level(payload)}
			level.Voice = level.Level <= voice
			text, err := level.Marshal()
			if err != nil {
				return fmt.Errorf("write audio level: %w", err)
			}
			if err := packet.SetExtension(extension, text); err != nil {
				return fmt.Errorf("write audio level: %w", err)
			}
		}
		if err := s.track.WriteRTP(packet); err != nil {
			return fmt.Errorf("send sound: %w", err)
		}
		at += frame
	}
	return pace.wait(ctx, at)
}

// Show sends VP8 frames from the camera, so many a second; the first one had better be a keyframe. It
// returns like Play. Requires parley.Camera in Config.Sources.
func (c *Client) Show(ctx context.Context, frames iter.Seq[[]byte], perSecond int) error {
	s, err := c.hold(parley.Camera)
	if err != nil {
		return err
	}
	defer s.release()
	start := s.now(vp8ClockRate)
	pace := newPace()
	defer pace.stop()
	at := time.Duration(0)
	for picture := range frames {
		if err := pace.wait(ctx, at); err != nil {
			return err
		}
		if err := s.sendPicture(start+uint32(at.Seconds()*vp8ClockRate), picture); err != nil {
			return err
		}
		at += time.Second / time.Duration(perSecond)
	}
	return pace.wait(ctx, at)
}

// sendPicture splits a VP8 frame as RFC 7741 §4.4 says; the last packet of it has the marker.
func (s *sender) sendPicture(timestamp uint32, picture []byte) error {
	payloads := s.vp8.Payload(maxPayload, picture)
	for i, payload := range payloads {
		if err := s.track.WriteRTP(s.packet(timestamp, payload, i == len(payloads)-1)); err != nil {
			return fmt.Errorf("send picture: %w", err)
		}
	}
	return nil
}

// hold makes the caller the one who plays a source.
func (c *Client) hold(source parley.Source) (*sender, error) {
	s := c.senders[source]
	if s == nil {
		return nil, &parley.Error{Op: "play", Kind: parley.Invalid, Say: fmt.Sprintf("Config.Sources has no %s.", source)}
	}
	if c.cfg.Tracks[source] != nil {
		return nil, &parley.Error{
			Op: "play", Kind: parley.Conflict, Say: fmt.Sprintf("Config.Tracks plays on the %s.", source),
		}
	}
	select {
	case s.playing <- struct{}{}:
		return s, nil
	default:
		return nil, &parley.Error{
			Op: "play", Kind: parley.Conflict, Say: fmt.Sprintf("Something plays on the %s already.", source),
		}
	}
}

func (s *sender) release() { <-s.playing }

// now is the RTP time of this moment: it goes on while nothing is sent (RFC 3550 §5.1).
func (s *sender) now(clockRate float64) uint32 {
	if s.began.IsZero() {
		s.began = time.Now()
	}
	return s.base + uint32(int64(time.Since(s.began).Seconds()*clockRate))
}

func (s *sender) packet(timestamp uint32, payload []byte, marker bool) *rtp.Packet {
	s.sequence++
	return &rtp.Packet{
		Header:  rtp.Header{Version: 2, Marker: marker, SequenceNumber: s.sequence, Timestamp: timestamp},
		Payload: payload,
	}
}

// extension is the id that the answer gave a header extension; 0 when it has none.
func (s *sender) extension(uri string) uint8 {
	for _, extension := range s.rtp.GetParameters().HeaderExtensions {
		if extension.URI == uri {
			return uint8(extension.ID)
		}
	}
	return 0
}

// readRTCP reads feedback, which Pion's interceptors see only then, until the connection closes.
func (c *Client) readRTCP(s *sender) {
	for {
		packets, _, err := s.rtp.ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range packets {
			switch p.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				if c.cfg.OnKeyframeRequest != nil {
					c.cfg.OnKeyframeRequest(s.source)
				}
			}
		}
	}
}

// pace waits for moments of a clock that starts with it.
type pace struct {
	start time.Time
	timer *time.Timer
}

func newPace() *pace { return &pace{start: time.Now(), timer: time.NewTimer(0)} }

func (p *pace) stop() { p.timer.Stop() }

// wait returns nil at a moment, at once when it is past, or the cause of ctx.
func (p *pace) wait(ctx context.Context, at time.Duration) error {
	p.timer.Reset(time.Until(p.start.Add(at)))
	select {
	case <-p.timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
