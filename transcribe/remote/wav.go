package remote

import (
	"encoding/binary"
	"math"

	"github.com/parley/parley/media/pcm"
)

// wav writes speech as a WAV file of 16-bit samples.
func wav(s pcm.Speech) []byte {
	const header, bytesPerSample = 44, 2
	b := make([]byte, 0, header+len(s)*bytesPerSample)
	size := uint32(len(s) * bytesPerSample)
	b = append(b, "RIFF"...)
	b = binary.LittleEndian.AppendUint32(b, header-8+size)
	b = append(b, "WAVEfmt "...)
	for _, field := range []uint32{16, 1 | 1<<16, pcm.Rate, pcm.Rate * bytesPerSample, bytesPerSample | 16<<16} {
		b = binary.LittleEndian.AppendUint32(b, field) // size; PCM, one channel; rates; alignment, bits
	}
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, size)
	for _, sample := range s {
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(max(-1, min(1, sample))*math.MaxInt16)))
	}
	return b
}
