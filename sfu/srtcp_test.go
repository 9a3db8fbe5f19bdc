package sfu

import (
	"bytes"
	"testing"

	"github.com/pion/rtcp"
	"github.com/pion/srtp/v3"
)

// sealRTCP seals as a browser does, by another implementation.
func sealRTCP(t testing.TB, c *srtp.Context, packets ...rtcp.Packet) (plain, sealed []byte) {
	t.Helper()
	plain, err := rtcp.Marshal(packets)
	if err != nil {
		t.Fatal(err)
	}
	if sealed, err = c.EncryptRTCP(nil, plain, nil); err != nil {
		t.Fatal(err)
	}
	return plain, sealed
}

// newReporter is a browser that seals RTCP, and who opens it.
func newReporter(t *testing.T) (*srtp.Context, rtcpOpener) {
	t.Helper()
	keys := testKeys(t)
	browser, err := srtp.CreateContext(keys.key, keys.salt, keys.profile)
	if err != nil {
		t.Fatal(err)
	}
	opener, err := newRTCPOpener(keys)
	if err != nil {
		t.Fatal(err)
	}
	return browser, opener
}

// TestRTCPThatPionSealsIsOpened holds our SRTCP to another implementation: what is genuine is opened once, in
// any order, whichever of the browser's SSRCs it is of.
func TestRTCPThatPionSealsIsOpened(t *testing.T) {
	t.Parallel()
	browser, opener := newReporter(t)
	var before []byte
	for n := range 200 {
		report := &rtcp.ReceiverReport{SSRC: uint32(1 + n%3), Reports: []rtcp.ReceptionReport{{SSRC: uint32(n)}}}
		plain, sealed := sealRTCP(t, browser, report, &rtcp.PictureLossIndication{MediaSSRC: 9})
		if n%5 == 0 { // overtaken by the next
			before = sealed
			continue
		}
		for _, b := range [][]byte{sealed, before} {
			if b == nil {
				continue
			}
			kept := bytes.Clone(b)
			got, ok := opener.open(b)
			if !ok || !bytes.Equal(b, kept) || &b[0] == &sealed[0] && !bytes.Equal(got, plain) {
				t.Fatalf("packet %d is not opened", n)
			}
			if _, ok := opener.open(b); ok {
				t.Fatalf("packet %d is opened twice", n)
			}
		}
		before = nil
	}
}

// TestRTCPThatWeSealPionOpens also holds each packet to a number of its own (RFC 7714 §9.1).
func TestRTCPThatWeSealPionOpens(t *testing.T) {
	t.Parallel()
	keys := testKeys(t)
	browser, err := srtp.CreateContext(keys.key, keys.salt, keys.profile, srtp.SRTCPReplayProtection(64))
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := newRTCPSealer(keys)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := rtcp.Marshal([]rtcp.Packet{&rtcp.SenderReport{SSRC: 7}, &rtcp.PictureLossIndication{SenderSSRC: 1, MediaSSRC: 9}})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 100 {
		sent := false
		sealer.seal(plain, func(sealed []byte) {
			sent = true
			if got, err := browser.DecryptRTCP(nil, sealed, nil); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("packet %d: %v", n, err)
			}
		})
		if !sent {
			t.Errorf("packet %d is not sent", n)
		}
	}
	sealer.index = srtcpEncrypted - 1
	sealer.seal(plain, func([]byte) { t.Error("a number is used again") })
}

// TestForgedRTCPLeavesNoTrace: no byte may differ, and what is forged takes nobody's place.
func TestForgedRTCPLeavesNoTrace(t *testing.T) {
	t.Parallel()
	browser, opener := newReporter(t)
	_, sealed := sealRTCP(t, browser, &rtcp.PictureLossIndication{SenderSSRC: 5, MediaSSRC: 9})
	for i := range sealed {
		forged := bytes.Clone(sealed)
		forged[i] ^= 0x40
		if _, ok := opener.open(forged); ok {
			t.Errorf("opened although byte %d is another", i)
		}
		if _, ok := opener.open(sealed[:i]); ok {
			t.Errorf("opened although only %d bytes came", i)
		}
	}
	if len(opener.seen) != 0 {
		t.Errorf("%d senders are remembered of forged packets", len(opener.seen))
	}
	if _, ok := opener.open(sealed); !ok {
		t.Error("the genuine packet is not opened any more")
	}
}

func FuzzHear(f *testing.F) {
	nack := &rtcp.TransportLayerNack{MediaSSRC: 7, Nacks: []rtcp.NackPair{{PacketID: 3, LostPackets: 9}}}
	remb := &rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 1e6, SSRCs: []uint32{7}}
	report := &rtcp.SenderReport{SSRC: 7, Reports: []rtcp.ReceptionReport{{SSRC: 7, FractionLost: 90}}}
	b, err := rtcp.Marshal([]rtcp.Packet{report, nack, remb, &rtcp.FullIntraRequest{MediaSSRC: 7, FIR: []rtcp.FIREntry{{SSRC: 7}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(_ *testing.T, b []byte) {
		p := &Peer{route: &route{}, wake: make(chan struct{}, 1)}
		p.sender = newSender(p)
		p.seats.Store(&[]*seat{{peer: p, route: p.route, ssrc: 7, kind: "video"}})
		p.hear(b, everySSRC, p.clock.local(ntpTime(0), ntpTime(1)))
		p.hear(b, 7, ntpTime(1))
	})
}
