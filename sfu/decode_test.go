package sfu

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media/h264writer"
	"github.com/pion/webrtc/v4/pkg/media/ivfwriter"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/parley/parley"
)

// captured is a packet of testdata/*.rtp: what headless Chromium sent of its fake camera, a few seconds of
// each codec. The records are: milliseconds since the one before in 16 bits, the RID in 8 (0 for none), the
// length in 16, and the packet, whose only header extension is the dependency descriptor, with id 1.
type captured struct {
	after time.Duration
	rid   byte
	rtp   rtp.Packet
}

func readCapture(t testing.TB, name string) (packets []captured) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	for len(b) > 5 {
		size := int(binary.BigEndian.Uint16(b[3:]))
		c := captured{after: time.Duration(binary.BigEndian.Uint16(b)) * time.Millisecond, rid: b[2]}
		if err := c.rtp.Unmarshal(b[5 : 5+size]); err != nil {
			t.Fatal(err)
		}
		packets = append(packets, c)
		b = b[5+size:]
	}
	return packets
}

// stage is one publication that plays a capture again and again, and one seat in which it is seen.
type stage struct {
	t      testing.TB
	pub    *publication
	layers map[byte]*layer
	seat   *seat
	now    time.Time
	sent   []rtp.Packet
	began  map[byte]*rtp.Packet // the first packet of each layer in the capture
	last   map[byte]*rtp.Packet // the last one
	rounds int
}

// WriteRTP and Write make a stage the webrtc.TrackLocalWriter that its seat writes to.
func (s *stage) WriteRTP(h *rtp.Header, payload []byte) (int, error) {
	s.sent = append(s.sent, rtp.Packet{Header: h.Clone(), Payload: bytes.Clone(payload)})
	return len(payload), nil
}

func (s *stage) Write(b []byte) (int, error) { return len(b), nil }

func newStage(t testing.TB, mime string) *stage {
	t.Helper()
	counters, err := newMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	server := &SFU{metrics: counters, log: zap.NewNop()}
	room := &Room{sfu: server}
	publisher, viewer := &Peer{route: &route{}, room: room, cfg: PeerConfig{Publish: true}}, &Peer{route: &route{}, room: room}
	publisher.wake, viewer.wake = make(chan struct{}, 1), make(chan struct{}, 1)
	viewer.path.Store(&path{}) // by its writer
	c := newCodec(webrtc.RTPCodecCapability{MimeType: mime, ClockRate: 90000})
	s := &stage{
		t: t, pub: newPublication(publisher, "0", parley.Camera, c, []string{"f", "h"}), layers: map[byte]*layer{},
		seat: newSeat(viewer, "1", parley.Video, "seat-0", 7), now: time.Unix(1e9, 0),
		began: map[byte]*rtp.Packet{}, last: map[byte]*rtp.Packet{},
	}
	s.pub.once.Do(func() { s.pub.live = true })
	s.seat.writer, s.seat.formats = s, formats{formatKey(c): {payload: 96}}
	s.seat.ids.dependency = 1
	s.seat.sit(s.pub)
	s.pub.addSeat(s.seat)
	return s
}

func (s *stage) layer(rid byte) *layer {
	l := s.layers[rid]
	if l == nil {
		l = &layer{pub: s.pub, payload: 96, ring: &ring{}, rid: string(rid), dependencyID: 1}
		if rid == 'h' {
			l.rank = 1
		}
		s.layers[rid] = l
		s.pub.addLayer(l)
	}
	return l
}

// play plays the capture once more: its numbers go on from where the last time ended, as those of a
// browser do.
func (s *stage) play(packets []captured, between func()) {
	for i := range packets {
		c := &packets[i]
		s.now = s.now.Add(c.after)
		l := s.layer(c.rid)
		if s.rounds == 0 {
			if s.began[c.rid] == nil {
				s.began[c.rid] = &c.rtp
			}
			s.last[c.rid] = &c.rtp
		}
		p := s.shift(c)
		raw, err := p.Marshal()
		if err != nil {
			s.t.Fatal(err)
		}
		if err := l.rtp.Unmarshal(raw); err != nil {
			s.t.Fatal(err)
		}
		if why := l.take(len(raw), s.now, false); why != "" {
			s.t.Fatalf("a packet of Chromium's is dropped: %s", why)
		}
		between()
	}
	s.rounds++
}

// shift gives a packet the numbers it has in this round.
func (s *stage) shift(c *captured) *rtp.Packet {
	p := c.rtp
	p.Header = c.rtp.Header.Clone()
	if s.rounds == 0 {
		return &p
	}
	first, last := s.began[c.rid], s.last[c.rid]
	p.SequenceNumber += uint16(s.rounds) * (last.SequenceNumber - first.SequenceNumber + 1)
	p.Timestamp += uint32(s.rounds) * (last.Timestamp - first.Timestamp + 6000)
	parse := map[string]func([]byte) (descriptor, place, bool){webrtc.MimeTypeVP8: parseVP8, webrtc.MimeTypeVP9: parseVP9}[s.pub.codec.mime]
	if parse != nil {
		a, _, _ := parse(first.Payload)
		b, _, _ := parse(last.Payload)
		d, _, _ := parse(p.Payload)
		p.Payload = d.put(nil, p.Payload, (d.picture+uint16(s.rounds)*(b.picture-a.picture+1))&pictureMask,
			d.tl0+uint8(s.rounds)*(b.tl0-a.tl0+1))
	}
	if ext := p.GetExtension(1); len(ext) > 3-1 {
		frames := binary.BigEndian.Uint16(last.GetExtension(1)[1:]) - binary.BigEndian.Uint16(first.GetExtension(1)[1:]) + 1
		ext = bytes.Clone(ext)
		binary.BigEndian.PutUint16(ext[1:], binary.BigEndian.Uint16(ext[1:])+uint16(s.rounds)*frames)
		if err := p.SetExtension(1, ext); err != nil {
			s.t.Fatal(err)
		}
	}
	return &p
}

// TestNoSwitchBreaksThePicture forwards each codec with 200 changes of layer at random moments, and has the
// result decoded: not one frame may be broken.
func TestNoSwitchBreaksThePicture(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	for _, c := range []struct{ name, mime string }{
		{"vp8", webrtc.MimeTypeVP8}, {"h264", webrtc.MimeTypeH264}, {"vp9", webrtc.MimeTypeVP9}, {"av1", webrtc.MimeTypeAV1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			packets := readCapture(t, c.name+".rtp")
			s := newStage(t, c.mime)
			random := rand.New(rand.NewPCG(1, 2))
			switches, left := 0, 0
			for switches < 200 {
				s.play(packets, func() {
					if left--; left <= 0 {
						left = 5 + random.IntN(40)
						switches++
						s.aim(random)
					}
				})
			}
			wantOrder(t, c.mime, s.sent)
			frames := decodeAll(t, c.mime, s.sent)
			t.Logf("%d packets, %d pictures, %d switches", len(s.sent), frames, switches)
		})
	}
}

// aim wants another layer from here on.
func (s *stage) aim(random *rand.Rand) {
	layers := s.pub.allLayers()
	s.seat.mu.Lock()
	defer s.seat.mu.Unlock()
	s.seat.target = target{layers[random.IntN(len(layers))], uint8(random.IntN(3)), uint8(random.IntN(3))}
}

// wantOrder: sequence numbers without a hole, time that goes forward, pictures that count on.
func wantOrder(t *testing.T, mime string, packets []rtp.Packet) {
	t.Helper()
	for i := 1; i < len(packets); i++ {
		a, b := &packets[i-1], &packets[i]
		if b.SequenceNumber != a.SequenceNumber+1 || int32(b.Timestamp-a.Timestamp) < 0 {
			t.Fatalf("packet %d at %d follows %d at %d", b.SequenceNumber, b.Timestamp, a.SequenceNumber, a.Timestamp)
		}
		if mime != webrtc.MimeTypeVP8 {
			continue
		}
		x, _, _ := parseVP8(a.Payload)
		y, _, _ := parseVP8(b.Payload)
		if step := (y.picture - x.picture) & pictureMask; step > 1 || (step == 0) != (a.Timestamp == b.Timestamp) {
			t.Fatalf("picture %d follows %d", y.picture, x.picture)
		}
		if step := y.tl0 - x.tl0; step > 1 {
			t.Fatalf("TL0PICIDX %d follows %d", y.tl0, x.tl0)
		}
	}
}

// decodeAll has ffmpeg decode the stream; it returns the number of pictures, and fails at the first error.
func decodeAll(t *testing.T, mime string, packets []rtp.Packet) int {
	t.Helper()
	file := filepath.Join(t.TempDir(), "stream.ivf")
	switch mime {
	case webrtc.MimeTypeH264:
		file = filepath.Join(filepath.Dir(file), "stream.h264")
		w, err := h264writer.New(file)
		writePackets(t, w, err, packets)
	case webrtc.MimeTypeVP9:
		writeVP9(t, file, packets)
	default:
		w, err := ivfwriter.New(file, ivfwriter.WithCodec(mime))
		writePackets(t, w, err, spaced(packets))
	}
	said, err := exec.Command("ffmpeg", "-v", "error", "-i", file, "-fps_mode", "passthrough", "-f", "rawvideo", "-stats", "-y", os.DevNull).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, said)
	}
	lines := strings.Split(strings.TrimSpace(strings.ReplaceAll(string(said), "\r", "\n")), "\n")
	if len(lines) > 0 && strings.Contains(lines[len(lines)-1], "frame=") {
		for _, line := range lines {
			if !strings.Contains(line, "frame=") {
				t.Fatalf("ffmpeg complains:\n%s", said)
			}
		}
	}
	fields := strings.Fields(strings.ReplaceAll(lines[len(lines)-1], "=", " "))
	if len(fields) < 2 || fields[0] != "frame" || fields[1] == "0" {
		t.Fatalf("no picture was decoded:\n%s", said)
	}
	pictures := 0
	for _, digit := range fields[1] {
		pictures = 10*pictures + int(digit-'0')
	}
	return pictures
}

// spaced gives each picture a time of its own: the last of one encoding and the first of the next may be of
// the same moment, which the file could not tell apart.
func spaced(packets []rtp.Packet) []rtp.Packet {
	spaced := slices.Clone(packets)
	at := uint32(0)
	for i := range packets {
		if i > 0 && packets[i].Timestamp != packets[i-1].Timestamp {
			at += 3000
		}
		spaced[i].Timestamp = at
	}
	return spaced
}

type packetWriter interface {
	WriteRTP(p *rtp.Packet) error
	Close() error
}

func writePackets(t *testing.T, w packetWriter, err error, packets []rtp.Packet) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	for i := range packets {
		if err := w.WriteRTP(&packets[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// writeVP9 writes the frame of each spatial layer by itself.
func writeVP9(t *testing.T, file string, packets []rtp.Packet) {
	t.Helper()
	out := append([]byte("DKIF\x00\x00\x20\x00VP90"), make([]byte, 20)...)
	binary.LittleEndian.PutUint32(out[16:], 30)
	binary.LittleEndian.PutUint32(out[20:], 1)
	var frame []byte
	frames := 0
	for i := range packets {
		var p codecs.VP9Packet
		payload, err := p.Unmarshal(packets[i].Payload)
		if err != nil {
			t.Fatal(err)
		}
		if p.B {
			frame = frame[:0]
		}
		if frame = append(frame, payload...); p.E {
			out = binary.LittleEndian.AppendUint32(out, uint32(len(frame)))
			out = binary.LittleEndian.AppendUint64(out, uint64(frames))
			out = append(out, frame...)
			frames++
		}
	}
	if err := os.WriteFile(file, out, 0o600); err != nil {
		t.Fatal(err)
	}
}
