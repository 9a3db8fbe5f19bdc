package sherpa

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/media/pcm"
	"github.com/parley/parley/transcribe"
)

// hello is what the child says of itself once it can be asked.
type hello struct {
	Library     string `json:"library"` // version
	Model       string `json:"model"`
	Voice       string `json:"voice"`
	Streaming   string `json:"streaming"`    // the model of streams; "" for none
	MemoryBytes int64  `json:"memory_bytes"` // resident, models included
}

// recognized is what was heard in one piece of speech.
type recognized struct {
	Lang   string        `json:"lang"`
	Tokens int           `json:"tokens"`
	Words  []parley.Word `json:"words"` // times from the start of the speech
	CPU    time.Duration `json:"cpu"`   // of the thread that decoded
}

// appendSamples writes samples as 32-bit floats, little-endian.
func appendSamples(b []byte, s pcm.Speech) []byte {
	for _, sample := range s {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(sample))
	}
	return b
}

// parseSamples reads what appendSamples wrote. What is no number becomes silence: a model would
// carry it on for ever.
func parseSamples(b []byte) (pcm.Speech, error) {
	if len(b) == 0 || len(b)%4 != 0 {
		return nil, fmt.Errorf("%d bytes are not samples", len(b))
	}
	s := make(pcm.Speech, len(b)/4)
	for i := range s {
		sample := math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		if sample >= -8 && sample <= 8 { // false for a NaN
			s[i] = sample
		}
	}
	return s, nil
}

func hearRequest(detector uint32, s pcm.Speech) []byte {
	b := make([]byte, 0, 4+4*len(s))
	return appendSamples(binary.LittleEndian.AppendUint32(b, detector), s)
}

func parseHearRequest(b []byte) (detector uint32, s pcm.Speech, err error) {
	if detector, err = parseDetector(b); err != nil {
		return 0, nil, err
	}
	if s, err = parseSamples(b[4:]); err != nil {
		return 0, nil, err
	}
	if len(s)%transcribe.Window != 0 {
		return 0, nil, fmt.Errorf("%d samples are not whole windows", len(s))
	}
	return detector, s, nil
}

func leaveRequest(detector uint32) []byte { return binary.LittleEndian.AppendUint32(nil, detector) }

func parseDetector(b []byte) (uint32, error) {
	if len(b) < 4 {
		return 0, errors.New("no detector is named")
	}
	return binary.LittleEndian.Uint32(b), nil
}

// request is one piece of speech to recognize.
type request struct {
	lang   string // "" leaves it open
	draft  bool   // it is heard again: sooner is better than well
	speech pcm.Speech
}

func recognizeRequest(r request) []byte {
	b := make([]byte, 0, 2+len(r.lang)+4*len(r.speech))
	b = append(b, 0, byte(len(r.lang)))
	if r.draft {
		b[0] = 1
	}
	return appendSamples(append(b, r.lang...), r.speech)
}

func parseRecognizeRequest(b []byte) (r request, err error) {
	if len(b) < 2 || len(b) < 2+int(b[1]) {
		return r, errors.New("no language is named")
	}
	r.draft = b[0] != 0
	lang := string(b[2 : 2+b[1]])
	if !whisperLanguage(lang) {
		return r, fmt.Errorf("language %q is not one the model knows", lang)
	}
	r.lang = lang
	r.speech, err = parseSamples(b[2+b[1]:])
	if err == nil && r.speech.Duration() > transcribe.MaxSpeech {
		err = fmt.Errorf("%v of speech; the limit is %v", r.speech.Duration(), transcribe.MaxSpeech)
	}
	return r, err
}

// whisperLanguages are the languages of the multilingual Whisper models before version 3.
const whisperLanguages = " en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu " +
	"ta no th ur hr bg lt la mi ml cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si " +
	"km sn yo so af oc ka be tg sd gu am yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su "

// whisperLanguage reports whether a language may be asked for: one of Whisper's, or Cantonese, which is
// never asked of Whisper. An unknown one would end the child.
func whisperLanguage(lang string) bool {
	return lang == "" || lang == "yue" || !strings.Contains(lang, " ") && strings.Contains(whisperLanguages, " "+lang+" ")
}

// parseHello reads the child's greeting and refuses one of another version.
func parseHello(b []byte) (hello, error) {
	var h hello
	if err := json.Unmarshal(b, &h); err != nil {
		return h, fmt.Errorf("a hello that is not JSON: %w", err)
	}
	if h.Library != Version {
		return h, fmt.Errorf("a hello of version %q, not %s", h.Library, Version)
	}
	return h, nil
}

// parseHeard reads the decisions about n windows.
func parseHeard(b []byte, n int) ([]bool, error) {
	if len(b) != n {
		return nil, fmt.Errorf("%d decisions about %d windows", len(b), n)
	}
	heard := make([]bool, n)
	for i, v := range b {
		heard[i] = v != 0
	}
	return heard, nil
}

// parseRecognized reads what was heard in speech of a length. Times outside it, or that fall, are an
// error: the words would be shown at another place.
func parseRecognized(b []byte, length time.Duration) (recognized, error) {
	var r recognized
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("words that are not JSON: %w", err)
	}
	var last time.Duration
	for i, w := range r.Words {
		if w.Start < last || w.End < w.Start || w.End > length {
			return r, fmt.Errorf("word %d has times out of order", i)
		}
		last = w.Start
	}
	return r, nil
}
