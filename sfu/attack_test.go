package sfu_test

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/parley/parley"
	"github.com/parley/parley/sfu"
	"github.com/parley/parley/sfu/sfutest"
)

// scene is a room in which ben hears and sees ann, and mallory is let in.
type scene struct {
	*hall
	ann, ben *guest
}

func openScene(t *testing.T) *scene {
	t.Helper()
	h := openHall(t)
	s := &scene{hall: h, ann: h.join("ann", 1, talker()), ben: h.join("ben", 2, talker())}
	h.show("ann publishes", func() bool { return h.track("ann", parley.Camera).ID != "" }, s.ann)
	if err := s.ben.peer.Seat([]sfu.SeatRequest{{MID: s.ben.Videos[0], Track: h.track("ann", parley.Camera).ID}}); err != nil {
		t.Fatal(err)
	}
	h.show("ben sees ann", func() bool { return len(s.ben.Received(s.ben.Videos[0])) > 30 }, s.ann)
	h.speak("ben hears ann", func() bool { return heard(s.ben, 1) > 5 }, 30, s.ann)
	return s
}

// undisturbed has ann speak and show herself while the attack goes on, so many times, and then wants that ben
// has all of it, whole and in order.
func (s *scene) undisturbed(what string, rounds int, attack func(n int)) {
	s.t.Helper()
	seat := s.ben.Videos[0]
	heardBefore, seenBefore, sent := heard(s.ben, 1), len(s.ben.Received(seat)), 0
	s.repeat(what, 10*time.Millisecond, func() bool { return sent >= rounds }, func(n int) {
		p := s.ann.opus.Next()
		s.ann.SetLevel(parley.Microphone, p, 30)
		s.ann.Send(parley.Microphone, p)
		for _, p := range s.ann.vp8.Frame(n%10 == 0, 3) {
			s.ann.Send(parley.Camera, p)
		}
		attack(n)
		sent++
	})
	s.wait(what+": ben has heard everything", func() bool { return heard(s.ben, 1) >= heardBefore+sent })
	s.wait(what+": ben has seen everything", func() bool { return len(s.ben.Received(seat)) >= seenBefore+3*sent })
	wantContinuous(s.t, s.ben.Received(seat))
	for _, mid := range s.ben.Voices {
		if voice := s.ben.Received(mid); len(voice) > 0 && slices.Contains(voice[0].CSRC, 1) {
			wantContinuous(s.t, voice)
		}
	}
	if !s.sits("ben", "ann", parley.Audio) || !s.sits("ben", "ann", parley.Video) {
		s.t.Errorf("%s: ann has lost a seat", what)
	}
}

// pen is a line on which everything can be written: the header is whoever writes it's own.
type pen struct {
	webrtc.TrackLocal // what it does not say itself

	bound   chan struct{}
	writer  webrtc.TrackLocalWriter
	ssrc    uint32
	payload uint8
}

func newPen(t *testing.T, kind parley.MediaKind) *pen {
	t.Helper()
	capability := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90_000}
	if kind == parley.Audio {
		capability = webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48_000, Channels: 2}
	}
	track, err := webrtc.NewTrackLocalStaticRTP(capability, string(kind), "mallory")
	if err != nil {
		t.Fatal(err)
	}
	return &pen{TrackLocal: track, bound: make(chan struct{})}
}

func (p *pen) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	codec, err := p.TrackLocal.Bind(c)
	p.writer, p.ssrc, p.payload = c.WriteStream(), uint32(c.SSRC()), uint8(codec.PayloadType)
	close(p.bound)
	return codec, err //nolint:wrapcheck // a test
}

// write sends a packet; what is not given in the header is right.
func (p *pen) write(t *testing.T, h rtp.Header, payload []byte) {
	t.Helper()
	h.Version = 2
	if h.SSRC == 0 {
		h.SSRC = p.ssrc
	}
	if h.PayloadType == 0 {
		h.PayloadType = p.payload
	}
	if _, err := p.writer.WriteRTP(&h, payload); err != nil && !errors.Is(err, net.ErrClosed) {
		t.Logf("write: %v", err) // what Pion itself refuses is no attack
	}
}

// mallory joins with a microphone and a camera to write on; ssrc is what the camera claims to be, 0 for its own.
func (s *scene) mallory(ssrc uint32) (m *guest, microphone, camera *pen) {
	s.t.Helper()
	return s.tapped(ssrc, nil)
}

// tapped is mallory with taps.
func (s *scene) tapped(ssrc uint32, tap func(parley.Track, time.Time) []sfu.Tap) (m *guest, microphone, camera *pen) {
	t := s.t
	t.Helper()
	peer, err := s.room.Join(sfu.PeerConfig{Participant: "mallory", Number: 66, Publish: true, Tap: tap})
	if err != nil {
		t.Fatal(err)
	}
	m = &guest{Browser: sfutest.New(t, sfutest.Lines{Voices: 2, Videos: 2}), id: "mallory", peer: peer}
	pens := map[parley.Source]*pen{}
	for source, claimed := range map[parley.Source]uint32{parley.Microphone: 0, parley.Camera: ssrc} {
		pens[source] = newPen(t, source.Kind())
		init := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}
		if claimed != 0 {
			init.SendEncodings = []webrtc.RTPEncodingParameters{{RTPCodingParameters: webrtc.RTPCodingParameters{SSRC: webrtc.SSRC(claimed)}}}
		}
		if _, err := m.PC.AddTransceiverFromTrack(pens[source], init); err != nil {
			t.Fatal(err)
		}
	}
	offer, sources := m.Offer(nil)
	for _, line := range m.PC.GetTransceivers() {
		for source, p := range pens {
			if line.Sender() != nil && line.Sender().Track() == p {
				sources[line.Mid()] = source
			}
		}
	}
	answer, err := peer.Answer(t.Context(), offer, sources)
	if err != nil {
		t.Fatal(err)
	}
	m.Accept(answer)
	for _, p := range pens {
		<-p.bound
	}
	s.wait("mallory is connected", func() bool { return m.PC.ConnectionState() == webrtc.PeerConnectionStateConnected })
	return m, pens[parley.Microphone], pens[parley.Camera]
}

// noise is so many bytes at most.
func noise(most int) []byte {
	b := make([]byte, rand.IntN(most+1))
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return b
}

// TestAHostilePublisherIsNoticedByNobody writes packets that are sealed well and wrong inside, while others see
// mallory and each other.
func TestAHostilePublisherIsNoticedByNobody(t *testing.T) {
	t.Parallel()
	s := openScene(t)
	_, microphone, camera := s.mallory(0)
	var good sfutest.VP8
	s.repeat("mallory is on the air", 10*time.Millisecond, func() bool { return s.track("mallory", parley.Camera).ID != "" }, func(int) {
		for _, p := range good.Frame(true, 2) {
			camera.write(t, p.Header, p.Payload)
		}
		microphone.write(t, rtp.Header{SequenceNumber: good.Seq}, []byte{0xF8, 1, 2})
	})
	// Somebody looks, so that what mallory writes goes the whole way.
	if err := s.ben.peer.Seat([]sfu.SeatRequest{{MID: s.ben.Videos[1], Track: s.track("mallory", parley.Camera).ID}}); err != nil {
		t.Fatal(err)
	}
	extension := func(profile uint16, id uint8, value []byte) rtp.Header {
		h := rtp.Header{SequenceNumber: good.Seq, Extension: true, ExtensionProfile: profile}
		if err := h.SetExtension(id, value); err != nil {
			t.Logf("%#x: %v", profile, err)
		}
		return h
	}
	s.undisturbed("hostile packets", 100, func(n int) {
		for _, p := range good.Frame(n%10 == 0, 2) {
			camera.write(t, p.Header, p.Payload)
		}
		for _, pen := range []*pen{microphone, camera} {
			good.Seq++
			at := func() rtp.Header { good.Seq++; return rtp.Header{SequenceNumber: good.Seq, Timestamp: good.Timestamp} }
			pen.write(t, at(), nil)
			pen.write(t, at(), []byte{0x80})             // a descriptor that goes on, and does not
			pen.write(t, at(), []byte{0x90, 0xFF, 0x80}) // likewise, with everything in it
			pen.write(t, at(), noise(1200))
			pen.write(t, rtp.Header{SequenceNumber: uint16(rand.Uint32()), Timestamp: rand.Uint32()}, noise(40))
			pen.write(t, rtp.Header{SequenceNumber: good.Seq, PayloadType: uint8(1 + rand.IntN(126))}, noise(40))
			pen.write(t, rtp.Header{SequenceNumber: good.Seq, CSRC: make([]uint32, 15)}, noise(40))
			pen.write(t, rtp.Header{SequenceNumber: good.Seq, Padding: true, PaddingSize: 255}, nil)
			for id := range uint8(14) { // whatever was negotiated by this number, this is too short or too long for it
				pen.write(t, extension(0xBEDE, id+1, noise(15)), []byte{1, 2, 3})
				pen.write(t, extension(0x1000, id+1, noise(200)), []byte{1, 2, 3})
			}
			pen.write(t, extension(0xABAC, 0, make([]byte, 4*rand.IntN(100))), []byte{1, 2, 3})
		}
	})
	if s.dropped("malformed")+s.dropped("codec") == 0 {
		t.Error("nothing was counted")
	}
}

// garbled is a packet of RTCP as it is written.
type garbled []byte

func (g garbled) Marshal() ([]byte, error)  { return g, nil }
func (g garbled) MarshalSize() int          { return len(g) }
func (g garbled) Unmarshal([]byte) error    { return nil }
func (g garbled) DestinationSSRC() []uint32 { return nil }

// TestHostileControlPacketsAreNoticedByNobody sends RTCP that is sealed well: cut short, with counts that are
// not true, about streams of others.
func TestHostileControlPacketsAreNoticedByNobody(t *testing.T) {
	t.Parallel()
	s := openScene(t)
	m, microphone, _ := s.mallory(0)
	seat := s.ben.Received(s.ben.Videos[0])[0].SSRC // of ben's: mallory has no business with it
	others := []uint32{seat, microphone.ssrc, cameraOf(t, s.ann), 0, 0xFFFFFFFF}
	good := []rtcp.Packet{
		&rtcp.PictureLossIndication{MediaSSRC: seat},
		&rtcp.TransportLayerNack{MediaSSRC: seat, Nacks: []rtcp.NackPair{{PacketID: 1, LostPackets: 0xFFFF}}},
		&rtcp.TransportLayerCC{
			MediaSSRC: seat, BaseSequenceNumber: 65535, PacketStatusCount: 3,
			PacketChunks: []rtcp.PacketStatusChunk{&rtcp.RunLengthChunk{PacketStatusSymbol: 1, RunLength: 3}},
			RecvDeltas:   []*rtcp.RecvDelta{{Type: 1}, {Type: 1}, {Type: 1}},
		},
		&rtcp.ReceiverEstimatedMaximumBitrate{SSRCs: []uint32{seat}, Bitrate: 1},
		&rtcp.ReceiverEstimatedMaximumBitrate{SSRCs: []uint32{seat}, Bitrate: 1e18},
		&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: seat, FractionLost: 255, TotalLost: 1<<24 - 1}}},
		&rtcp.SenderReport{SSRC: others[2], NTPTime: 1 << 63, RTPTime: 7},
		&rtcp.FullIntraRequest{MediaSSRC: seat, FIR: []rtcp.FIREntry{{SSRC: seat, SequenceNumber: 1}}},
		&rtcp.Goodbye{Sources: others, Reason: "others"},
	}
	s.undisturbed("hostile control packets", 100, func(n int) {
		for i, p := range good {
			b, err := p.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			send := func(b []byte) {
				// What Pion refuses to write is no attack.
				_ = m.PC.WriteRTCP([]rtcp.Packet{garbled(b)})
			}
			send(b)
			send(b[:4+rand.IntN(len(b)-3)]) // cut short
			wrong := slices.Clone(b)
			binary.BigEndian.PutUint16(wrong[2:], uint16(rand.Uint32())) // a length that is not true
			send(wrong)
			wrong = slices.Clone(b)
			for k := 4; k < len(wrong); k++ {
				if rand.IntN(3) == 0 {
					wrong[k] = byte(rand.Uint32())
				}
			}
			binary.BigEndian.PutUint32(wrong[min(8, len(wrong)-4):], others[(n+i)%len(others)])
			send(wrong)
			send(append([]byte{0x80 | byte(rand.IntN(32)), byte(192 + rand.IntN(32)), 0, 40}, noise(200)...))
		}
	})
}

// cameraOf is the SSRC that a guest's camera has.
func cameraOf(t *testing.T, g *guest) uint32 {
	t.Helper()
	for _, sender := range g.PC.GetSenders() {
		if track := sender.Track(); track != nil && track.Kind() == webrtc.RTPCodecTypeVideo {
			if encodings := sender.GetParameters().Encodings; len(encodings) > 0 {
				return uint32(encodings[0].SSRC)
			}
		}
	}
	t.Fatal("no camera")
	return 0
}

// TestSSRCsThatCollideAreNoticedByNobody: a participant sends by the SSRC of another's camera, of another's
// seat, and of a seat of its own.
func TestSSRCsThatCollideAreNoticedByNobody(t *testing.T) {
	t.Parallel()
	s := openScene(t)
	of := cameraOf(t, s.ann)
	m, microphone, camera := s.mallory(of)
	if camera.ssrc != of {
		t.Fatal("mallory's camera has another SSRC")
	}
	var good sfutest.VP8
	seat := s.ben.Received(s.ben.Videos[0])[0].SSRC
	s.undisturbed("SSRCs that collide", 100, func(n int) {
		for _, p := range good.Frame(n%10 == 0, 2) {
			camera.write(t, p.Header, p.Payload)
			for _, ssrc := range []uint32{seat, microphone.ssrc} {
				p.SSRC = ssrc
				camera.write(t, p.Header, p.Payload)
			}
		}
	})
	// It is its own camera all the same: SSRCs are of one connection.
	own := s.track("mallory", parley.Camera).ID
	if own == "" {
		t.Fatal("mallory's camera is not published")
	}
	if err := s.ben.peer.Seat([]sfu.SeatRequest{{MID: s.ben.Videos[1], Track: own}}); err != nil {
		t.Fatal(err)
	}
	s.repeat("ben sees mallory's own", 10*time.Millisecond, func() bool { return len(s.ben.Received(s.ben.Videos[1])) > 10 }, func(n int) {
		for _, p := range good.Frame(n%10 == 0, 2) {
			camera.write(t, p.Header, p.Payload)
		}
	})
	wantContinuous(t, s.ben.Received(s.ben.Videos[1]))
	_ = m
}

// TestAFloodIsNoticedByNobody: more packets than any browser sends go no further, whoever else is heard.
func TestAFloodIsNoticedByNobody(t *testing.T) {
	t.Parallel()
	s := openScene(t)
	_, microphone, camera := s.mallory(0)
	var good sfutest.VP8
	number := uint16(0)
	s.undisturbed("a flood", 150, func(int) {
		for range 100 {
			for _, p := range good.Frame(true, 1) {
				camera.write(t, p.Header, p.Payload)
			}
			number++
			microphone.write(t, rtp.Header{SequenceNumber: number, Timestamp: uint32(number) * 960}, []byte{0xF8, 1, 2})
		}
	})
	if s.dropped("flood") == 0 {
		t.Error("nothing was dropped of the flood")
	}
}

// TestAStormOfRequestsIsNoticedByNobody: one subscriber asks for keyframes and for everything again, all the time.
func TestAStormOfRequestsIsNoticedByNobody(t *testing.T) {
	t.Parallel()
	s := openScene(t)
	m, _, _ := s.mallory(0)
	if err := m.peer.Seat([]sfu.SeatRequest{{MID: m.Videos[0], Track: s.track("ann", parley.Camera).ID}}); err != nil {
		t.Fatal(err)
	}
	s.show("mallory sees ann", func() bool { return len(m.Received(m.Videos[0])) > 30 }, s.ann)
	seat := m.Received(m.Videos[0])[0].SSRC
	asked, began := s.counter("parley_sfu_keyframe_requests_total", ""), time.Now()
	everything := make([]rtcp.NackPair, 31) // as many as a packet of Pion's holds: all that can be kept
	s.undisturbed("a storm", 150, func(int) {
		newest := m.Received(m.Videos[0])
		for k := range everything {
			first := newest[len(newest)-1].SequenceNumber - uint16(17*k) - 16
			everything[k] = rtcp.NackPair{PacketID: first, LostPackets: 0xFFFF}
		}
		for range 20 {
			err := m.PC.WriteRTCP([]rtcp.Packet{
				&rtcp.PictureLossIndication{MediaSSRC: seat},
				&rtcp.FullIntraRequest{MediaSSRC: seat, FIR: []rtcp.FIREntry{{SSRC: seat, SequenceNumber: uint8(rand.Uint32())}}},
				&rtcp.TransportLayerNack{MediaSSRC: seat, Nacks: everything},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})
	// 3,000 requests are merged to one each half second, of a camera that two watch.
	most := time.Since(began).Seconds()/0.5 + 2
	if n := s.counter("parley_sfu_keyframe_requests_total", "") - asked; n == 0 || n > most {
		t.Errorf("ann was asked for %.0f keyframes, %.0f at most", n, most)
	}
	// A packet is sent again eight times at most, however often it is asked for.
	sent := len(m.Received(m.Videos[0]))
	if n := s.counter("parley_sfu_resent_packets_total", ""); n == 0 || n > float64(8*sent) {
		t.Errorf("%.0f packets were sent again, of %d", n, sent)
	}
}

// TestHostileOffersAreNoticedByNobody: descriptions that are too large, of another connection, or for another
// offer are refused or lead nowhere.
func TestHostileOffersAreNoticedByNobody(t *testing.T) {
	t.Parallel()
	s := openScene(t)
	joins := func(id parley.ParticipantID) *sfu.Peer {
		peer, err := s.room.Join(sfu.PeerConfig{Participant: id, Number: 66, Publish: true})
		if err != nil {
			t.Fatal(err)
		}
		return peer
	}
	mallory, twice, crossed := joins("mallory"), joins("twice"), joins("crossed")
	browser, other := sfutest.New(t, talker()), sfutest.New(t, talker())
	offer, sources := browser.Offer(nil)
	second, _ := other.Offer(nil)
	large := offer + strings.Repeat("a=ssrc:7 label:x\r\n", 60_000)
	lines := offer + strings.Repeat(offer[strings.Index(offer, "m=video"):], 200)
	stolen := regexp.MustCompile(`a=fingerprint:\S+ \S+`).FindString(s.ben.PC.LocalDescription().SDP)
	forged := regexp.MustCompile(`a=fingerprint:\S+ \S+`).ReplaceAllString(offer, stolen)

	s.undisturbed("offers that are refused", 30, func(int) {
		for _, sdp := range []string{large, lines} {
			if _, err := mallory.Answer(t.Context(), sdp, sources); !errors.Is(err, parley.TooLarge) {
				t.Errorf("an offer of %d bytes: %v", len(sdp), err)
			}
		}
		cut := offer[:rand.IntN(len(offer))]
		if _, err := s.ben.peer.Answer(t.Context(), cut[:strings.LastIndex("\n"+cut, "\n")], nil); err == nil {
			t.Error("an offer that lacks lines of the one before was answered")
		}
	})

	// The certificate of somebody else: the handshake is not theirs.
	answer, err := mallory.Answer(t.Context(), forged, sources)
	if err != nil {
		t.Fatal(err)
	}
	browser.Accept(answer)
	s.undisturbed("somebody else's certificate", 50, func(int) {})
	if s.connected("mallory") {
		t.Error("a handshake with another certificate than the offer's was accepted")
	}

	// Two offers, and the answer of the first for the second.
	first := sfutest.New(t, talker())
	offer, sources = first.Offer(nil)
	if answer, err = twice.Answer(t.Context(), offer, sources); err != nil {
		t.Fatal(err)
	}
	if _, err := crossed.Answer(t.Context(), second, sources); err != nil {
		t.Fatal(err)
	}
	other.Accept(answer)
	s.undisturbed("an answer for another offer", 50, func(int) {})
	if s.connected("crossed") || s.connected("twice") {
		t.Error("who took the answer for another offer is connected")
	}
	first.Accept(answer)
	s.wait("whose answer it was is connected", func() bool { return s.connected("twice") })
}

func (h *hall) connected(id parley.ParticipantID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Contains(h.states[id], sfu.Connected)
}

// TestATapThatWaitsDelaysNothingElse has a first packet of padding alone, which the publication does not begin with:
// the one that it begins with must not wait in the goroutine that reads the socket, for this browser and others.
func TestATapThatWaitsDelaysNothingElse(t *testing.T) {
	t.Parallel()
	s := openScene(t)
	asked, release := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(release) })
	_, microphone, camera := s.tapped(0, func(track parley.Track, _ time.Time) []sfu.Tap {
		if track.Source == parley.Camera {
			close(asked)
			<-release
		}
		return nil
	})
	for n := range 20 {
		camera.write(t, rtp.Header{SequenceNumber: uint16(n), Padding: true, PaddingSize: 10}, nil)
		time.Sleep(5 * time.Millisecond)
	}
	camera.write(t, rtp.Header{SequenceNumber: 20, Marker: true}, []byte{0x10, 0, 0, 0})
	<-asked
	s.repeat("mallory's voice is there", 20*time.Millisecond, func() bool { return s.track("mallory", parley.Microphone).ID != "" }, func(n int) {
		microphone.write(t, rtp.Header{SequenceNumber: uint16(n), Timestamp: uint32(960 * n)}, []byte{0xF8, 0xFF, 0xFE})
	})
}

// faulty is a tap with a fault.
type faulty struct{ packets atomic.Int32 }

func (f *faulty) Write(*rtp.Packet, time.Time) {
	if f.packets.Add(1) == 30 {
		panic("a fault")
	}
}

func (*faulty) Close() {}

// TestAFaultEndsOneConnection: the others of the server, whose packets the same goroutine reads, notice nothing.
func TestAFaultEndsOneConnection(t *testing.T) {
	t.Parallel()
	s := openScene(t)
	m, _, camera := s.tapped(0, func(parley.Track, time.Time) []sfu.Tap { return []sfu.Tap{&faulty{}} })
	var stream sfutest.VP8
	s.undisturbed("a fault", 60, func(n int) {
		for _, p := range stream.Frame(n%10 == 0, 2) {
			camera.write(t, p.Header, p.Payload)
		}
	})
	s.wait("the fault is counted", func() bool { return s.counter("parley_sfu_faults_total", "") == 1 })
	s.wait("mallory's browser is told", func() bool { return m.PC.ConnectionState() == webrtc.PeerConnectionStateClosed })
}
