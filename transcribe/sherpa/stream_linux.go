//go:build linux && (amd64 || arm64)

package sherpa

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unsafe"

	"github.com/parley/parley"
	"github.com/parley/parley/media/pcm"
	"github.com/parley/parley/transcribe/model"
)

// Pauses after which a stream begins anew, in seconds: with nothing heard, and after words; and the
// longest it runs without one. Utterances are cut at shorter pauses: these bound what a stream holds.
const (
	silenceAlone = 2.4
	silenceAfter = 1.2
	longestRun   = 20
)

// libraryFrames is how many frames of 10 ms the library takes one output of any such network for.
const libraryFrames = 4

// streamer is a network that hears sound piece by piece.
type streamer struct {
	lib   *library
	about model.Streaming

	mu         sync.Mutex // guards all below: one decode at a time
	recognizer uintptr
	config     *streamConfig // its strings are kept alive by it
}

// loadStreamer loads the streaming network of a directory. A damaged one ends the process.
func loadStreamer(lib *library, directory string) (*streamer, error) {
	about, err := model.StreamingIn(directory)
	if err != nil {
		return nil, err
	}
	c := &streamConfig{
		Feat_config:     featureConfig{Sample_rate: pcm.Rate, Feature_dim: 80},
		Decoding_method: cString("greedy_search"), Enable_endpoint: 1,
		Rule1_min_trailing_silence: silenceAlone, Rule2_min_trailing_silence: silenceAfter, Rule3_min_utterance_length: longestRun,
	}
	c.Model_config.Tokens = cString(about.Tokens)
	c.Model_config.Num_threads = 1
	c.Model_config.Provider = cString("cpu")
	if about.Zipformer {
		c.Model_config.Zipformer2_ctc.Model = cString(about.Network)
	} else {
		c.Model_config.Nemo_ctc.Model = cString(about.Network)
	}
	s := &streamer{lib: lib, about: about, config: c}
	if s.recognizer = lib.createStreamer(c); s.recognizer == 0 {
		return nil, fmt.Errorf("the library refuses the configuration of %s", about.Name)
	}
	return s, nil
}

// streaming is the name of the streaming model; "" without one.
func (m *models) streaming() string {
	if m.streamer == nil {
		return ""
	}
	return m.streamer.about.Name
}

func (m *models) newStream() (*stream, error) {
	if m.streamer == nil {
		return nil, errors.New("no streaming model is loaded")
	}
	return m.streamer.open()
}

// stream is one utterance. It is not safe for concurrent use.
type stream struct {
	of      *streamer
	handle  uintptr
	fed     time.Duration
	settled []token // of before the last pause
}

func (s *streamer) open() (*stream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	handle := s.lib.openStream(s.recognizer)
	if handle == 0 {
		return nil, errors.New("the library opens no stream")
	}
	return &stream{of: s, handle: handle}, nil
}

func (s *stream) close() { s.of.lib.closeStream(s.handle) }

// hear takes the next samples and gives all words so far.
func (s *stream) hear(speech pcm.Speech) recognized {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	runtime.LockOSThread() // the model runs on the thread that asks
	defer runtime.UnlockOSThread()
	began := threadCPU()
	s.fed += speech.Duration()
	return s.heard(s.feed(speech), "", began)
}

// recognize hears one piece of speech to its end.
func (s *streamer) recognize(speech pcm.Speech, lang string) recognized {
	open, err := s.open()
	if err != nil {
		return recognized{}
	}
	defer open.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began := threadCPU()
	open.fed = speech.Duration()
	open.feed(speech)
	// A chunk is decoded when it is whole: silence makes the last one so.
	return open.heard(open.feed(make(pcm.Speech, pcm.Samples(s.about.Chunk+100*time.Millisecond))), lang, began)
}

// feed gives the network samples and has it decode every chunk that is whole. It gives all tokens so
// far. s.of.mu is held.
func (s *stream) feed(speech pcm.Speech) []token {
	lib, recognizer := s.of.lib, s.of.recognizer
	if len(speech) > 0 {
		lib.feedStream(s.handle, pcm.Rate, &speech[0], int32(len(speech)))
		runtime.KeepAlive(speech)
	}
	for lib.streamReady(recognizer, s.handle) != 0 {
		lib.decodeStream(recognizer, s.handle)
		if lib.streamEnds(recognizer, s.handle) != 0 {
			s.settled = append(s.settled, s.tokens()...)
			lib.resetStream(recognizer, s.handle)
		}
	}
	return slices.Concat(s.settled, s.tokens())
}

// tokens copies what was heard since the last pause. The library counts every output as four frames; a
// network that makes one of eight has its times stretched.
func (s *stream) tokens() []token {
	r := s.of.lib.streamResult(s.of.recognizer, s.handle)
	if r == nil {
		return nil
	}
	defer s.of.lib.freeResult(r)
	n := int(r.Count)
	if n <= 0 || r.Arr == nil || r.Timestamps == nil {
		return nil
	}
	var more struct {
		Start float64 `json:"start_time"` // of what is told, in seconds of the stream
	}
	if err := json.Unmarshal([]byte(goString(r.Json)), &more); err != nil {
		return nil
	}
	texts, starts := unsafe.Slice(r.Arr, n), unsafe.Slice(r.Timestamps, n)
	stretch := float32(s.of.about.Subsampling) / libraryFrames
	at := func(i int) time.Duration { return seconds(float32(more.Start) + stretch*starts[i]) }
	tokens := make([]token, 0, n)
	for i := range n {
		t := token{bytes: plainToken(goString(texts[i])), start: at(i), end: at(i) + lastToken}
		if i+1 < n {
			t.end = min(t.end, at(i+1))
		}
		tokens = append(tokens, t)
	}
	return spelled(tokens, goString(r.Text))
}

// spelled gives tokens of a network whose tokens are no text (bytes of icefall's vocabularies, say) the
// text that the library makes of them all, spread over their times.
func spelled(tokens []token, text string) []token {
	bare := func(s string) string { return strings.ReplaceAll(s, " ", "") }
	var joined strings.Builder
	for _, t := range tokens {
		joined.Write(t.bytes)
	}
	text = string(plainToken(text))
	if bare(joined.String()) == bare(text) {
		return tokens
	}
	runes := []rune(text)
	spread := make([]token, len(runes))
	for i, r := range runes {
		spread[i] = tokens[i*len(tokens)/len(runes)]
		spread[i].bytes = []byte(string(r))
	}
	return spread
}

func (s *stream) heard(tokens []token, lang string, began time.Duration) recognized {
	words := joinWords(tokens, s.fed)
	if lang == "" {
		lang = s.of.langOf(words)
	}
	return recognized{Lang: lang, Tokens: len(tokens), Words: words, CPU: threadCPU() - began}
}

// langOf is the language of words: such networks tell none, but what they are written in does.
func (s *streamer) langOf(words []parley.Word) string {
	knows := s.about.Languages
	if len(knows) == 1 {
		return knows[0]
	}
	for _, w := range words {
		for _, r := range w.Text {
			switch {
			case !unicode.Is(unicode.Han, r):
			case slices.Contains(knows, "yue") && !slices.Contains(knows, "zh"):
				return "yue"
			default:
				return "zh"
			}
		}
	}
	if len(words) == 0 {
		return ""
	}
	return "en"
}
