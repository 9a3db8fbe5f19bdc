package bench

import (
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

const (
	// maxVideoPayload makes RTP packets of 1,203 bytes, as large as browsers make them. MediaMTX cuts
	// frames into pieces of 1,187 bytes, which is this without the descriptor: its packets stay one to one.
	maxVideoPayload = 1191
	// vp8Descriptor is an extended descriptor with a picture id of 15 bits (RFC 7741 §4.2), as browsers
	// send it.
	vp8Descriptor = 4
	// videoStampAt is past the descriptor and the header of a keyframe (10 bytes, RFC 6386 §9.1).
	videoStampAt = vp8Descriptor + 12
	audioStampAt = 4 // past the TOC byte (RFC 6716 §3.1)

	audioFrame = 20 * time.Millisecond
	// keyframeInterval is how often a keyframe comes unasked: whoever is late sees something.
	keyframeInterval = 2 * time.Second
	// keyframePause is the least time between two, however many ask.
	keyframePause = 500 * time.Millisecond
	// talkLevel is that of a person speaking, in -dBov, with the bit that says it is a voice (RFC 6464 §3).
	talkLevel = 30 | 0x80
)

// stream makes the packets of one source: synthetic VP8 of a constant rate, or Opus. It is the
// webrtc.TrackLocal of its line.
type stream struct {
	// constant after newAudio and newVideo
	publisher uint16
	kind      kind
	interval  time.Duration // between pictures, or Opus packets
	ticks     uint32        // RTP time of interval
	perFrame  float64       // packets
	spread    float64
	stampAt   int
	window    *window

	out            atomic.Pointer[outlet] // nil until bound
	wantsKeyframe  atomic.Bool
	sent, inWindow atomic.Uint64
	failed         atomic.Uint64 // writes that were refused
	ended          atomic.Bool   // the pacer forgets it

	// owned by the pacer
	header    rtp.Header
	payload   []byte
	began     time.Time // of the current frame
	index     int       // of the next packet in it
	count     int       // packets in it
	rest      float64   // of a packet, for the next frame
	keyframe  bool
	keyframed time.Time // when the last one began
	picture   uint16
	seq       uint32
}

// outlet is where packets go, as it was negotiated.
type outlet struct {
	writer  webrtc.TrackLocalWriter
	payload uint8
	ssrc    uint32
	levelID uint8 // of the audio level extension, 0 for none
}

// newVideo makes a stream of so many bits a second.
func newVideo(publisher uint16, bitsPerSecond, fps int, spread float64, w *window) *stream {
	s := &stream{
		publisher: publisher, kind: video, window: w, spread: spread, stampAt: videoStampAt,
		interval: time.Second / time.Duration(fps), ticks: uint32(90_000 / fps),
	}
	const header = 12
	frame := float64(bitsPerSecond) / 8 / float64(fps)
	size := maxVideoPayload
	if s.perFrame = frame / (header + maxVideoPayload); s.perFrame < 1 {
		s.perFrame, size = 1, max(int(frame)-header, videoStampAt+stampSize)
	}
	s.fill(size)
	return s
}

// newAudio makes a stream of Opus packets of so many bytes.
func newAudio(publisher uint16, size int, w *window) *stream {
	s := &stream{
		publisher: publisher, kind: audio, window: w, stampAt: audioStampAt,
		interval: audioFrame, ticks: 960, perFrame: 1,
	}
	s.fill(size)
	s.payload[0] = 0x78 // fullband hybrid, 20 ms, mono, one frame (RFC 6716 §3.1)
	return s
}

// fill makes a payload of bytes that look like any.
func (s *stream) fill(size int) {
	random := rand.New(rand.NewPCG(uint64(s.publisher), uint64(s.kind))) //nolint:gosec // the same in each run
	s.payload = make([]byte, size)
	for i := range s.payload {
		s.payload[i] = byte(random.Uint32())
	}
	s.header = rtp.Header{Version: 2, SequenceNumber: uint16(random.Uint32()), Timestamp: random.Uint32()}
	s.picture = uint16(random.Uint32()) & 0x7FFF
}

// ID, RID, StreamID and Kind make the stream a webrtc.TrackLocal.
func (s *stream) ID() string       { return s.Kind().String() }
func (s *stream) RID() string      { return "" }
func (s *stream) StreamID() string { return "bench" }
func (s *stream) Kind() webrtc.RTPCodecType {
	if s.kind == video {
		return webrtc.RTPCodecTypeVideo
	}
	return webrtc.RTPCodecTypeAudio
}

// Bind notes what was negotiated.
func (s *stream) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	want := webrtc.MimeTypeOpus
	if s.kind == video {
		want = webrtc.MimeTypeVP8
	}
	for _, codec := range c.CodecParameters() {
		if !strings.EqualFold(codec.MimeType, want) {
			continue
		}
		o := &outlet{writer: c.WriteStream(), payload: uint8(codec.PayloadType), ssrc: uint32(c.SSRC())}
		for _, extension := range c.HeaderExtensions() {
			if extension.URI == sdp.AudioLevelURI {
				o.levelID = uint8(extension.ID)
			}
		}
		s.out.Store(o)
		return codec, nil
	}
	return webrtc.RTPCodecParameters{}, webrtc.ErrUnsupportedCodec
}

// Unbind stops the stream.
func (s *stream) Unbind(webrtc.TrackLocalContext) error {
	s.out.Store(nil)
	return nil
}

// askKeyframe makes a keyframe come soon.
func (s *stream) askKeyframe() { s.wantsKeyframe.Store(true) }

// step sends the packet that is due and returns when the next one is. Called by the pacer.
func (s *stream) step(now time.Time) time.Time {
	if s.index == 0 {
		s.begin(now)
	}
	if s.kind == video {
		s.header.Marker = s.index == s.count-1
		s.describe()
	}
	sent := time.Now().UnixNano()
	stamp{publisher: s.publisher, kind: s.kind, seq: s.seq, sent: sent}.put(s.payload[s.stampAt:])
	if o := s.out.Load(); o != nil {
		s.send(o, sent)
	}
	s.seq++
	s.header.SequenceNumber++
	s.index++
	if s.index < s.count {
		gap := float64(s.interval) * s.spread / float64(s.count)
		return s.began.Add(time.Duration(gap * float64(s.index)))
	}
	s.index = 0
	s.began = s.began.Add(s.interval)
	s.header.Timestamp += s.ticks
	s.picture = (s.picture + 1) & 0x7FFF
	return s.began
}

func (s *stream) send(o *outlet, sent int64) {
	s.header.PayloadType, s.header.SSRC = o.payload, o.ssrc
	if o.levelID != 0 && s.kind == audio {
		_ = s.header.SetExtension(o.levelID, []byte{talkLevel}) // one byte always fits
	}
	s.sent.Add(1)
	if s.window.has(sent) {
		s.inWindow.Add(1)
	}
	if _, err := o.writer.WriteRTP(&s.header, s.payload); err != nil {
		s.failed.Add(1)
	}
}

// begin starts a frame: of how many packets, and whether it is a keyframe.
func (s *stream) begin(now time.Time) {
	if s.began.IsZero() {
		s.began = now
	}
	total := s.perFrame + s.rest
	s.count = int(total)
	s.rest = total - float64(s.count)
	since := s.began.Sub(s.keyframed)
	s.keyframe = since >= keyframeInterval || since >= keyframePause && s.wantsKeyframe.Load()
	if s.keyframe {
		s.keyframed = s.began
		s.wantsKeyframe.Store(false)
	}
}

// describe writes the descriptor, and the header of the picture into its first packet.
func (s *stream) describe() {
	p := s.payload
	p[0], p[1] = 0x80, 0x80 // X, and I: a picture id follows
	p[2], p[3] = 0x80|byte(s.picture>>8), byte(s.picture)
	if s.index > 0 {
		return
	}
	p[0] |= 0x10 // S: a partition begins
	const shown, interframe = 1 << 4, 1
	tag := uint32(min(s.count*len(p)-videoStampAt, 1<<19-1))<<5 | shown // the length of the first partition
	if !s.keyframe {
		tag |= interframe
	}
	p[4], p[5], p[6] = byte(tag), byte(tag>>8), byte(tag>>16)
	if s.keyframe {
		copy(p[7:], []byte{0x9D, 0x01, 0x2A, 0x80, 0x02, 0x68, 0x01}) // start code, 640 x 360
	}
}
