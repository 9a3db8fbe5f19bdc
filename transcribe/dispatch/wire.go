package dispatch

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/parley/parley"
	"github.com/parley/parley/transcribe"
)

// Protocol is the version that both sides must speak: it changes with what is on the wire.
const Protocol = 1

// Path is where the interface is on the server.
const Path = "/api/v1/worker"

const (
	maxRequest = 4 << 10   // bytes of a claim or a failure
	maxAnswer  = 256 << 10 // bytes of an answer: a thousand words with times are 80 kB
	maxTask    = 8 << 20   // bytes of a task: 4 MB of sound in base64, and terms
	maxAudio   = 4 << 20
	maxTerms   = 10_000
	maxTerm    = 200   // bytes of a word or term; what is longer is none
	maxWords   = 2_000 // 28 s hold 300
	maxName    = 64    // of an engine or a model
	maxRegions = 100
	// longestAudio bounds the times of words; utterances are cut at 28 s.
	longestAudio = time.Minute
)

// greeting is what the server tells of itself.
type greeting struct {
	Protocol int             `json:"protocol"`
	Version  string          `json:"version"`
	Regions  []parley.Region `json:"regions"` // that the token is good for
}

// claim asks for a task.
type claim struct {
	Protocol int            `json:"protocol"`
	Kind     parley.JobKind `json:"kind"`
	Region   parley.Region  `json:"region"`
	WaitMS   int64          `json:"wait_ms"` // how long to wait for one
}

// task is transcribe.Task on the wire, with its lease.
type task struct {
	Lease     string             `json:"lease"`
	Kind      parley.JobKind     `json:"kind"`
	Region    parley.Region      `json:"region"`
	Utterance parley.UtteranceID `json:"utterance"`
	Language  string             `json:"language,omitempty"`
	SpokenMS  map[string]int64   `json:"spoken_ms,omitempty"`
	Terms     []string           `json:"terms,omitempty"`
	Audio     []byte             `json:"audio"` // Ogg Opus in base64
}

// answer is transcribe.Answer on the wire.
type answer struct {
	Words      []word            `json:"words"`
	Lang       string            `json:"lang"`
	Confidence parley.Confidence `json:"confidence"`
	Engine     string            `json:"engine"`
	Model      string            `json:"model"`
	Guarded    bool              `json:"guarded,omitempty"`
}

type word struct {
	Text    string `json:"text"`
	StartMS int64  `json:"start_ms"`
	EndMS   int64  `json:"end_ms"`
	Heard   string `json:"heard,omitempty"`
}

// failure says whose fault it is that a task is not answered.
type failure struct {
	Reason reason `json:"reason"`
}

type reason string

const (
	reasonEngine reason = "engine" // the worker's: another will do better
	reasonSpeech reason = "speech" // what was said cannot be heard
)

// invalid is an error for whoever sent something that is wrong.
func invalid(format string, args ...any) error {
	return &parley.Error{Op: "read worker message", Kind: parley.Invalid, Say: fmt.Sprintf(format, args...)}
}

// decode reads one JSON value of at most limit bytes, and nothing after it.
func decode(from io.Reader, limit int64, into any) error {
	text, err := io.ReadAll(io.LimitReader(from, limit+1))
	switch {
	case err != nil:
		return fmt.Errorf("read worker message: %w: %w", parley.Unavailable, err)
	case int64(len(text)) > limit:
		return &parley.Error{
			Op: "read worker message", Kind: parley.TooLarge, Say: fmt.Sprintf("A message has at most %d bytes.", limit),
		}
	}
	if json.Unmarshal(text, into) != nil { // its text may quote what somebody said
		return invalid("That is no message of parley's worker protocol %d.", Protocol)
	}
	return nil
}

// check refuses a claim that makes no sense, whoever sent it.
func (c claim) check() error {
	switch {
	case c.Protocol != Protocol:
		return invalid("This server speaks worker protocol %d and the worker %d; run the same version of parley on both.",
			Protocol, c.Protocol)
	case c.Kind != parley.JobTranscribe && c.Kind != parley.JobAgain:
		return invalid("Workers are given the kinds transcribe and again.")
	case c.WaitMS < 0:
		return invalid("wait_ms is negative.")
	}
	return nil
}

// wait is how long a claim that was checked may wait.
func (c claim) wait() time.Duration {
	return time.Duration(min(c.WaitMS, longestWait.Milliseconds())) * time.Millisecond
}

// wireTask cuts terms that nobody needs.
func wireTask(lease string, t transcribe.Task) task {
	w := task{
		Lease: lease, Kind: t.Kind, Region: t.Region, Utterance: t.Utterance, Language: t.Language, Audio: t.Audio,
		SpokenMS: map[string]int64{},
	}
	for lang, d := range t.Spoken {
		w.SpokenMS[lang] = d.Milliseconds()
	}
	for _, term := range t.Terms[:min(len(t.Terms), maxTerms)] {
		if len(term) <= maxTerm {
			w.Terms = append(w.Terms, term)
		}
	}
	return w
}

// task checks what a server sent as the task of a kind and region.
func (t task) task(kind parley.JobKind, in parley.Region) (transcribe.Task, error) {
	switch {
	case t.Lease == "" || len(t.Lease) > maxName || strings.ContainsFunc(t.Lease, func(r rune) bool { return !isPlain(r) }):
		return transcribe.Task{}, invalid("The task has no lease.")
	case t.Kind != kind || t.Region != in:
		return transcribe.Task{}, invalid("The task is not what was asked for.")
	case len(t.Audio) > maxAudio || len(t.Utterance) > maxName || len(t.Terms) > maxTerms:
		return transcribe.Task{}, invalid("The task is over a limit.")
	case t.Language != "" && !slices.Contains(transcribe.Languages(), t.Language):
		return transcribe.Task{}, invalid("The task is in a language that this version does not know.")
	}
	made := transcribe.Task{
		Kind: t.Kind, Region: t.Region, Utterance: t.Utterance, Language: t.Language, Audio: t.Audio, Terms: t.Terms,
		Spoken: map[string]time.Duration{},
	}
	for lang, ms := range t.SpokenMS {
		const year = int64(365 * 24 * time.Hour / time.Millisecond)
		made.Spoken[lang] = time.Duration(min(max(ms, 0), year)) * time.Millisecond
	}
	return made, nil
}

// isPlain reports whether a rune may stand in a lease: it becomes part of an address.
func isPlain(r rune) bool {
	return r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9'
}

// wireAnswer makes words that the server accepts of whatever an engine says: what it says wrongly is no reason
// to lose the rest.
func wireAnswer(a transcribe.Answer) answer {
	w := answer{
		Words: []word{}, Lang: a.Lang, Confidence: a.Confidence, Engine: a.Engine, Model: a.Model, Guarded: a.Guarded,
	}
	last := int64(0)
	for _, said := range a.Words[:min(len(a.Words), maxWords)] {
		text := shown(said.Text)
		if text == "" {
			continue
		}
		last = max(last, min(said.Start, longestAudio).Milliseconds())
		w.Words = append(w.Words, word{text, last, max(last, min(said.End, longestAudio).Milliseconds()), shown(said.Heard)})
	}
	return w
}

// shown is what of a text isText accepts; a text that it accepts stays as it is.
func shown(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	for len(s) > maxTerm {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

// language is the form of a tag, BCP 47.
var language = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}$`)

// answer checks what a worker sent: it becomes part of a record.
func (a answer) answer() (transcribe.Answer, error) {
	made := transcribe.Answer{
		Lang: a.Lang, Confidence: a.Confidence, Engine: a.Engine, Model: a.Model, Guarded: a.Guarded,
	}
	switch {
	case len(a.Words) > maxWords:
		return made, invalid("An answer has at most %d words.", maxWords)
	case a.Lang != "" && !language.MatchString(a.Lang):
		return made, invalid("lang is not a language tag.")
	case !slices.Contains([]parley.Confidence{
		parley.ConfidenceUnknown, parley.Clear, parley.Unsure, parley.HardlyHeard,
	}, a.Confidence):
		return made, invalid("confidence is none of those there are.")
	case !isName(a.Engine) || !isName(a.Model):
		return made, invalid("engine and model have 1 to %d characters that can be printed.", maxName)
	}
	last := time.Duration(0)
	for i, w := range a.Words {
		if !isText(w.Text) || w.Text == "" || !isText(w.Heard) {
			return made, invalid("words[%d] is no text of at most %d bytes.", i, maxTerm)
		}
		if w.StartMS < 0 || w.EndMS < w.StartMS || w.EndMS > longestAudio.Milliseconds() {
			return made, invalid("words[%d] is not within the utterance.", i)
		}
		said := parley.Word{
			Text: w.Text, Start: time.Duration(w.StartMS) * time.Millisecond, End: time.Duration(w.EndMS) * time.Millisecond,
			Heard: w.Heard,
		}
		if said.Start < last {
			return made, invalid("words[%d] is before the word before it.", i)
		}
		last = said.Start
		made.Words = append(made.Words, said)
	}
	return made, nil
}

func isName(s string) bool { return s != "" && len(s) <= maxName && isText(s) }

// isText reports whether s is short and can be shown.
func isText(s string) bool {
	return len(s) <= maxTerm && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
