package client

import (
	"math"
	"testing"

	"github.com/parley/parley/media/pcm"
)

func TestMeter(t *testing.T) {
	t.Parallel()
	encoder, err := pcm.NewEncoder(32_000)
	if err != nil {
		t.Skip(err)
	}
	for name, c := range map[string]struct {
		amplitude float64
		low, high uint8 // a sine is 3 dB below its peak
	}{
		"a loud tone":  {0.5, 7, 11},
		"a quiet tone": {0.01, 40, 46},
		"no sound":     {0, 100, silent}, // the codec leaves a trace
	} {
		t.Run(name, func(t *testing.T) {
			m, err := newMeter()
			if err != nil {
				t.Fatal(err)
			}
			var got uint8
			for n := range 20 { // the codec needs a while to settle
				samples := make([]float32, 960)
				for i := range samples {
					samples[i] = float32(c.amplitude * math.Sin(2*math.Pi*440*float64(n*960+i)/48000))
				}
				packet, err := encoder.Encode(samples)
				if err != nil {
					t.Fatal(err)
				}
				got = m.level(packet)
			}
			if got < c.low || got > c.high {
				t.Errorf("the level is %d, want %d to %d", got, c.low, c.high)
			}
		})
	}
	t.Run("what is no Opus is silent", func(t *testing.T) {
		m, err := newMeter()
		if err != nil {
			t.Fatal(err)
		}
		if got := m.level([]byte{0xff}); got != silent {
			t.Errorf("the level is %d", got)
		}
	})
}
