package sfu

import (
	"bytes"
	"crypto/rand"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// testKeys are keys of AES-128-GCM that nobody else has.
func testKeys(t testing.TB) srtpKeys {
	t.Helper()
	k := srtpKeys{profile: srtp.ProtectionProfileAeadAes128Gcm, key: make([]byte, 16), salt: make([]byte, 12)}
	for _, b := range [][]byte{k.key, k.salt} {
		if _, err := rand.Read(b); err != nil {
			t.Fatal(err)
		}
	}
	return k
}

// TestWhatWeSealPionOpens holds our SRTP to another implementation, over a wrap of the sequence numbers.
func TestWhatWeSealPionOpens(t *testing.T) {
	t.Parallel()
	keys := testKeys(t)
	ours, err := newSealer(keys)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := srtp.CreateContext(keys.key, keys.salt, keys.profile)
	if err != nil {
		t.Fatal(err)
	}
	opener, err := newOpener(keys)
	if err != nil {
		t.Fatal(err)
	}
	var state sealing
	var with scratch
	from := &stream{}
	for n := range 400 {
		h := head{ssrc: 7, payload: 96, seq: uint16(65400 + n), timestamp: uint32(n), csrc: 3, level: []byte{1}}
		payload := bytes.Repeat([]byte{byte(n)}, 50+n%7)
		plain := h.append(make([]byte, 0, 256), extensionIDs{level: 5})
		size := len(plain)
		plain = append(plain, payload...)
		sealed := ours.seal(&state, &with, plain, size)
		got, err := theirs.DecryptRTP(nil, sealed, nil)
		if err != nil {
			t.Fatalf("packet %d: %v", n, err)
		}
		var p rtp.Packet
		if err := p.Unmarshal(got); err != nil || !bytes.Equal(p.Payload, payload) || p.CSRC[0] != 3 || p.GetExtension(5)[0] != 1 {
			t.Fatalf("packet %d is %v, %v", n, p, err)
		}
		if opened, ok := opener.open(from, sealed, size); !ok || !bytes.Equal(opened, got) {
			t.Fatalf("packet %d is not opened by ourselves", n)
		}
	}
}

// TestANumberIsSealedOnce: the same key and nonce for two packets would give both away (RFC 7714 §9.1), so
// whatever asks for it is refused.
func TestANumberIsSealedOnce(t *testing.T) {
	t.Parallel()
	ours, err := newSealer(testKeys(t))
	if err != nil {
		t.Fatal(err)
	}
	var state sealing
	var with scratch
	seal := func(seq uint16) bool {
		h := head{ssrc: 7, payload: 96, seq: seq}
		b := h.append(make([]byte, 0, 64), extensionIDs{})
		return ours.seal(&state, &with, append(b, 1, 2, 3), len(b)) != nil
	}
	for _, step := range []struct {
		seq  uint16
		want bool
	}{{65534, true}, {65535, true}, {65535, false}, {0, true}, {65534, false}, {2, true}, {1, true}, {1, false}, {0, false}} {
		if got := seal(step.seq); got != step.want {
			t.Errorf("sequence number %d is sealed: %v", step.seq, got)
		}
	}
	for seq := uint16(3); seq < 3+2*windowSize; seq++ {
		seal(seq)
	}
	if seal(5) {
		t.Error("a number too old to tell is sealed")
	}
}

func TestHeadersAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	ids := extensionIDs{level: 1, transport: 14, dependency: 3}
	long := bytes.Repeat([]byte{9}, 40)
	for name, h := range map[string]head{
		"nothing":        {ssrc: 1},
		"short":          {ssrc: 1, level: []byte{77}, transport: 0x1234, stamped: true},
		"long":           {ssrc: 1, csrc: 5, transport: 0x1234, stamped: true, dependency: bytes.Clone(long), frame: 0x0908},
		"no such id":     {ssrc: 1, level: []byte{77}},
		"marker and all": {ssrc: 1, marker: true, level: []byte{77}, csrc: 8, payload: 111},
	} {
		b := append(h.append(nil, ids), 1, 2, 3)
		size, ok := headSize(b)
		var p rtp.Packet
		if err := p.Unmarshal(b); err != nil || !ok || size != p.Header.MarshalSize() || p.Marker != h.marker || p.PayloadType != h.payload {
			t.Errorf("%s: size %d, %v, %v", name, size, p, err)
		}
		for _, id := range []uint8{1, 14, 3, 7} {
			if got, want := extensionOf(b[:size], id), p.GetExtension(id); !bytes.Equal(got, want) {
				t.Errorf("%s: extension %d is %x, want %x", name, id, got, want)
			}
		}
	}
}

func TestWhatIsMissingIsAskedForAFewTimes(t *testing.T) {
	t.Parallel()
	r := reception{clockRate: 90000}
	now := time.Unix(1e9, 0)
	for _, number := range []int64{70000, 70001, 70004} {
		if gap := r.take(number, 0, now, false); gap != (number == 70004) {
			t.Errorf("packet %d shows a gap: %v", number, gap)
		}
	}
	if got := r.lost(now, nil); len(got) != 2 || got[0] != uint16(70002&0xFFFF) {
		t.Errorf("asks for %v", got)
	}
	if got := r.lost(now.Add(nackInterval/2), nil); len(got) != 0 {
		t.Errorf("asks again at once for %v", got)
	}
	r.take(70002, 0, now, true)
	for range maxNACKs - 1 {
		now = now.Add(nackInterval)
		if got := r.lost(now, nil); len(got) != 1 {
			t.Errorf("asks for %v", got)
		}
	}
	if got := r.lost(now.Add(nackInterval), nil); len(got) != 0 {
		t.Errorf("asks for ever for %v", got)
	}
	report := r.report(9, &senderReport{ntp: 0x1122334455667788, came: now.Add(-time.Second)}, now)
	want := rtcp.ReceptionReport{SSRC: 9, LastSequenceNumber: 70004 - 1<<16, TotalLost: 1, FractionLost: 51, LastSenderReport: 0x33445566, Delay: 65536}
	if report.Jitter = 0; report != want {
		t.Errorf("reports %+v, want %+v", report, want)
	}
}

func TestAFloodIsDropped(t *testing.T) {
	t.Parallel()
	s := newSender(nil)
	at, dropped := time.Unix(1e9, 0), 0
	for range mostPackets + 100 {
		if s.rate.over(mostPackets, at) {
			dropped++
		}
	}
	if dropped != 100 || s.rate.over(mostPackets, at.Add(time.Second)) {
		t.Errorf("%d packets are dropped, and more a second later", dropped)
	}
}

func FuzzSender(f *testing.F) {
	h := head{ssrc: 7, payload: 96, level: []byte{1}}
	f.Add(append(h.append(nil, extensionIDs{level: 3}), 1, 2, 3))
	f.Fuzz(func(t *testing.T, b []byte) {
		if size, ok := headSize(b); ok {
			for id := range uint8(16) {
				_ = extensionOf(b[:size], id)
			}
		}
		s := newSender(nil)
		s.learn(transportURI, 3)
		s.learn(midURI, 1)
		s.learn(repairedRIDURI, 2)
		if s.take(b, origin{}, time.Now()) {
			t.Error("a packet of nobody is taken")
		}
	})
}
