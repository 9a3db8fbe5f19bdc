package model

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/parley/parley"
)

// onnx is a file with a graph of some bytes and properties after it, as exporters write it.
func onnx(pairs ...string) []byte {
	field := func(b []byte, number int, content []byte) []byte {
		b = binary.AppendUvarint(b, uint64(number)<<3|wireBytes)
		return append(binary.AppendUvarint(b, uint64(len(content))), content...)
	}
	file := []byte{1<<3 | wireVarint, 8} // ir_version
	file = field(file, 7, bytes.Repeat([]byte{0x72}, 5000))
	for i := 0; i+1 < len(pairs); i += 2 {
		file = field(file, propertyField, field(field(nil, keyField, []byte(pairs[i])), valueField, []byte(pairs[i+1])))
	}
	return file
}

func nemo(window string) []byte {
	return onnx("model_type", "EncDecCTCModelBPE", "window_size", window, "chunk_shift", "16", "subsampling_factor", "8", "cache_last_channel_dim1", "17")
}

func TestStreamingModelsAreToldByWhatTheySay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		directory string
		network   []byte
		noTokens  bool
		kind      parley.Kind // of the error; "" for none
		want      Streaming
	}{
		"one of NeMo's": {
			directory: "nemo-streaming-fast-conformer-ctc-en-80ms", network: nemo("25"),
			want: Streaming{Subsampling: 8, Chunk: 250 * time.Millisecond, Languages: []string{"en"}},
		},
		"one of icefall's": {
			directory: "streaming-zipformer-ctc-zh-en", network: onnx("model_type", "zipformer2", "decode_chunk_len", "32", "T", "45"),
			want: Streaming{Zipformer: true, Subsampling: 4, Chunk: 450 * time.Millisecond, Languages: []string{"zh", "en"}},
		},
		"one that hears whole utterances": {directory: "a", network: onnx("model_type", "EncDecCTCModelBPE", "subsampling_factor", "8"), kind: parley.NotFound},
		"a chunk of an hour":              {directory: "a", network: nemo("360000"), kind: parley.Invalid},
		"a chunk that is no number":       {directory: "a", network: nemo("x"), kind: parley.Invalid},
		"no tokens":                       {directory: "a", network: nemo("25"), noTokens: true, kind: parley.Invalid},
		"cut in the middle":               {directory: "a", network: nemo("25")[:3000], kind: parley.NotFound},
		"no network":                      {directory: "a", network: []byte("\x7fELF and then some"), kind: parley.NotFound},
		"nothing":                         {directory: "a", kind: parley.NotFound},
	} {
		directory := filepath.Join(t.TempDir(), c.directory)
		mustWrite(t, filepath.Join(directory, "model.onnx"), c.network)
		if !c.noTokens {
			mustWrite(t, filepath.Join(directory, "tokens.txt"), []byte("<blk> 0\n"))
		}
		got, err := StreamingIn(directory)
		if c.kind != "" {
			if !errors.Is(err, c.kind) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || got.Zipformer != c.want.Zipformer || got.Subsampling != c.want.Subsampling ||
			got.Chunk != c.want.Chunk || !slices.Equal(got.Languages, c.want.Languages) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if !got.Hears("en") || got.Hears("yue") || got.Hears("") {
			t.Errorf("%s: hears the wrong languages", name)
		}
	}
}

func mustWrite(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, content, 0o600)); err != nil {
		t.Fatal(err)
	}
}

func FuzzProperties(f *testing.F) {
	f.Add(nemo("25"))
	f.Add([]byte{propertyField<<3 | wireBytes, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Add([]byte{propertyField<<3 | wireBytes, 2, 1<<3 | wireBytes, 9})
	f.Fuzz(func(t *testing.T, file []byte) {
		says, err := properties(bytes.NewReader(file), int64(len(file)))
		if err == nil && len(says) > len(file)/4 {
			t.Errorf("%d properties in %d bytes", len(says), len(file))
		}
	})
}
