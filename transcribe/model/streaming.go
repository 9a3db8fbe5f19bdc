package model

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parley/parley"
)

// Streaming is a network of the streaming CTC kind: it hears sound piece by piece, and says words while
// somebody speaks.
type Streaming struct {
	Name        string // of its directory
	Network     string // path
	Tokens      string // path
	Zipformer   bool   // one of icefall's; else one of NeMo's
	Chunk       time.Duration
	Subsampling int      // frames of 10 ms for one of its output
	Languages   []string // BCP 47; empty: not told, so any
}

// Chunks that are believed; the published ones are between 80 ms and 1.04 s.
const (
	frame        = 10 * time.Millisecond
	longestChunk = 3 * time.Second
)

// StreamingIn tells a streaming CTC network by what it says of itself. A directory that has none is
// NotFound; what claims to be one and cannot be is Invalid.
func StreamingIn(directory string) (Streaming, error) {
	s := Streaming{Name: filepath.Base(directory), Tokens: filepath.Join(directory, "tokens.txt")}
	for _, name := range []string{"model.int8.onnx", "model.onnx"} {
		s.Network = filepath.Join(directory, name)
		if says, err := propertiesOf(s.Network); err == nil {
			return s.read(says)
		}
	}
	return s, noStreaming(parley.NotFound, "it has no network that can be read")
}

func noStreaming(kind parley.Kind, why string) error {
	return &parley.Error{Op: "read model", Kind: kind, Say: "the model is not of the streaming CTC kind: " + why}
}

func propertiesOf(path string) (map[string]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	return properties(file, info.Size())
}

// read takes what the exporters of NeMo and icefall write: NeMo's streaming networks have caches, and a
// window that moves on by less than its length; icefall's have a chunk.
func (s Streaming) read(says map[string]string) (Streaming, error) {
	_, caches := says["cache_last_channel_dim1"]
	_, zipformer := says["decode_chunk_len"]
	chunk := says["window_size"]
	switch {
	case zipformer && says["model_type"] == "zipformer2":
		s.Zipformer, s.Subsampling, chunk = true, 4, says["T"]
	case caches && says["chunk_shift"] != "":
		s.Subsampling, _ = strconv.Atoi(says["subsampling_factor"])
	default:
		return s, noStreaming(parley.NotFound, "it does not hear sound piece by piece")
	}
	frames, err := strconv.Atoi(chunk)
	s.Chunk = time.Duration(frames) * frame
	if err != nil || s.Chunk <= 0 || s.Chunk > longestChunk || s.Subsampling < 1 || s.Subsampling > 16 {
		return s, noStreaming(parley.Invalid, "what it says of its chunks cannot be")
	}
	if _, err := os.Stat(s.Tokens); err != nil {
		return s, noStreaming(parley.Invalid, "its tokens.txt is missing")
	}
	s.Languages = namedLanguages(s.Name)
	return s, nil
}

// namedLanguages are the languages in the name of a model, as its publisher names them.
func namedLanguages(name string) []string {
	var found []string
	for part := range strings.FieldsFuncSeq(strings.ToLower(name), func(r rune) bool { return r == '-' || r == '_' || r == '.' }) {
		lang := map[string]string{"en": "en", "english": "en", "zh": "zh", "chinese": "zh", "yue": "yue", "cantonese": "yue"}[part]
		if lang != "" && !slices.Contains(found, lang) {
			found = append(found, lang)
		}
	}
	return found
}

// Hears reports whether a language is one of the network's; "" only where it hears any.
func (s Streaming) Hears(lang string) bool {
	return len(s.Languages) == 0 || slices.Contains(s.Languages, lang)
}
