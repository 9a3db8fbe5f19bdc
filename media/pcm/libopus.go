//go:build cgo

package pcm

// A binding of the seven functions we need, linked statically so that the binary runs where libopus
// is not installed. gopkg.in/hraban/opus.v2 does the same, but builds only with libopusfile
// installed or a build tag on every command, and has been still since 2023.

/*
#cgo CFLAGS: -I/usr/include/opus
#cgo LDFLAGS: -l:libopus.a -lm
#include <opus.h>

static int parley_encoder_tune(OpusEncoder *encoder, opus_int32 bits_per_second) {
	int err = opus_encoder_ctl(encoder, OPUS_SET_BITRATE(bits_per_second));
	if (err == OPUS_OK) err = opus_encoder_ctl(encoder, OPUS_SET_INBAND_FEC(1));
	if (err == OPUS_OK) err = opus_encoder_ctl(encoder, OPUS_SET_PACKET_LOSS_PERC(10));
	return err;
}
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"time"
	"unsafe"
)

func opusError(code C.int) error { return fmt.Errorf("opus: %s", C.GoString(C.opus_strerror(code))) }

// Decoder turns the Opus packets of one track into speech. It is not safe for concurrent use.
type Decoder struct {
	state *C.OpusDecoder
}

// NewDecoder makes a decoder for one track.
func NewDecoder() (*Decoder, error) {
	var code C.int
	state := C.opus_decoder_create(Rate, 1, &code)
	if state == nil {
		return nil, opusError(code)
	}
	d := &Decoder{state}
	runtime.AddCleanup(d, func(state *C.OpusDecoder) { C.opus_decoder_destroy(state) }, state)
	return d, nil
}

// Decode appends the sound of one packet to "to". A malformed packet is an error and adds nothing.
func (d *Decoder) Decode(packet []byte, to Speech) (Speech, error) {
	if len(packet) == 0 {
		return to, errors.New("opus: empty packet")
	}
	return d.decode(packet, longestPacket, 0, to)
}

// Conceal appends missing time of sound in place of lost packets. When next, the packet after the
// loss, carries a copy of the one before it (RFC 6716 §2.1.7), the last frame is made of that; the
// rest is extrapolated. next may be nil, and is to be decoded as usual afterwards.
func (d *Decoder) Conceal(missing time.Duration, next []byte, to Speech) (Speech, error) {
	const frame = Rate / 50 // the 20 ms that browsers send
	var err error
	for n := Samples(missing) / frame; n > 0; n-- {
		if n == 1 && len(next) > 0 {
			return d.decode(next, frame, 1, to)
		}
		if to, err = d.decode(nil, frame, 0, to); err != nil {
			return to, err
		}
	}
	return to, nil
}

func (d *Decoder) decode(packet []byte, room, fec int, to Speech) (Speech, error) {
	var frame [longestPacket]C.float
	var data *C.uchar
	if len(packet) > 0 {
		data = (*C.uchar)(unsafe.Pointer(&packet[0]))
	}
	n := C.opus_decode_float(d.state, data, C.opus_int32(len(packet)), &frame[0], C.int(room), C.int(fec))
	runtime.KeepAlive(d)
	if n < 0 {
		return to, opusError(n)
	}
	for _, sample := range frame[:n] {
		to = append(to, float32(sample))
	}
	return to, nil
}

// Encoder turns speech into Opus packets of 20 ms with forward error correction. It is not safe for
// concurrent use.
type Encoder struct {
	state  *C.OpusEncoder
	packet [1275]byte // the longest frame (RFC 6716 §3.2.1)
}

// NewEncoder makes an encoder for voice at a bit rate.
func NewEncoder(bitsPerSecond int) (*Encoder, error) {
	var code C.int
	state := C.opus_encoder_create(48_000, 1, C.OPUS_APPLICATION_VOIP, &code)
	if state == nil {
		return nil, opusError(code)
	}
	e := &Encoder{state: state}
	runtime.AddCleanup(e, func(state *C.OpusEncoder) { C.opus_encoder_destroy(state) }, state)
	if code := C.parley_encoder_tune(state, C.opus_int32(bitsPerSecond)); code != C.OPUS_OK {
		return nil, opusError(code)
	}
	return e, nil
}

// Encode encodes 960 samples: 20 ms of 48 kHz mono. The packet is valid until the next call.
func (e *Encoder) Encode(samples []float32) ([]byte, error) {
	if len(samples) != 960 {
		return nil, fmt.Errorf("opus: a frame of %d samples, not 960", len(samples))
	}
	n := C.opus_encode_float(e.state, (*C.float)(unsafe.Pointer(&samples[0])), 960,
		(*C.uchar)(unsafe.Pointer(&e.packet[0])), C.opus_int32(len(e.packet)))
	runtime.KeepAlive(e)
	if n < 0 {
		return nil, opusError(C.int(n))
	}
	return e.packet[:n], nil
}
