package sfu

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"hash"
	"strings"
	"sync"

	"github.com/pion/dtls/v3/pkg/crypto/prf"
	"github.com/pion/dtls/v3/pkg/protocol/extension"
	"github.com/pion/dtls/v3/pkg/protocol/handshake"
	"github.com/pion/srtp/v3"
)

// keyTap listens to one DTLS handshake, as its server, and derives the keys of our own SRTP from it as
// Pion does (RFC 5764 §4.2, RFC 5705 §4). Nothing else exports them; nothing is written anywhere.
type keyTap struct {
	mu      sync.Mutex // guards everything below
	client  []byte     // the client's random
	server  []byte     // the server's random
	master  []byte     // the master secret, wiped once used
	suite   uint16
	profile srtp.ProtectionProfile
}

// exporterLabel names what is exported (RFC 5764 §4.2).
const exporterLabel = "EXTRACTOR-dtls_srtp"

// Write implements io.Writer for Pion's key log: lines of the NSS format.
func (k *keyTap) Write(line []byte) (int, error) {
	fields := strings.Fields(string(line))
	if len(fields) == 3 && fields[0] == "CLIENT_RANDOM" {
		client, err := hex.DecodeString(fields[1])
		master, err2 := hex.DecodeString(fields[2])
		if err == nil && err2 == nil {
			k.mu.Lock()
			k.client, k.master = client, master
			k.mu.Unlock()
		}
	}
	return len(line), nil
}

// serverHello notes what our side of the handshake chose; it changes nothing.
func (k *keyTap) serverHello(hello handshake.MessageServerHello) handshake.Message {
	random := hello.Random.MarshalFixed()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.server = random[:]
	if hello.CipherSuiteID != nil {
		k.suite = *hello.CipherSuiteID
	}
	for _, e := range hello.Extensions {
		if use, ok := e.(*extension.UseSRTP); ok && len(use.ProtectionProfiles) == 1 {
			k.profile = srtp.ProtectionProfile(use.ProtectionProfiles[0])
		}
	}
	return &hello
}

// srtpKeys are the master key and salt of one direction.
type srtpKeys struct {
	profile   srtp.ProtectionProfile
	key, salt []byte
}

var errNoKeys = errors.New("the handshake did not show its keys")

// take derives the keys of what we send and of what the browser does, once.
func (k *keyTap) take() (ours, theirs srtpKeys, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	keyBytes, err := k.profile.KeyLen()
	if err != nil || len(k.master) == 0 || len(k.server) == 0 || len(k.client) == 0 {
		return ours, theirs, errNoKeys
	}
	saltBytes, err := k.profile.SaltLen()
	if err != nil {
		return ours, theirs, errNoKeys
	}
	seed := append(append([]byte(exporterLabel), k.client...), k.server...)
	material, err := prf.PHash(k.master, seed, 2*(keyBytes+saltBytes), suiteHash(k.suite))
	clear(k.master)
	k.master = nil
	if err != nil {
		return ours, theirs, err
	}
	// Client key, server key, client salt, server salt: ours is the server's.
	salts := material[2*keyBytes:]
	ours = srtpKeys{profile: k.profile, key: material[keyBytes : 2*keyBytes], salt: salts[saltBytes:]}
	theirs = srtpKeys{profile: k.profile, key: material[:keyBytes], salt: salts[:saltBytes]}
	return ours, theirs, nil
}

// suiteHash is the hash of a cipher suite's pseudo-random function (RFC 5289 §3).
func suiteHash(suite uint16) prf.HashFunc {
	const aes256ECDSA, aes256RSA = 0xC02C, 0xC030
	if suite == aes256ECDSA || suite == aes256RSA {
		return func() hash.Hash { return sha512.New384() }
	}
	return sha256.New
}
