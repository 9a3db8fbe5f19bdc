package sherpa

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// kind says what a frame means.
type kind byte

// From the parent.
const (
	askListen    kind = 1 // nothing; answered by done, and the request's id names the detector
	askHear      kind = 2 // detector, windows of samples; answered by heard
	askLeave     kind = 3 // detector; answered by done
	askRecognize kind = 4 // language, samples; answered by told
	askStream    kind = 5 // nothing; answered by done, and the request's id names the stream
	askFeed      kind = 6 // stream, samples; answered by told: all words so far
	askShut      kind = 7 // stream; answered by done
)

// From the child.
const (
	sayHello  kind = 16 // JSON hello, id 0: the models are loaded
	sayDone   kind = 17 // nothing
	sayHeard  kind = 18 // a byte per window: 1 where somebody speaks
	sayTold   kind = 19 // JSON recognized
	sayFailed kind = 20 // a sentence; id 0: the models cannot be loaded, and the child ends
)

const (
	headerBytes = 4 + 1 + 4
	// maxPayload holds MaxSpeech of samples, and then some. A longer frame is a fault in the other
	// process: whoever reads one ends the conversation.
	maxPayload = 2 << 20
)

// frame is one message: its length, kind and id in front, little-endian.
type frame struct {
	kind    kind
	id      uint32 // of the request; its answer has the same
	payload []byte
}

// writeFrame writes a frame in one call, so that writers need only take turns.
func writeFrame(w io.Writer, f frame) error {
	if len(f.payload) > maxPayload {
		return fmt.Errorf("a frame of %d bytes; the limit is %d", len(f.payload), maxPayload)
	}
	b := make([]byte, 0, headerBytes+len(f.payload))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(f.payload)))
	b = append(b, byte(f.kind))
	b = binary.LittleEndian.AppendUint32(b, f.id)
	_, err := w.Write(append(b, f.payload...))
	return err
}

// readFrame reads one frame. It is io.EOF where the frames end, and another error where one is cut
// short or too long.
func readFrame(r io.Reader) (frame, error) {
	var header [headerBytes]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return frame{}, errors.New("a frame header is cut short")
		}
		return frame{}, err
	}
	size := binary.LittleEndian.Uint32(header[:])
	if size > maxPayload {
		return frame{}, fmt.Errorf("a frame of %d bytes; the limit is %d", size, maxPayload)
	}
	f := frame{kind: kind(header[4]), id: binary.LittleEndian.Uint32(header[5:]), payload: make([]byte, size)}
	if _, err := io.ReadFull(r, f.payload); err != nil {
		return frame{}, errors.New("a frame is cut short")
	}
	return f, nil
}
