// Package parley holds the nouns of a meeting and the seams between the chapters of the program.
//
// It is the preface: every other package speaks in its words, and it imports the standard library
// only. A meeting is forwarded by sfu, conducted by signaling, kept by recorder, put into words by
// transcribe and shown by web; cmd/parley binds them.
//
// # Glossary
//
//   - Meeting: people talking for a while. It has one region and one clock (zero = Meeting.Started).
//   - Participant: one person's seat at one meeting; the same across a page reload.
//   - Track: one microphone, camera or screen of one participant, from its first packet to its last.
//   - Segment: about two seconds of one track, sealed, hashed and kept.
//   - Utterance: one participant's speech between two pauses; what a recognizer is given.
//   - Minutes: action items, decisions and open questions; each one cites its utterances.
//   - Region: where bytes of a meeting rest. A Keep is all that one region holds.
package parley

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Identifiers are opaque text, made by whoever creates the thing and never reused.
type (
	// MeetingID is also the code in a link: three groups of lower-case letters, "kfm-tqzw-rbn".
	MeetingID string
	// ParticipantID is a UUIDv7; stable across reconnects and reloads of one participant.
	ParticipantID string
	// TrackID is a UUIDv7; a microphone that was closed and opened again is a new track.
	TrackID string
	// UtteranceID is a UUIDv7.
	UtteranceID string
	// ItemID is a UUIDv7 of an action item, decision or question.
	ItemID string
	// Identity names a person or program across meetings: the subject of a signed cookie or token.
	Identity string
)

// Hash is a SHA-256 digest. Its text form is 64 lower-case hexadecimal digits.
type Hash [sha256.Size]byte

// String returns the 64 hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText implements encoding.TextMarshaler.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. Anything but 64 hexadecimal digits is Invalid.
func (h *Hash) UnmarshalText(text []byte) error {
	if hex.DecodedLen(len(text)) != len(h) {
		return fmt.Errorf("hash of %d characters: %w", len(text), Invalid)
	}
	if _, err := hex.Decode(h[:], text); err != nil {
		return fmt.Errorf("hash: %w", Invalid)
	}
	return nil
}
