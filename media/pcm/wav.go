package pcm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Sound is recorded sound as it is in a file: one slice of samples per channel, all of one length.
type Sound struct {
	Rate     int // Hz
	Channels [][]float32
}

// Mono is the mean of all channels.
func (s Sound) Mono() []float32 {
	if len(s.Channels) == 1 {
		return s.Channels[0]
	}
	mono := make([]float32, len(s.Channels[0]))
	for _, channel := range s.Channels {
		for i, sample := range channel {
			mono[i] += sample / float32(len(s.Channels))
		}
	}
	return mono
}

// wavLimit is the most sound data read: ten hours of 16 kHz mono.
const wavLimit = 10 * 3600 * Rate * 2

// ReadWAV reads a RIFF WAVE file of 16, 24 or 32-bit integers or 32-bit floats. An error says what
// is wrong with it. A file that ends early gives what there is.
func ReadWAV(r io.Reader) (Sound, error) {
	var head [12]byte
	if _, err := io.ReadFull(r, head[:]); err != nil || string(head[:4]) != "RIFF" || string(head[8:]) != "WAVE" {
		return Sound{}, errors.New("not a WAV file")
	}
	var format wavFormat
	for {
		var chunk [8]byte
		if _, err := io.ReadFull(r, chunk[:]); err != nil {
			return Sound{}, errors.New("a WAV file without sound data")
		}
		size := int64(binary.LittleEndian.Uint32(chunk[4:]))
		switch string(chunk[:4]) {
		case "fmt ":
			if err := format.read(r, size); err != nil {
				return Sound{}, err
			}
		case "data":
			if format.channels == 0 {
				return Sound{}, errors.New("a WAV file with sound data before its format")
			}
			data, err := io.ReadAll(io.LimitReader(r, min(size, wavLimit)))
			if err != nil {
				return Sound{}, fmt.Errorf("a WAV file that cannot be read: %w", err)
			}
			return format.sound(data)
		default:
			if _, err := io.CopyN(io.Discard, r, size+size%2); err != nil {
				return Sound{}, errors.New("a WAV file that ends early")
			}
		}
	}
}

type wavFormat struct {
	float    bool
	channels int
	rate     int
	bits     int
}

func (f *wavFormat) read(r io.Reader, size int64) error {
	if size < 16 || size > 1024 {
		return errors.New("a WAV file with a broken format")
	}
	block := make([]byte, size+size%2)
	if _, err := io.ReadFull(r, block); err != nil {
		return errors.New("a WAV file that ends early")
	}
	code := binary.LittleEndian.Uint16(block)
	if code == 0xFFFE && size >= 26 { // WAVE_FORMAT_EXTENSIBLE: the code begins the sub-format
		code = binary.LittleEndian.Uint16(block[24:])
	}
	f.float = code == 3
	f.channels = int(binary.LittleEndian.Uint16(block[2:]))
	f.rate = int(binary.LittleEndian.Uint32(block[4:]))
	f.bits = int(binary.LittleEndian.Uint16(block[14:]))
	switch {
	case code != 1 && code != 3, f.float && f.bits != 32, f.bits != 16 && f.bits != 24 && f.bits != 32:
		return fmt.Errorf("a WAV file in a format that is not read here (code %d, %d bits)", code, f.bits)
	case f.channels < 1 || f.channels > 16 || f.rate < 4000 || f.rate > 192_000:
		return fmt.Errorf("a WAV file with %d channels at %d Hz", f.channels, f.rate)
	}
	return nil
}

func (f *wavFormat) sound(data []byte) (Sound, error) {
	size := f.bits / 8
	frames := len(data) / (size * f.channels)
	if frames == 0 {
		return Sound{}, errors.New("a WAV file with no sound in it")
	}
	s := Sound{Rate: f.rate, Channels: make([][]float32, f.channels)}
	for c := range s.Channels {
		s.Channels[c] = make([]float32, frames)
		for i := range frames {
			s.Channels[c][i] = f.sample(data[(i*f.channels+c)*size:])
		}
	}
	return s, nil
}

func (f *wavFormat) sample(b []byte) float32 {
	switch {
	case f.float:
		sample := math.Float32frombits(binary.LittleEndian.Uint32(b))
		if sample != sample { // NaN would spread through every filter
			return 0
		}
		return min(1, max(-1, sample))
	case f.bits == 16:
		return float32(int16(binary.LittleEndian.Uint16(b))) / (1 << 15)
	case f.bits == 24:
		return float32(int32(uint32(b[0])<<8|uint32(b[1])<<16|uint32(b[2])<<24)) / (1 << 31)
	default:
		return float32(int32(binary.LittleEndian.Uint32(b))) / (1 << 31)
	}
}

// resampleTaps is half the length of the interpolation filter: 16 zero crossings keep aliases under
// -60 dB, which a recognizer does not hear.
const resampleTaps = 16

// Resample changes the sample rate by windowed-sinc interpolation. The result has
// len(in) * to / from samples.
func Resample(in []float32, from, to int) []float32 {
	if from == to {
		return in
	}
	cutoff := min(1, float64(to)/float64(from)) // going down, what the new rate cannot hold is removed
	reach := float64(resampleTaps) / cutoff
	out := make([]float32, len(in)*to/from)
	for i := range out {
		center := float64(i) * float64(from) / float64(to)
		var sum, weights float64
		for k := max(0, int(math.Ceil(center-reach))); k <= min(len(in)-1, int(center+reach)); k++ {
			x := (float64(k) - center) * cutoff
			weight := sinc(x) * (0.5 + 0.5*math.Cos(math.Pi*x/resampleTaps))
			sum += weight * float64(in[k])
			weights += weight
		}
		if weights != 0 {
			out[i] = float32(sum / weights)
		}
	}
	return out
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}
