package sfu

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/parley/parley"
)

// vp8Key is a keyframe of 16 x 16 in one packet, with a picture id of 15 bits.
var vp8Key = []byte{0x90, 0x80, 0x80, 1, 0x10, 0, 0, 0x9D, 0x01, 0x2A, 16, 0, 16, 0}

// give has the layer take a packet as the socket's reader gives it.
func give(l *layer, p rtp.Packet, at time.Time) drop {
	l.reading.Lock()
	defer l.reading.Unlock()
	p.Version, p.PayloadType = 2, 96
	l.rtp = p
	return l.take(len(p.Payload)+rtpHeaderBytes, at, false)
}

func TestADependencyDescriptorCutShortIsDropped(t *testing.T) {
	t.Parallel()
	for length := 1; length < dependencyFixed; length++ {
		s := newStage(t, webrtc.MimeTypeVP8)
		p := rtp.Packet{Header: rtp.Header{SequenceNumber: 7, Marker: true}, Payload: vp8Key}
		if err := p.SetExtension(1, make([]byte, length)); err != nil {
			t.Fatal(err)
		}
		if why := give(s.layer('f'), p, s.now); why != dropMalformed || len(s.sent) > 0 {
			t.Errorf("%d bytes: %q, %d packets went out", length, why, len(s.sent))
		}
	}
}

// TestJumpsOfPaddingKeepTheOrder: numbers that jump by half of their range, first without a payload, are still told
// apart from old ones, and who sits down is given the newest picture.
func TestJumpsOfPaddingKeepTheOrder(t *testing.T) {
	t.Parallel()
	s := newStage(t, webrtc.MimeTypeVP8)
	l := s.layer('f')
	for n, seq := range []uint16{1000, 1001, 33513, 490, 491} {
		p := rtp.Packet{Header: rtp.Header{SequenceNumber: seq, Timestamp: uint32(3000 * n), Marker: true}}
		switch seq {
		case 1000, 490:
			p.Payload = vp8Key
		case 1001, 491:
			p.Payload = []byte{0x80, 0x80, 0x80, 2, 1, 2, 3}
		}
		if why := give(l, p, s.now); why != "" {
			t.Fatalf("packet %d: %s", seq, why)
		}
	}
	if newest := l.ring.kept(l.ring.newest); newest == nil || newest.timestamp != 4*3000 {
		t.Fatalf("the newest packet is %+v", newest)
	}
	s.seat.current = nil
	before := len(s.sent)
	if !l.serve(s.seat, s.now) || len(s.sent) != before+2 {
		t.Errorf("%d packets for who sits down, want 2", len(s.sent)-before)
	}
}

func TestShortPictureIDsGoOn(t *testing.T) {
	t.Parallel()
	s := newStage(t, webrtc.MimeTypeVP8)
	l := s.layer('f')
	for n := range 300 {
		payload := []byte{0x90, 0x80, byte(n) & 0x7F, 1, 1, 1}
		if n == 0 {
			payload = append(payload[:3:3], vp8Key[4:]...)
		}
		if n == 200 {
			continue // lost
		}
		p := rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(n), Timestamp: uint32(3000 * n), Marker: true}, Payload: payload}
		if why := give(l, p, s.now); why != "" {
			t.Fatalf("picture %d: %s", n, why)
		}
	}
	for i := 1; i < len(s.sent); i++ {
		a, _, _ := parseVP8(s.sent[i-1].Payload)
		b, _, _ := parseVP8(s.sent[i].Payload)
		want := s.sent[i].SequenceNumber - s.sent[i-1].SequenceNumber
		if (b.picture-a.picture)&pictureMask != want {
			t.Fatalf("picture %d follows %d", b.picture, a.picture)
		}
	}
	if len(s.sent) != 299 {
		t.Errorf("%d pictures went out", len(s.sent))
	}
}

func TestAnEncodingHasOneStream(t *testing.T) {
	t.Parallel()
	s := newStage(t, webrtc.MimeTypeVP8) // f and h are offered
	s.layer('f')
	for rid, want := range map[string]bool{"f": false, "h": true} {
		if got := s.pub.addLayer(&layer{pub: s.pub, rid: rid}); got != want {
			t.Errorf("another stream of %q is taken: %v", rid, got)
		}
	}
	if s.pub.addLayer(&layer{pub: s.pub, rid: "q"}) {
		t.Error("more streams than were offered")
	}
}

func TestStrangersAreFew(t *testing.T) {
	t.Parallel()
	peer := newStage(t, webrtc.MimeTypeVP8).pub.peer
	sender := newSender(peer)
	packet := func(ssrc uint32) []byte { return binary.BigEndian.AppendUint32(make([]byte, 8), ssrc) }
	for n := range uint32(2 * mostStrangers) {
		if ssrc := n / 2; sender.turnAway(&sender.strangers, packet(ssrc)) {
			t.Fatalf("stranger %d is turned away", ssrc)
		}
	}
	if !sender.turnAway(&sender.strangers, packet(mostStrangers)) {
		t.Error("one more may come")
	}
	if sender.turnAway(&sender.claimed, packet(mostStrangers)) {
		t.Error("who cannot be told keeps away who is genuine")
	}
	sender.refuse(3)
	if !sender.turnAway(&sender.strangers, packet(3)) || sender.turnAway(&sender.strangers, packet(4)) {
		t.Error("who was refused may come, or another may not")
	}
}

func TestRepeatedSoundIsCounted(t *testing.T) {
	t.Parallel()
	s := newStage(t, webrtc.MimeTypeOpus)
	s.pub.codec = newCodec(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000})
	s.pub.loudness = &loudness{}
	l := &layer{pub: s.pub, payload: 96, redPayload: 63}
	for n := range mostSounds {
		l.rtp.SequenceNumber, l.rtp.Timestamp, l.rtp.PayloadType = uint16(5*n+5), uint32(n*4800), 63
		var red []byte
		for k := range mostBlocks {
			behind := uint32(960 * (mostBlocks - k))
			red = append(red, 0x80|96, byte(behind>>6), byte(behind<<2), 1)
		}
		l.rtp.Payload = append(red, 96, 1, 2, 3, 4, 5)
		l.reading.Lock()
		l.take(100, s.now, false)
		l.reading.Unlock()
	}
	if l.reception.received > mostSounds {
		t.Errorf("%d packets of one microphone in a second, of %d", l.reception.received, mostSounds)
	}
}

// transportFeedback is feedback that packets from first on came, 5 ms apart, from reference on.
func transportFeedback(first, count uint16, reference uint32) []byte {
	b := make([]byte, transportFixed, 64)
	b[0], b[1] = 2<<6|rtpfbTCC, rtcpRTPFB
	binary.BigEndian.PutUint16(b[12:], first)
	binary.BigEndian.PutUint16(b[14:], count)
	binary.BigEndian.PutUint32(b[16:], reference<<8)
	b = binary.BigEndian.AppendUint16(b, cameSoon<<13|count)
	for range min(count, 30) {
		b = append(b, 20)
	}
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)/4-1))
	return b
}

func TestTheClockOfFeedbackGoesOn(t *testing.T) {
	t.Parallel()
	b, log, now := &bandwidth{}, &sentLog{}, time.Now()
	for n := range uint32(200) { // ten seconds of 1.5 Mbit/s, around the end of the 24 bits
		first := log.newest() + 1
		for range 8 {
			log.next(1200, now.UnixMicro())
		}
		b.feedback(log, transportFeedback(first, 8, (1<<24-40+n*50/64)&(1<<24-1)), now)
		now = now.Add(50 * time.Millisecond)
		if rate, known := b.arrivals.rate(); n > 20 && (!known || rate < 1_000_000) {
			t.Fatalf("after %d: %.0f bit/s arrive, %v", n, rate, known)
		}
	}
}

func TestFeedbackOfTooMuchIsNotRead(t *testing.T) {
	t.Parallel()
	var log sentLog
	for range 100 {
		log.next(1200, 1)
	}
	if acks := log.acks(transportFeedback(1, 30, 0), nil); len(acks) != 30 {
		t.Errorf("%d packets are told of, want 30", len(acks))
	}
	many := transportFeedback(1, 30, 0)
	binary.BigEndian.PutUint16(many[14:], mostAcks+1)
	if acks := log.acks(many, nil); len(acks) != 0 {
		t.Errorf("%d packets of too much are read", len(acks))
	}
}

func TestArrivalsThatJumpBeginAnew(t *testing.T) {
	t.Parallel()
	var a arrivals
	now := time.Unix(1e9, 0)
	for n, number := range []uint16{1, 2, 30000, 30001, 60000, 60001} {
		a.add(7, number, now.Add(time.Duration(n)*time.Millisecond))
	}
	packets := a.feedback()
	if len(packets) != 1 || a.held != 0 {
		t.Errorf("%d packets of feedback", len(packets))
	}
}

// FuzzPathOfPackets takes packets of every codec through a layer to a seat: whatever a publisher sends, nothing else
// notices. Of each packet the first bytes say how far its number jumps, and whether somebody sits down.
func FuzzPathOfPackets(f *testing.F) {
	f.Add(byte(0), []byte{0, 1, 0, 3, 0x90, 0x80, 0x80})
	f.Add(byte(1), append([]byte{1, 0, 1, 20}, vp8Key...))
	f.Add(byte(2), []byte{4, 1, 0, 5, 0x78, 0, 1, 0x67, 0, 5, 0, 1, 1, 0})
	f.Fuzz(func(t *testing.T, kind byte, b []byte) {
		mimes := []string{webrtc.MimeTypeVP8, webrtc.MimeTypeVP9, webrtc.MimeTypeAV1, webrtc.MimeTypeH264}
		s := newStage(t, mimes[int(kind)%len(mimes)])
		seq := uint16(1000)
		for len(b) > 4 {
			flags, size := b[0], min(int(b[3]), len(b)-4)
			seq += binary.BigEndian.Uint16(b[1:])
			p := rtp.Packet{Header: rtp.Header{SequenceNumber: seq, Timestamp: uint32(seq) * 300, Marker: flags&1 != 0}}
			extension := min(int(flags>>5), size)
			if extension > 0 {
				_ = p.SetExtension(1, b[4:4+extension])
			}
			p.Payload, b = b[4+extension:4+size], b[4+size:]
			l := s.layer("fh"[flags>>1&1])
			s.now = s.now.Add(time.Millisecond)
			give(l, p, s.now)
			if flags&4 != 0 {
				s.seat.current = nil
				l.serve(s.seat, s.now)
			}
			if flags&8 != 0 {
				s.pub.measure(s.now)
			}
		}
	})
}

func TestAKindOfSourceHasFewEncodings(t *testing.T) {
	t.Parallel()
	sdp := "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\n" +
		"a=mid:0\r\na=sendonly\r\na=rtpmap:96 VP8/90000\r\n"
	for n := range mostRIDs + 1 {
		if lines, err := parseOffer(sdp); err != nil || len(lines[0].rids) != n {
			t.Fatalf("%d encodings: %v", n, err)
		}
		sdp += "a=rid:" + string(rune('a'+n)) + " send\r\n"
	}
	if _, err := parseOffer(sdp); parley.KindOf(err) != parley.Invalid {
		t.Errorf("%d encodings: %v", mostRIDs+1, err)
	}
}
