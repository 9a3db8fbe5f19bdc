package container

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/parley/parley"
)

const (
	oggHeaderBytes = 27
	oggFirst       = 0x02 // the first page of a stream
	oggLast        = 0x04
	oggContinued   = 0x01
	// packetsPerPage makes a page a second of 20 ms packets, so that a player can seek.
	packetsPerPage = 50
	// maxOggPacket bounds what a broken file can make a reader keep; a real packet has at most 61 kB
	// and usually 100 bytes.
	maxOggPacket = 128 << 10
)

// OggWriter writes one Ogg Opus stream, mono (RFC 7845). Not safe for concurrent use.
type OggWriter struct {
	w        io.Writer
	serial   uint32
	sequence uint32
	granule  uint64 // samples written, at OpusRate

	lacing []byte // of the page being filled
	body   []byte
	count  int // packets in it
}

// NewOggWriter writes the two headers. Nothing is skipped at the start: the first sample decoded is
// the first sample of the first packet.
func NewOggWriter(w io.Writer) (*OggWriter, error) {
	o := &OggWriter{w: w, serial: rand.Uint32()} //nolint:gosec // any number will do (RFC 3533 §6)
	head := append([]byte("OpusHead"), 1, 1, 0, 0)
	head = binary.LittleEndian.AppendUint32(head, OpusRate)
	head = append(head, 0, 0, 0) // no gain, mapping family 0
	if err := o.page(head, lace(nil, len(head)), 0, oggFirst); err != nil {
		return nil, err
	}
	const vendor = "parley"
	tags := binary.LittleEndian.AppendUint32([]byte("OpusTags"), uint32(len(vendor)))
	tags = append(tags, vendor...)
	tags = binary.LittleEndian.AppendUint32(tags, 0)
	return o, o.page(tags, lace(nil, len(tags)), 0, 0)
}

// lace appends the segment table of one packet (RFC 3533 §5).
func lace(to []byte, size int) []byte {
	for ; size >= 255; size -= 255 {
		to = append(to, 255)
	}
	return append(to, byte(size))
}

// WritePacket appends one packet of so many samples at OpusRate. The packet is copied. A packet of
// more than 60 kB is Invalid.
func (o *OggWriter) WritePacket(opus []byte, samples int) error {
	segments := len(opus)/255 + 1
	if segments > 240 {
		return fmt.Errorf("opus packet of %d bytes: %w", len(opus), parley.Invalid)
	}
	if o.count >= packetsPerPage || len(o.lacing)+segments > 255 {
		if err := o.flush(0); err != nil {
			return err
		}
	}
	o.lacing = lace(o.lacing, len(opus))
	o.body = append(o.body, opus...)
	o.granule += uint64(samples)
	o.count++
	return nil
}

// Close writes what is left and marks the end. The writer below stays open.
func (o *OggWriter) Close() error { return o.flush(oggLast) }

func (o *OggWriter) flush(flags byte) error {
	err := o.page(o.body, o.lacing, o.granule, flags)
	o.lacing, o.body, o.count = o.lacing[:0], o.body[:0], 0
	return err
}

func (o *OggWriter) page(body, lacing []byte, granule uint64, flags byte) error {
	page := make([]byte, 0, oggHeaderBytes+len(lacing)+len(body))
	page = append(page, 'O', 'g', 'g', 'S', 0, flags)
	page = binary.LittleEndian.AppendUint64(page, granule)
	page = binary.LittleEndian.AppendUint32(page, o.serial)
	page = binary.LittleEndian.AppendUint32(page, o.sequence)
	page = append(page, 0, 0, 0, 0, byte(len(lacing)))
	page = append(page, lacing...)
	page = append(page, body...)
	binary.LittleEndian.PutUint32(page[22:], oggSum(page))
	o.sequence++
	if _, err := o.w.Write(page); err != nil {
		return fmt.Errorf("write ogg page: %w", err)
	}
	return nil
}

// oggSum is the checksum of a page whose checksum field is zero: CRC-32 of polynomial 04C11DB7, most
// significant bit first (RFC 3533 §6), which hash/crc32 does not have.
func oggSum(page []byte) uint32 {
	var sum uint32
	for _, b := range page {
		sum ^= uint32(b) << 24
		for range 8 {
			if sum&0x80000000 != 0 {
				sum = sum<<1 ^ 0x04C11DB7
			} else {
				sum <<= 1
			}
		}
	}
	return sum
}

// OggReader reads the packets of an Ogg Opus stream; of a file with several, the first. Not safe for
// concurrent use.
type OggReader struct {
	r       *bufio.Reader
	serial  uint32
	skip    int      // samples at the start that are not to be played
	packets [][]byte // complete ones of the page read last
	partial []byte   // of a packet that goes on in the next page
	ended   bool
}

// NewOggReader reads the headers; Invalid when r is no Ogg Opus, or is not mono or stereo.
func NewOggReader(r io.Reader) (*OggReader, error) {
	o := &OggReader{r: bufio.NewReader(r)}
	head, err := o.packet()
	if err != nil || len(head) < 19 || string(head[:8]) != "OpusHead" {
		return nil, oggError("it is not an Ogg Opus file", err)
	}
	if head[8]>>4 != 0 || head[18] != 0 {
		return nil, oggError("it has more than two channels or a later version", nil)
	}
	o.skip = int(binary.LittleEndian.Uint16(head[10:]))
	tags, err := o.packet()
	if err != nil || len(tags) < 8 || string(tags[:8]) != "OpusTags" {
		return nil, oggError("its Opus tags are missing", err)
	}
	return o, nil
}

// Skip is how many samples at OpusRate at the start belong to nothing (RFC 7845 §4.2).
func (o *OggReader) Skip() int { return o.skip }

// Next gives the next packet and its length in samples at OpusRate, then io.EOF. The packet is valid
// until the next call. A file that ends within a page is Invalid at its end.
func (o *OggReader) Next() (packet []byte, samples int, err error) {
	packet, err = o.packet()
	if err != nil {
		return nil, 0, err
	}
	samples = OpusSamples(packet)
	if samples == 0 && len(packet) > 0 {
		return nil, 0, oggError("a packet in it is not Opus", nil)
	}
	return packet, samples, nil
}

func (o *OggReader) packet() ([]byte, error) {
	for len(o.packets) == 0 {
		if o.ended {
			return nil, io.EOF
		}
		if err := o.readPage(); err != nil {
			return nil, err
		}
	}
	packet := o.packets[0]
	o.packets = o.packets[1:]
	return packet, nil
}

// readPage takes in one page of our stream, skipping those of others.
func (o *OggReader) readPage() error {
	var header [oggHeaderBytes]byte
	if _, err := io.ReadFull(o.r, header[:]); err != nil {
		if errors.Is(err, io.EOF) {
			o.ended = true
			return nil
		}
		return oggError("it ends within a page", err)
	}
	if string(header[:5]) != "OggS\x00" {
		return oggError("a page does not begin where it should", nil)
	}
	page := append(header[:], make([]byte, header[26])...)
	if _, err := io.ReadFull(o.r, page[oggHeaderBytes:]); err != nil {
		return oggError("it ends within a page", err)
	}
	lacing := page[oggHeaderBytes:]
	size := 0
	for _, l := range lacing {
		size += int(l)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(o.r, body); err != nil {
		return oggError("it ends within a page", err)
	}
	sum := binary.LittleEndian.Uint32(page[22:])
	binary.LittleEndian.PutUint32(page[22:], 0)
	if oggSum(append(page[:len(page):len(page)], body...)) != sum {
		return oggError("a page in it is damaged", nil)
	}
	serial := binary.LittleEndian.Uint32(page[14:])
	if page[5]&oggFirst != 0 && o.serial == 0 && len(o.packets) == 0 {
		o.serial = serial
	}
	if serial != o.serial {
		return nil
	}
	if page[5]&oggContinued == 0 {
		o.partial = o.partial[:0]
	}
	o.ended = page[5]&oggLast != 0
	return o.split(lacing, body)
}

// split cuts the body of a page into packets.
func (o *OggReader) split(lacing, body []byte) error {
	for _, l := range lacing {
		o.partial = append(o.partial, body[:l]...)
		body = body[l:]
		if len(o.partial) > maxOggPacket {
			return oggError("a packet in it is too large", nil)
		}
		if l < 255 {
			o.packets = append(o.packets, o.partial)
			o.partial = nil
		}
	}
	return nil
}

func oggError(say string, err error) error {
	return &parley.Error{Op: "read ogg", Kind: parley.Invalid, Say: "The sound file cannot be read: " + say + ".", Err: err}
}
