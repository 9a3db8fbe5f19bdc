//go:build linux && (amd64 || arm64)

package sherpa

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/parley/parley/media/pcm"
	"github.com/parley/parley/transcribe"
	"github.com/parley/parley/transcribe/model"
)

// models is what the child has loaded: one recognizer, whose language changes between decodes, and
// what voice detectors and streams are made from. All three may be used at the same time.
type models struct {
	lib      *library
	bytes    tokenBytes // nil for models whose tokens are text
	voice    *voiceConfig
	streamer *streamer // or nil
	streams  bool      // the recognizer is the streamer

	mu         sync.Mutex // guards all below: one decode at a time
	recognizer uintptr
	config     *recognizerConfig // its strings are kept alive by it
}

// loadModels loads the library and the recognizer. A damaged model ends the process.
func loadModels(f Files) (*models, error) {
	lib, err := openLibrary(f.Library)
	if err != nil {
		return nil, err
	}
	m, err := loadRecognizer(lib, f)
	if err != nil || m.streams || f.Streaming == "" {
		return m, err
	}
	m.streamer, err = loadStreamer(lib, f.Streaming)
	return m, err
}

// loadRecognizer loads what hears whole utterances.
func loadRecognizer(lib *library, f Files) (*models, error) {
	if f.model() != modelName {
		directory := filepath.Join(f.Models, f.model())
		if _, err := model.StreamingIn(directory); err != nil {
			return loadSenseVoice(lib, f)
		}
		s, err := loadStreamer(lib, directory)
		return &models{lib: lib, voice: newVoiceConfig(f.path(voiceWeight())), streamer: s, streams: true}, err
	}
	table, err := os.ReadFile(f.path(tokensWeight()))
	if err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	recoded, err := recodeTokens(table)
	if err != nil {
		return nil, err
	}
	tokens, err := memoryFile("tokens", recoded)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tokens.Close() }() // it is read once, when the recognizer is made
	m := &models{lib: lib, bytes: newTokenBytes(), voice: newVoiceConfig(f.path(voiceWeight()))}
	m.config = newRecognizerConfig(f, fmt.Sprintf("/proc/self/fd/%d", tokens.Fd()))
	if m.recognizer = lib.createRecognizer(m.config); m.recognizer == 0 {
		return nil, errors.New("the library refuses the recognizer's configuration")
	}
	return m, nil
}

// loadSenseVoice loads a SenseVoice model: it tells languages apart by itself, and its tokens are text.
func loadSenseVoice(lib *library, f Files) (*models, error) {
	directory := filepath.Join(f.Models, f.model())
	network, err := senseVoiceFile(directory)
	if err != nil {
		return nil, fmt.Errorf("find the network of %s: %w", f.model(), err)
	}
	m := &models{lib: lib, voice: newVoiceConfig(f.path(voiceWeight())), config: &recognizerConfig{}}
	m.config.Feat_config = featureConfig{Sample_rate: pcm.Rate, Feature_dim: 80}
	m.config.Model_config.Sense_voice = senseVoiceConfig{Model: cString(network), Language: cString("auto"), Itn: 1}
	m.config.Model_config.Tokens = cString(filepath.Join(directory, "tokens.txt"))
	m.config.Model_config.Num_threads = 1
	m.config.Model_config.Provider = cString("cpu")
	m.config.Decoding_method = cString("greedy_search")
	if m.recognizer = lib.createRecognizer(m.config); m.recognizer == 0 {
		return nil, errors.New("the library refuses the recognizer's configuration")
	}
	return m, nil
}

// memoryFile is a file that no directory has and no crash leaves behind.
func memoryFile(name string, content []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, 0)
	if err != nil {
		return nil, fmt.Errorf("make a file in memory: %w", err)
	}
	file := os.NewFile(uintptr(fd), name)
	if _, err := file.Write(content); err != nil {
		return nil, errors.Join(fmt.Errorf("write a file in memory: %w", err), file.Close())
	}
	return file, nil
}

func newRecognizerConfig(f Files, tokens string) *recognizerConfig {
	c := &recognizerConfig{}
	c.Feat_config = featureConfig{Sample_rate: pcm.Rate, Feature_dim: 80}
	c.Model_config.Whisper = whisperConfig{
		Encoder: cString(f.path(encoderWeight())), Decoder: cString(f.path(decoderWeight())), Language: cString(""),
		Task: cString("transcribe"), Enable_token_timestamps: 1,
	}
	c.Model_config.Tokens = cString(tokens)
	c.Model_config.Num_threads = 1 // more threads spin: twice the CPU for little time
	c.Model_config.Provider = cString("cpu")
	c.Decoding_method = cString("greedy_search")
	return c
}

// briefest is one window, in seconds: zero would mean half a second of silence and a quarter of speech.
const briefest = 0.032

// newVoiceConfig asks silero for bare decisions: what is too short or too long is the cutter's to
// say. Its own buffer is emptied after every window.
func newVoiceConfig(model string) *voiceConfig {
	return &voiceConfig{
		Silero_vad: sileroConfig{
			Model: cString(model), Threshold: 0.5, Window_size: transcribe.Window, Max_speech_duration: 60,
			Min_silence_duration: briefest, Min_speech_duration: briefest,
		},
		Sample_rate: pcm.Rate, Num_threads: 1, Provider: cString("cpu"),
	}
}

// draftPadding is the silence that Whisper is given after speech that it hears again anyway, in frames of
// 10 ms. With the library's 10 s it finds the end more surely, and takes a third longer.
const draftPadding = 300

// recognize decodes one piece of speech. It blocks for about an eighth of the speech's length.
func (m *models) recognize(r request) recognized {
	s := r.speech
	if m.streams {
		return m.streamer.recognize(s, r.lang)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	runtime.LockOSThread() // the model runs on the thread that asks
	defer runtime.UnlockOSThread()
	began := threadCPU()
	if m.bytes != nil { // others end the process when they are told
		m.config.Model_config.Whisper.Language, m.config.Model_config.Whisper.Tail_paddings = cString(r.lang), 0
		if r.draft {
			m.config.Model_config.Whisper.Tail_paddings = draftPadding
		}
		m.lib.setLanguage(m.recognizer, m.config)
	}
	stream := m.lib.createStream(m.recognizer)
	defer m.lib.destroyStream(stream)
	m.lib.acceptSpeech(stream, pcm.Rate, &s[0], int32(len(s)))
	m.lib.decode(m.recognizer, stream)
	result := m.lib.getResult(stream)
	runtime.KeepAlive(s)
	if result == nil {
		return recognized{}
	}
	defer m.lib.destroyResult(result)
	tokens := m.tokens(result)
	return recognized{
		Lang: plainLanguage(goString(result.Lang)), Tokens: len(tokens), Words: joinWords(tokens, s.Duration()),
		CPU: threadCPU() - began,
	}
}

// threadCPU is how long the calling thread has computed; 0 when Linux does not tell.
func threadCPU() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// tokens copies the tokens out of a result. Models that tell no durations say when each begins.
func (m *models) tokens(r *recognizerResult) []token {
	n := int(r.Count)
	if n <= 0 || r.Tokens_arr == nil || r.Timestamps == nil {
		return nil
	}
	texts, starts := unsafe.Slice(r.Tokens_arr, n), unsafe.Slice(r.Timestamps, n)
	tokens := make([]token, 0, n)
	for i := range n {
		t := token{start: seconds(starts[i])}
		switch {
		case r.Durations != nil:
			t.end = t.start + seconds(unsafe.Slice(r.Durations, n)[i])
		case i+1 < n:
			t.end = seconds(starts[i+1])
		default:
			t.end = t.start + lastToken
		}
		text := goString(texts[i])
		if m.bytes != nil {
			t.bytes = m.bytes.decode(text)
		} else {
			t.bytes = plainToken(text)
		}
		tokens = append(tokens, t)
	}
	return tokens
}

const (
	// lastToken is how long the last token is taken to be: a syllable.
	lastToken = 200 * time.Millisecond
	// wordMark stands for the space in front of a word in tokens of SentencePiece.
	wordMark = "\u2581"
)

// plainToken is a token of SentencePiece as text.
func plainToken(text string) []byte { return []byte(strings.ReplaceAll(text, wordMark, " ")) }

// plainLanguage is "yue" for "<|yue|>", as SenseVoice writes it.
func plainLanguage(lang string) string {
	return strings.TrimSuffix(strings.TrimPrefix(lang, "<|"), "|>")
}

func seconds(s float32) time.Duration { return time.Duration(float64(s) * float64(time.Second)) }

// voice is one silero detector. It is not safe for concurrent use.
type voice struct {
	lib    *library
	handle uintptr
}

// voiceContext is how many samples before a window silero wants to see with it: the library decides
// about a window only when that many samples after it have come. Silence is put in front instead, so
// that a window is decided about as soon as it is whole.
const voiceContext = 64

func (m *models) newVoice() (*voice, error) {
	const bufferSeconds = 120 // twice the longest speech it keeps
	v := &voice{m.lib, m.lib.createVoice(m.voice, bufferSeconds)}
	if v.handle == 0 {
		return nil, errors.New("the library refuses the voice detector's configuration")
	}
	var silence [voiceContext]float32
	m.lib.acceptVoice(v.handle, &silence[0], voiceContext)
	return v, nil
}

// hear decides about whole windows, a byte each: 1 for speech. The library copies all of a segment of speech
// with each window that goes on with it: it is given up at once. What the network remembers stays.
func (v *voice) hear(s pcm.Speech) []byte {
	heard := make([]byte, 0, len(s)/transcribe.Window)
	for ; len(s) >= transcribe.Window; s = s[transcribe.Window:] {
		v.lib.acceptVoice(v.handle, &s[0], transcribe.Window)
		heard = append(heard, byte(v.lib.voiceHeard(v.handle)))
		v.lib.flushVoice(v.handle)
		v.lib.clearVoice(v.handle)
	}
	runtime.KeepAlive(s)
	return heard
}

func (v *voice) close() { v.lib.destroyVoice(v.handle) }
