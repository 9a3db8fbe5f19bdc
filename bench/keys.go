package bench

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"strings"
	"sync"

	"github.com/pion/dtls/v3/pkg/crypto/prf"
	"github.com/pion/dtls/v3/pkg/protocol/extension"
	"github.com/pion/dtls/v3/pkg/protocol/handshake"
	"github.com/pion/dtls/v3/pkg/protocol/recordlayer"
	"github.com/pion/srtp/v3"
)

// keyTap listens to one DTLS 1.2 handshake, of which the generator may be either end, and derives the
// keys of the packets that come in (RFC 5764 §4.2): what Pion knows of them it keeps to itself.
type keyTap struct {
	ready func(*opener) // called once, when the keys are known

	mu     sync.Mutex // guards everything below
	client []byte     // the client's random
	master []byte     // the master secret
	hello  *handshake.MessageServerHello
	remote bool // the hello came from the other side: it is the DTLS server
	done   bool
}

// Write implements io.Writer for Pion's key log, whose lines are in the NSS format.
func (k *keyTap) Write(line []byte) (int, error) {
	fields := strings.Fields(string(line))
	if len(fields) == 3 && fields[0] == "CLIENT_RANDOM" {
		client, err := hex.DecodeString(fields[1])
		master, err2 := hex.DecodeString(fields[2])
		if err == nil && err2 == nil {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.client, k.master = client, master
			k.finish()
		}
	}
	return len(line), nil
}

// isHandshake reports whether a datagram begins with a record of the handshake (RFC 7983 §7, RFC 6347).
func isHandshake(datagram []byte) bool { return len(datagram) > 0 && datagram[0] == 22 }

// look looks for the ServerHello in a datagram of the handshake.
func (k *keyTap) look(datagram []byte, incoming bool) {
	hello := findServerHello(datagram)
	if hello == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.hello, k.remote = hello, incoming
	k.finish()
}

// findServerHello reads the records of a datagram; nil when there is none in it.
func findServerHello(datagram []byte) *handshake.MessageServerHello {
	records, err := recordlayer.UnpackDatagram(datagram)
	if err != nil {
		return nil
	}
	for _, record := range records {
		var r recordlayer.RecordLayer
		if err := r.Unmarshal(record); err != nil {
			continue // encrypted, or of another kind
		}
		h, ok := r.Content.(*handshake.Handshake)
		if !ok || r.Header.Epoch != 0 {
			continue
		}
		if hello, ok := h.Message.(*handshake.MessageServerHello); ok {
			return hello
		}
	}
	return nil
}

// finish derives the keys when everything is known; mu is held.
func (k *keyTap) finish() {
	if k.done || k.hello == nil || k.master == nil || k.hello.CipherSuiteID == nil {
		return
	}
	profile := srtp.ProtectionProfile(0)
	for _, e := range k.hello.Extensions {
		if use, ok := e.(*extension.UseSRTP); ok && len(use.ProtectionProfiles) == 1 {
			profile = srtp.ProtectionProfile(use.ProtectionProfiles[0])
		}
	}
	keyBytes, err := profile.KeyLen()
	saltBytes, err2 := profile.SaltLen()
	if err != nil || err2 != nil {
		return
	}
	random := k.hello.Random.MarshalFixed()
	seed := append(append([]byte("EXTRACTOR-dtls_srtp"), k.client...), random[:]...)
	material, err := prf.PHash(k.master, seed, 2*(keyBytes+saltBytes), suiteHash(*k.hello.CipherSuiteID))
	if err != nil {
		return
	}
	// Client key, server key, client salt, server salt: theirs are the ones that open what comes in.
	key, salt := material[:keyBytes], material[2*keyBytes:2*keyBytes+saltBytes]
	if k.remote {
		key, salt = material[keyBytes:2*keyBytes], material[2*keyBytes+saltBytes:]
	}
	if o, err := newOpener(profile, key, salt); err == nil {
		k.done = true
		k.ready(o)
	}
}

// suiteHash is the hash of a cipher suite's pseudo-random function (RFC 5289 §3).
func suiteHash(suite uint16) prf.HashFunc {
	const aes256ECDSA, aes256RSA = 0xC02C, 0xC030
	if suite == aes256ECDSA || suite == aes256RSA {
		return func() hash.Hash { return sha512.New384() }
	}
	return sha256.New
}
