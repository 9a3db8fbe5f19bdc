package bench

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"fmt"

	"github.com/pion/srtp/v3"
)

// openBytes is how much of a payload is opened: the stamp is within.
const openBytes = 64

// opener undoes SRTP for the first bytes of payloads, of all SSRCs of one connection, and checks no tag:
// it is there to count, cheaply. Not safe for concurrent use.
type opener struct {
	aead    bool
	block   cipher.Block
	salt    [16]byte // from the left: 12 bytes of GCM, 14 of counter mode
	streams map[uint32]*inbound
	last    *inbound // of the packet before, or nil

	// scratch that would escape
	counter [16]byte
	out     [openBytes]byte
}

// inbound is one SSRC as it comes in.
type inbound struct {
	ssrc     uint32
	received uint32
	first    uint32 // extended sequence number
	rollover uint32 // of newest (RFC 3711 §3.3.1)
	newest   uint16

	// for the receiver
	flow *flow
	of   flowKey
	hint int // where in the payload the stamp was
}

// extended is the highest sequence number received, with how often it wrapped (RFC 3550 §6.4.1).
func (i *inbound) extended() uint32 { return i.rollover<<16 | uint32(i.newest) }

// newOpener derives the session keys of a profile from its master key and salt (RFC 3711 §4.3, RFC 7714
// §11). Profiles without encryption are an error.
func newOpener(profile srtp.ProtectionProfile, key, salt []byte) (*opener, error) {
	master, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	derive := func(label byte, size int) []byte {
		var iv [16]byte
		copy(iv[:14], salt)
		iv[7] ^= label
		out := make([]byte, size)
		cipher.NewCTR(master, iv[:]).XORKeyStream(out, out)
		return out
	}
	o := &opener{streams: map[uint32]*inbound{}}
	switch profile {
	case srtp.ProtectionProfileAeadAes128Gcm, srtp.ProtectionProfileAeadAes256Gcm:
		o.aead = true
	case srtp.ProtectionProfileAes128CmHmacSha1_80, srtp.ProtectionProfileAes128CmHmacSha1_32:
	default:
		return nil, fmt.Errorf("open packets of profile %v: not known", profile)
	}
	const encryption, salting = 0, 2 // labels
	if o.block, err = aes.NewCipher(derive(encryption, len(key))); err != nil {
		return nil, fmt.Errorf("session key: %w", err)
	}
	copy(o.salt[:], derive(salting, len(salt)))
	return o, nil
}

// headerSize is where the payload of an RTP packet begins; 0 when it has none.
func headerSize(packet []byte) int {
	const fixed, word = 12, 4
	if len(packet) < fixed {
		return 0
	}
	size := fixed + word*int(packet[0]&0x0F)
	if packet[0]&0x10 != 0 {
		if len(packet) < size+word {
			return 0
		}
		size += word + word*int(binary.BigEndian.Uint16(packet[size+2:]))
	}
	if len(packet) <= size {
		return 0
	}
	return size
}

// open returns the stream of a packet and the first bytes of its payload, valid until the next call.
// False when there is no payload.
func (o *opener) open(packet []byte) (*inbound, []byte, bool) {
	size := headerSize(packet)
	if size == 0 {
		return nil, nil, false
	}
	seq, ssrc := binary.BigEndian.Uint16(packet[2:]), binary.BigEndian.Uint32(packet[8:])
	in := o.last
	if in == nil || in.ssrc != ssrc {
		if in = o.streams[ssrc]; in == nil {
			in = &inbound{ssrc: ssrc, newest: seq, first: uint32(seq)}
			o.streams[ssrc] = in
		}
		o.last = in
	}
	in.received++
	return in, o.decrypt(packet[size:], ssrc, in.follow(seq), seq), true
}

// follow notes a sequence number and returns the rollover counter that goes with it.
func (i *inbound) follow(seq uint16) uint32 {
	ahead := int16(seq - i.newest)
	switch {
	case ahead >= 0 && seq < i.newest:
		i.rollover++
		i.newest = seq
	case ahead >= 0:
		i.newest = seq
	case seq > i.newest: // late, from before the wrap
		return i.rollover - 1
	}
	return i.rollover
}

// decrypt undoes the cipher (RFC 7714 §8.1, RFC 3711 §4.1.1), block by block.
func (o *opener) decrypt(payload []byte, ssrc, rollover uint32, seq uint16) []byte {
	iv := &o.counter
	*iv = [16]byte{}
	at, block := 4, uint32(0) // where the SSRC goes
	if o.aead {
		at, block = 2, 2 // block 1 makes the tag
	}
	binary.BigEndian.PutUint32(iv[at:], ssrc)
	binary.BigEndian.PutUint32(iv[at+4:], rollover)
	binary.BigEndian.PutUint16(iv[at+8:], seq)
	subtle.XORBytes(iv[:], iv[:], o.salt[:])
	base := binary.BigEndian.Uint32(iv[12:])
	size := min(len(payload), openBytes)
	for from := 0; from < size; from += aes.BlockSize {
		binary.BigEndian.PutUint32(iv[12:], base+block) // never more than four: no carry
		o.block.Encrypt(o.out[from:from+aes.BlockSize], iv[:])
		block++
	}
	subtle.XORBytes(o.out[:size], o.out[:size], payload[:size])
	return o.out[:size]
}
