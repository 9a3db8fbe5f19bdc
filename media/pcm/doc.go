// Package pcm turns sound into samples and back: Opus by libopus (libopus.go, with cgo) or in pure
// Go (pureopus.go, without), WAV files, and sample rates.
//
// Speech for recognizers is 16 kHz mono everywhere. libopus is preferred: it hides lost packets and
// uses the forward error correction in the next one, which halves the word error at 10 % loss.
package pcm

import "time"

// Rate is the sample rate of Speech in Hz.
const Rate = 16_000

// Speech is mono sound at Rate, -1 to 1.
type Speech []float32

// Duration is how long the speech lasts.
func (s Speech) Duration() time.Duration {
	return time.Duration(len(s)) * time.Second / Rate
}

// Samples is how many samples at Rate last d.
func Samples(d time.Duration) int { return int(d * Rate / time.Second) }

// longestPacket is the longest Opus packet in samples at Rate: 120 ms (RFC 6716 §3.2.5).
const longestPacket = 120 * Rate / 1000
