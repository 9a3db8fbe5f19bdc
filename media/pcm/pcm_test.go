package pcm_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/parley/parley/media/pcm"
)

// tone is a sine of 440 Hz.
func tone(rate, samples int) []float32 {
	out := make([]float32, samples)
	for i := range out {
		out[i] = 0.5 * float32(math.Sin(2*math.Pi*440*float64(i)/float64(rate)))
	}
	return out
}

func energy(s []float32) float64 {
	var sum float64
	for _, x := range s {
		sum += float64(x) * float64(x)
	}
	return sum / float64(max(1, len(s)))
}

func TestOpusRoundTrip(t *testing.T) {
	t.Parallel()
	encoder, err := pcm.NewEncoder(32_000)
	if err != nil {
		t.Skip(err)
	}
	decoder, err := pcm.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	var heard pcm.Speech
	var packets [][]byte
	for frame := range slices.Chunk(tone(48_000, 48_000), 960) {
		packet, err := encoder.Encode(frame)
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, slices.Clone(packet))
	}
	for i, packet := range packets {
		if i == 25 { // lost
			heard, err = decoder.Conceal(20*time.Millisecond, packets[26], heard)
		} else {
			heard, err = decoder.Decode(packet, heard)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if heard.Duration() != time.Second {
		t.Errorf("a second became %v", heard.Duration())
	}
	if e := energy(heard[4000:]); e < 0.1 || e > 0.15 {
		t.Errorf("energy %.3f, want about 0.125", e)
	}
	if _, err := decoder.Decode(nil, nil); err == nil {
		t.Error("an empty packet was decoded")
	}
}

func wav(bits, channels int, code uint16, data []byte) []byte {
	var b bytes.Buffer
	b.WriteString("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00")
	for _, v := range []any{
		code, uint16(channels), uint32(16_000), uint32(16_000 * channels * bits / 8), uint16(channels * bits / 8), uint16(bits),
	} {
		_ = binary.Write(&b, binary.LittleEndian, v)
	}
	b.WriteString("data")
	_ = binary.Write(&b, binary.LittleEndian, uint32(len(data)))
	b.Write(data)
	return b.Bytes()
}

func TestReadWAV(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file []byte
		want []float32 // of the mean of all channels; nil: an error
	}{
		"16 bits":             {wav(16, 1, 1, []byte{0, 0x40, 0, 0x80}), []float32{0.5, -1}},
		"16 bits, stereo":     {wav(16, 2, 1, []byte{0, 0x40, 0, 0}), []float32{0.25}},
		"24 bits":             {wav(24, 1, 1, []byte{0, 0, 0x40}), []float32{0.5}},
		"32 bits":             {wav(32, 1, 1, []byte{0, 0, 0, 0xC0}), []float32{-0.5}},
		"float":               {wav(32, 1, 3, []byte{0, 0, 0, 0x3F}), []float32{0.5}},
		"float, not a number": {wav(32, 1, 3, []byte{0, 0, 0xC0, 0x7F}), []float32{0}},
		"8 bits":              {wav(8, 1, 1, []byte{0}), nil},
		"no sound":            {wav(16, 1, 1, nil), nil},
		"no channels":         {wav(16, 0, 1, []byte{0, 0}), nil},
		"empty":               {nil, nil},
		"not a WAV file":      {[]byte("ID3 something else"), nil},
		"cut in its format":   {wav(16, 1, 1, nil)[:30], nil},
	} {
		sound, err := pcm.ReadWAV(bytes.NewReader(c.file))
		if (err == nil) != (c.want != nil) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err == nil && !slices.Equal(sound.Mono(), c.want) {
			t.Errorf("%s: %v, want %v", name, sound.Mono(), c.want)
		}
	}
}

func TestResample(t *testing.T) {
	t.Parallel()
	for _, rate := range []int{8_000, 22_050, 44_100, 48_000} {
		out := pcm.Resample(tone(rate, rate), rate, pcm.Rate)
		if len(out) != pcm.Rate {
			t.Errorf("a second at %d Hz became %d samples", rate, len(out))
		}
		var worst float64
		for i, want := range tone(pcm.Rate, pcm.Rate)[100 : pcm.Rate-100] {
			worst = max(worst, math.Abs(float64(out[i+100]-want)))
		}
		if worst > 0.01 {
			t.Errorf("from %d Hz: off by up to %.3f", rate, worst)
		}
	}
}

func FuzzReadWAV(f *testing.F) {
	f.Add(wav(16, 2, 1, []byte{1, 2, 3, 4}))
	f.Add(wav(32, 1, 0xFFFE, []byte{1, 2, 3, 4}))
	f.Fuzz(func(_ *testing.T, file []byte) { _, _ = pcm.ReadWAV(bytes.NewReader(file)) })
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{0xF8, 0xFF, 0xFE})
	f.Fuzz(func(t *testing.T, packet []byte) {
		decoder, err := pcm.NewDecoder()
		if err != nil {
			t.Fatal(err)
		}
		_, _ = decoder.Decode(packet, nil)
		_, _ = decoder.Conceal(20*time.Millisecond, packet, nil)
	})
}
