package model

import (
	"encoding/binary"
	"errors"
	"io"
)

// What an ONNX file is made of, as far as it is read here: fields of a protocol buffer, of which one,
// repeated, holds what whoever exported the network wanted known of it (onnx.proto3, ModelProto).
const (
	propertyField = 14 // metadata_props
	keyField      = 1  // StringStringEntryProto
	valueField    = 2

	wireVarint, wire64, wireBytes, wire32 = 0, 1, 2, 5

	// mostProperties and mostProperty, in bytes, bound what a file may ask for: exporters write twenty.
	mostProperties = 256
	mostProperty   = 64 << 10
	// mostFields bounds the fields at the top: networks have about ten beside the properties.
	mostFields = 4096
)

var errNoONNX = errors.New("the file is no ONNX network")

// properties reads what an ONNX file says of itself. It reads a few kilobytes, however large the file.
func properties(file io.ReaderAt, size int64) (map[string]string, error) {
	found := map[string]string{}
	for at, n := int64(0), 0; at < size; n++ {
		var head [2 * binary.MaxVarintLen64]byte
		got, err := file.ReadAt(head[:], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		f, ok := nextField(head[:got])
		at += f.head
		if !ok || f.bytes < 0 || f.bytes > size-at || n == mostFields {
			return nil, errNoONNX
		}
		if f.number == propertyField && f.wire == wireBytes {
			if f.bytes > mostProperty || len(found) == mostProperties {
				return nil, errNoONNX
			}
			entry := make([]byte, f.bytes)
			if _, err := file.ReadAt(entry, at); err != nil && !errors.Is(err, io.EOF) {
				return nil, err
			}
			key, value, ok := entryOf(entry)
			if !ok {
				return nil, errNoONNX
			}
			found[key] = value
		}
		at += f.bytes
	}
	return found, nil
}

// field is the beginning of a field: head bytes that say what it is, then its own.
type field struct {
	number, wire uint64
	head, bytes  int64
}

func nextField(b []byte) (f field, ok bool) {
	tag, n := binary.Uvarint(b)
	if n <= 0 {
		return f, false
	}
	f = field{number: tag >> 3, wire: tag & 7, head: int64(n)}
	switch f.wire {
	case wireVarint:
		_, m := binary.Uvarint(b[n:])
		f.bytes = int64(m)
		return f, m > 0
	case wire64:
		f.bytes = 8
	case wire32:
		f.bytes = 4
	case wireBytes:
		length, m := binary.Uvarint(b[n:])
		f.head, f.bytes = f.head+int64(m), int64(length) // one too large is negative, or larger than the file
		return f, m > 0
	default:
		return f, false
	}
	return f, true
}

// entryOf reads a pair of strings.
func entryOf(b []byte) (key, value string, ok bool) {
	for len(b) > 0 {
		f, ok := nextField(b)
		if !ok || f.bytes < 0 || f.head > int64(len(b)) || f.bytes > int64(len(b))-f.head {
			return "", "", false
		}
		text := string(b[f.head : f.head+f.bytes])
		switch {
		case f.number == keyField && f.wire == wireBytes:
			key = text
		case f.number == valueField && f.wire == wireBytes:
			value = text
		}
		b = b[f.head+f.bytes:]
	}
	return key, value, key != ""
}
