package sfu

import (
	"crypto/cipher"
	"encoding/binary"
	"sync"
	"time"
)

// rtcpOpener opens SRTCP of AES-GCM (RFC 7714 §9); the zero value opens nothing. It is guarded by
// sender.taking.
type rtcpOpener struct {
	aead   cipher.AEAD
	salt   [12]byte
	nonce  [12]byte
	proven bool // something was opened: what cannot be is not genuine

	plain [readSize]byte
	seen  []replay // one for each SSRC
}

// replay remembers which of the newest 64 packets of one SSRC were seen (RFC 3711 §3.3.2).
type replay struct {
	ssrc, newest uint32
	seen         uint64 // bit n: newest-n
}

const (
	// srtcpTrailer is what follows the tag: whether it is encrypted, and the packet's number.
	srtcpTrailer   = 4
	srtcpEncrypted = 1 << 31
	// mostReporters bounds the SSRCs of one browser that send RTCP.
	mostReporters = mostStreams
)

// open opens a packet into scratch that is good until the next one; b stays as it is. False for what is not
// genuine, not encrypted, or was seen before.
func (o *rtcpOpener) open(b []byte) ([]byte, bool) {
	end := len(b) - srtcpTrailer
	if o.aead == nil || end < rtcpHead+mostTag || len(b) > readSize {
		return nil, false
	}
	word := binary.BigEndian.Uint32(b[end:])
	if word&srtcpEncrypted == 0 {
		return nil, false
	}
	index := word &^ srtcpEncrypted
	ssrc := binary.BigEndian.Uint32(b[4:])
	record := o.replay(ssrc)
	if record != nil && record.stale(index) {
		return nil, false
	}
	o.nonce = rtcpNonce(&o.salt, b, index)
	var with [rtcpHead + srtcpTrailer]byte // what is authenticated besides
	copy(with[:], b[:rtcpHead])
	copy(with[rtcpHead:], b[end:])
	copy(o.plain[:], b[:rtcpHead])
	plain, err := o.aead.Open(o.plain[rtcpHead:rtcpHead], o.nonce[:], b[rtcpHead:end], with[:])
	if err != nil {
		return nil, false
	}
	if record == nil { // made for genuine packets only: there is room for few
		if len(o.seen) == mostReporters {
			return nil, false
		}
		o.seen = append(o.seen, replay{ssrc: ssrc})
		record = &o.seen[len(o.seen)-1]
	}
	record.note(index)
	return o.plain[:rtcpHead+len(plain)], true
}

// replay finds the record of an SSRC, nil for none.
func (o *rtcpOpener) replay(ssrc uint32) *replay {
	for i := range o.seen {
		if o.seen[i].ssrc == ssrc {
			return &o.seen[i]
		}
	}
	return nil
}

// stale reports whether the packet with this index was seen, or is too old to tell.
func (r *replay) stale(index uint32) bool {
	if index > r.newest || r.seen == 0 {
		return false
	}
	age := r.newest - index
	return age >= 64 || r.seen&(1<<age) != 0
}

// note remembers a packet that is not stale.
func (r *replay) note(index uint32) {
	if r.seen == 0 || index > r.newest {
		r.seen = r.seen<<min(index-r.newest, 64) | 1
		r.newest = index
		return
	}
	r.seen |= 1 << (r.newest - index)
}

// rtcpSealer seals the RTCP of one connection with AES-GCM (RFC 7714 §9). Its number is what keeps the nonce
// rule, so all that goes out by the same keys has to be sealed here, and nothing by Pion.
type rtcpSealer struct {
	aead cipher.AEAD
	salt [12]byte

	mu     sync.Mutex // guards all below
	index  uint32     // of the newest packet
	sealed []byte
}

// newRTCPSealer is nil where the profile is not AES-GCM.
func newRTCPSealer(keys srtpKeys) (*rtcpSealer, error) {
	if !keys.isGCM() {
		return nil, nil //nolint:nilnil // nothing went wrong
	}
	s := &rtcpSealer{}
	var err error
	s.aead, s.salt, err = keys.session(labelRTCPKey, labelRTCPSalt)
	return s, err
}

// seal gives the sealed packet to send, which must not keep it. Nothing is sent when all numbers are used up,
// after eight months.
func (s *rtcpSealer) seal(plain []byte, send func(sealed []byte)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(plain) < rtcpHead || s.index == srtcpEncrypted-1 {
		return
	}
	s.index++
	word := s.index | srtcpEncrypted
	nonce := rtcpNonce(&s.salt, plain, s.index)
	var with [rtcpHead + srtcpTrailer]byte
	copy(with[:], plain[:rtcpHead])
	binary.BigEndian.PutUint32(with[rtcpHead:], word)
	s.sealed = append(s.sealed[:0], plain[:rtcpHead]...)
	s.sealed = s.aead.Seal(s.sealed, nonce[:], plain[rtcpHead:], with[:])
	s.sealed = binary.BigEndian.AppendUint32(s.sealed, word)
	send(s.sealed)
}

// rtcpNonce is 00 00 | SSRC | 00 00 | index, xored with the salt (RFC 7714 §9.1).
func rtcpNonce(salt *[12]byte, b []byte, index uint32) (nonce [12]byte) {
	copy(nonce[2:6], b[4:8])
	binary.BigEndian.PutUint32(nonce[8:], index)
	for i := range nonce {
		nonce[i] ^= salt[i]
	}
	return nonce
}

// takeRTCP hears a packet of SRTCP, or leaves it to Pion.
func (s *sender) takeRTCP(b []byte, at time.Time) bool {
	s.taking.Lock()
	defer s.taking.Unlock()
	if s.rate.full(mostPackets, at) {
		s.peer.room.sfu.metrics.dropped(dropFlood)
		return true
	}
	plain, ok := s.rtcp.open(b)
	switch {
	case ok:
		s.rate.over(mostPackets, at)
		s.rtcp.proven = true
		s.consent.hear(at)
		if !s.peer.hear(plain, everySSRC, at) {
			s.peer.room.sfu.metrics.dropped(dropMalformed)
		}
	case s.rtcp.proven:
		s.peer.room.sfu.metrics.dropped(dropForged)
	case s.rtcp.aead == nil: // Pion can, or nobody yet
		s.rate.over(mostPackets, at)
		return false
	default:
		return s.suspect(at)
	}
	return true
}

// open lets packets of the browser be opened here, with its keys; where that cannot be, Pion opens them.
func (s *sender) open(theirs srtpKeys) {
	s.taking.Lock()
	defer s.taking.Unlock()
	s.opener, _ = newOpener(theirs)
	s.rtcp, _ = newRTCPOpener(theirs)
}
