//go:build !cgo

package pcm

import (
	"errors"
	"time"

	"github.com/pion/opus"
)

// Decoder turns the Opus packets of one track into speech, without a C library: lost packets become
// silence. It is not safe for concurrent use.
type Decoder struct {
	opus  opus.Decoder
	frame [longestPacket]float32
}

// NewDecoder makes a decoder for one track.
func NewDecoder() (*Decoder, error) {
	decoder, err := opus.NewDecoderWithOutput(Rate, 1)
	if err != nil {
		return nil, err
	}
	return &Decoder{opus: decoder}, nil
}

// Decode appends the sound of one packet to "to". A malformed packet is an error and adds nothing.
func (d *Decoder) Decode(packet []byte, to Speech) (Speech, error) {
	n, err := d.opus.DecodeToFloat32(packet, d.frame[:])
	if err != nil {
		return to, err
	}
	return append(to, d.frame[:n]...), nil
}

// Conceal appends missing time of silence in place of lost packets.
func (d *Decoder) Conceal(missing time.Duration, _ []byte, to Speech) (Speech, error) {
	return append(to, make(Speech, Samples(missing))...), nil
}

// Encoder cannot be had without cgo.
type Encoder struct{}

var errNoEncoder = errors.New("this build cannot encode Opus (it was built without cgo and libopus); give Ogg Opus files")

// NewEncoder always fails in this build.
func NewEncoder(int) (*Encoder, error) { return nil, errNoEncoder }

// Encode always fails in this build.
func (*Encoder) Encode([]float32) ([]byte, error) { return nil, errNoEncoder }
