package client

import (
	"fmt"
	"math"

	"github.com/parley/parley/media/pcm"
)

// meter finds out how loud Opus packets are, since whoever reads them from a file does not know.
type meter struct {
	decoder *pcm.Decoder
	sound   pcm.Speech // reused
}

func newMeter() (*meter, error) {
	decoder, err := pcm.NewDecoder()
	if err != nil {
		return nil, fmt.Errorf("open meter: %w", err)
	}
	return &meter{decoder: decoder}, nil
}

// level is the root mean square of a packet in -dBov, 0 the loudest and 127 silence (RFC 6464 §3). A
// packet that cannot be decoded is silent.
func (m *meter) level(packet []byte) uint8 {
	sound, err := m.decoder.Decode(packet, m.sound[:0])
	if err != nil || len(sound) == 0 {
		return silent
	}
	m.sound = sound
	var sum float64
	for _, sample := range sound {
		sum += float64(sample) * float64(sample)
	}
	decibel := -10 * math.Log10(sum/float64(len(sound))+1e-13) // at most 130
	return uint8(min(silent, max(0, math.Round(decibel))))
}
