package sfu

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// sealer seals the packets of one peer. Its SSRCs share it without a lock: it has no state but keys.
type sealer struct {
	keys srtpKeys
	aead cipher.AEAD // nil where the profile is not of AES-GCM
	salt [12]byte    // of the session, when aead
}

// The labels of the keys that an SRTP session derives from its master key (RFC 3711 §4.3.1).
const (
	labelKey  = 0
	labelSalt = 2
)

// newSealer derives the session's keys.
func newSealer(keys srtpKeys) (*sealer, error) {
	s := &sealer{keys: keys}
	switch keys.profile {
	case srtp.ProtectionProfileAeadAes128Gcm, srtp.ProtectionProfileAeadAes256Gcm:
	default:
		return s, nil
	}
	key, err := keys.derive(labelKey, len(keys.key))
	if err != nil {
		return nil, err
	}
	salt, err := keys.derive(labelSalt, len(s.salt))
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	if s.aead, err = cipher.NewGCM(block); err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	copy(s.salt[:], salt)
	return s, nil
}

// derive is the key derivation of RFC 3711 §4.3.1, with a rate of zero: AES in counter mode over the
// master salt and the label.
func (k srtpKeys) derive(label byte, size int) ([]byte, error) {
	block, err := aes.NewCipher(k.key)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	var iv [aes.BlockSize]byte
	copy(iv[:14], k.salt)
	iv[7] ^= label
	out := make([]byte, size)
	cipher.NewCTR(block, iv[:]).XORKeyStream(out, out)
	return out, nil
}

// sealing is the state of one SSRC that we seal. Its window is what keeps the nonce rule: a packet
// number is sealed once (RFC 7714 §9.1).
type sealing struct {
	window  window
	context *srtp.Context // for profiles other than AES-GCM; made with the first packet
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
	// RFC 7714 §8.1: 00 00 | SSRC | ROC | SEQ, xored with the salt.
	rollover := uint32(number>>16) - 1 // numbers begin in the second turn
	nonce := &with.nonce
	*nonce = [12]byte{}
	copy(nonce[2:6], b[8:12])
	binary.BigEndian.PutUint32(nonce[6:], rollover)
	copy(nonce[10:], b[2:4])
	for i := range nonce {
		nonce[i] ^= s.salt[i]
	}
	return s.aead.Seal(b[:headSize], nonce[:], b[headSize:], b[:headSize])
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
