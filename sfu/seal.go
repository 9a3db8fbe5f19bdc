package sfu

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"unsafe"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// sealer seals the packets of one peer. Its SSRCs share it without a lock: it has no state but keys.
type sealer struct {
	aead cipher.AEAD    // nil where the profile is not of AES-GCM
	salt [12]byte       // of the session, when aead
	key  unsafe.Pointer // where aead has its expanded key, to be fetched ahead; nil without
	keys *srtpKeys
}

// label names a key that an SRTP session derives from its master key (RFC 3711 §4.3.1).
type label byte

const (
	labelKey, labelSalt         label = 0, 2
	labelRTCPKey, labelRTCPSalt label = 3, 5
)

// newSealer derives the session's keys.
func newSealer(keys srtpKeys) (s sealer, err error) {
	s.keys = &keys
	if keys.isGCM() {
		s.aead, s.salt, err = keys.session(labelKey, labelSalt)
		s.key = (*[2]unsafe.Pointer)(unsafe.Pointer(&s.aead))[1] // the second word of an interface
	}
	return s, err
}

// newOpener derives the session keys of what the browser sends; it opens nothing for profiles other than
// AES-GCM.
func newOpener(keys srtpKeys) (o opener, err error) {
	if keys.isGCM() {
		o.aead, o.salt, err = keys.session(labelKey, labelSalt)
	}
	return o, err
}

// newRTCPOpener is newOpener of the browser's RTCP.
func newRTCPOpener(keys srtpKeys) (o rtcpOpener, err error) {
	if keys.isGCM() {
		o.aead, o.salt, err = keys.session(labelRTCPKey, labelRTCPSalt)
	}
	return o, err
}

// isGCM reports whether the profile is of AES-GCM.
func (k srtpKeys) isGCM() bool {
	return k.profile == srtp.ProtectionProfileAeadAes128Gcm || k.profile == srtp.ProtectionProfileAeadAes256Gcm
}

// session derives the key and salt with these labels of a session of AES-GCM (RFC 7714 §11).
func (k srtpKeys) session(ofKey, ofSalt label) (aead cipher.AEAD, salt [12]byte, err error) {
	key, err := k.derive(ofKey, len(k.key))
	if err != nil {
		return nil, salt, err
	}
	derived, err := k.derive(ofSalt, len(salt))
	if err != nil {
		return nil, salt, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, salt, fmt.Errorf("make cipher: %w", err)
	}
	if aead, err = cipher.NewGCM(block); err != nil {
		return nil, salt, fmt.Errorf("make cipher: %w", err)
	}
	copy(salt[:], derived)
	return aead, salt, nil
}

// derive is the key derivation of RFC 3711 §4.3.1, with a rate of zero: AES in counter mode over the
// master salt and the label.
func (k srtpKeys) derive(name label, size int) ([]byte, error) {
	block, err := aes.NewCipher(k.key)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	var iv [aes.BlockSize]byte
	copy(iv[:14], k.salt)
	iv[7] ^= byte(name)
	out := make([]byte, size)
	cipher.NewCTR(block, iv[:]).XORKeyStream(out, out)
	return out, nil
}

// sealing is the state of one SSRC that we seal. Its window is what keeps the nonce rule: a packet
// number is sealed once (RFC 7714 §9.1).
type sealing struct {
	context *srtp.Context // for profiles other than AES-GCM; made with the first packet
	window  window
}

// scratch is what sealing needs besides the arena: on the heap once, not for each packet.
type scratch struct {
	nonce  [12]byte
	header rtp.Header
	plain  []byte
}

// seal seals the packet in b, whose header has headSize bytes, in place; b has capacity for the tag.
// Nil when its number was sealed already, which must never happen twice, or it cannot be sealed.
func (s *sealer) seal(state *sealing, with *scratch, b []byte, headSize int) []byte {
	number, fresh := state.window.admit(binary.BigEndian.Uint16(b[2:]))
	if !fresh {
		return nil
	}
	if s.aead == nil {
		return s.sealByContext(state, with, b)
	}
	makeNonce(&with.nonce, &s.salt, b, uint32(number>>16)-1) // numbers begin in the second turn
	return s.aead.Seal(b[:headSize], with.nonce[:], b[headSize:], b[:headSize])
}

// makeNonce sets the nonce of the packet with header b, in a turn of its sequence numbers (RFC 7714 §8.1):
// 00 00 | SSRC | ROC | SEQ, xored with the salt.
func makeNonce(nonce, salt *[12]byte, b []byte, turn uint32) {
	*nonce = [12]byte{}
	copy(nonce[2:6], b[8:12])
	binary.BigEndian.PutUint32(nonce[6:], turn)
	copy(nonce[10:], b[2:4])
	for i := range nonce {
		nonce[i] ^= salt[i]
	}
}

// sealByContext seals with Pion's contexts, for browsers that insist on AES-CM.
func (s *sealer) sealByContext(state *sealing, with *scratch, b []byte) []byte {
	if state.context == nil {
		var err error
		if state.context, err = srtp.CreateContext(s.keys.key, s.keys.salt, s.keys.profile); err != nil {
			return nil
		}
	}
	with.plain = append(with.plain[:0], b...)
	sealed, err := state.context.EncryptRTP(b[:0], with.plain, &with.header)
	if err != nil {
		return nil
	}
	return sealed
}
