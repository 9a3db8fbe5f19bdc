package bench

import (
	"bytes"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// TestOpenerOpensWhatPionSeals, around the wrap of sequence numbers, out of order, of several SSRCs.
func TestOpenerOpensWhatPionSeals(t *testing.T) {
	t.Parallel()
	for _, profile := range []srtp.ProtectionProfile{
		srtp.ProtectionProfileAeadAes128Gcm, srtp.ProtectionProfileAeadAes256Gcm,
		srtp.ProtectionProfileAes128CmHmacSha1_80, srtp.ProtectionProfileAes128CmHmacSha1_32,
	} {
		t.Run(profile.String(), func(t *testing.T) {
			t.Parallel()
			keyBytes, err := profile.KeyLen()
			if err != nil {
				t.Fatal(err)
			}
			saltBytes, err := profile.SaltLen()
			if err != nil {
				t.Fatal(err)
			}
			key, salt := bytes.Repeat([]byte{0xA7}, keyBytes), bytes.Repeat([]byte{0x3C}, saltBytes)
			sealer, err := srtp.CreateContext(key, salt, profile)
			if err != nil {
				t.Fatal(err)
			}
			o, err := newOpener(profile, key, salt)
			if err != nil {
				t.Fatal(err)
			}
			var sealed, plain [][]byte
			for i := range 140_000 {
				p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SSRC: 0xCAFE + uint32(i%2)}}
				p.SequenceNumber = uint16(65_000 + i/2)
				if i%3 == 0 {
					p.CSRC = []uint32{1, 2}
					_ = p.SetExtension(3, []byte{1, 2, 3})
				}
				p.Payload = bytes.Repeat([]byte{byte(i)}, 5+i%100)
				text, err := p.Marshal()
				if err != nil {
					t.Fatal(err)
				}
				out, err := sealer.EncryptRTP(nil, text, nil)
				if err != nil {
					t.Fatal(err)
				}
				sealed, plain = append(sealed, out), append(plain, p.Payload)
			}
			for i := 10; i+1 < len(sealed); i += 7 { // late ones
				sealed[i], sealed[i+1], plain[i], plain[i+1] = sealed[i+1], sealed[i], plain[i+1], plain[i]
			}
			for i, packet := range sealed {
				in, got, ok := o.open(packet)
				want := plain[i][:min(len(plain[i]), openBytes)]
				if !ok || !bytes.HasPrefix(got, want) {
					t.Fatalf("packet %d: %v, %x instead of %x", i, ok, got, want)
				}
				if in.received == 0 || in.ssrc&^1 != 0xCAFE {
					t.Fatalf("packet %d belongs to %+v", i, in)
				}
			}
		})
	}
	if _, err := newOpener(srtp.ProtectionProfileNullHmacSha1_80, make([]byte, 16), make([]byte, 14)); err == nil {
		t.Error("a profile without encryption was taken")
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte{0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 7})
	f.Add([]byte{0x92, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xBE, 0xDE, 0, 1, 0x31, 1, 2, 0, 7})
	f.Fuzz(func(t *testing.T, packet []byte) {
		o, err := newOpener(srtp.ProtectionProfileAeadAes128Gcm, make([]byte, 16), make([]byte, 12))
		if err != nil {
			t.Fatal(err)
		}
		_, plain, ok := o.open(packet)
		if ok && (len(plain) == 0 || len(plain) > openBytes) {
			t.Errorf("%d bytes were opened", len(plain))
		}
		if len(packet) >= 12 {
			transportSequence(packet, 3)
		}
	})
}

func FuzzServerHello(f *testing.F) {
	f.Add([]byte{22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 1, 0, 3, 2, 0, 0})
	f.Fuzz(func(_ *testing.T, datagram []byte) { findServerHello(datagram) })
}

func TestTransportSequence(t *testing.T) {
	t.Parallel()
	p := rtp.Packet{Header: rtp.Header{Version: 2, CSRC: []uint32{5}}, Payload: []byte{1}}
	_ = p.SetExtension(1, []byte{9})
	_ = p.SetExtension(4, []byte{0x12, 0x34})
	text, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := transportSequence(text, 4); !ok || got != 0x1234 {
		t.Errorf("got %x, %v", got, ok)
	}
	for id := range uint8(16) {
		if _, ok := transportSequence(text, id); ok != (id == 4) {
			t.Errorf("id %d: %v", id, ok)
		}
	}
	for cut := 12; cut < len(text); cut++ {
		transportSequence(text[:cut], 4) // does not read past the end
	}
}

func BenchmarkOpen(b *testing.B) {
	o, err := newOpener(srtp.ProtectionProfileAeadAes128Gcm, make([]byte, 16), make([]byte, 12))
	if err != nil {
		b.Fatal(err)
	}
	packet := make([]byte, 1200)
	packet[0] = 0x80
	b.ReportAllocs()
	for i := range b.N {
		packet[3], packet[2] = byte(i), byte(i>>8)
		if _, _, ok := o.open(packet); !ok {
			b.Fatal("not opened")
		}
	}
}
