package transcribe

import (
	"context"
	"time"

	"github.com/parley/parley"
)

// Task is everything that is needed to hear one utterance, and nothing else of its meeting.
type Task struct {
	Kind      parley.JobKind // JobTranscribe or JobAgain
	Region    parley.Region
	Utterance parley.UtteranceID // names it in a log
	Audio     []byte             // Ogg Opus
	Language  string             // the language it is in; "" when that is open
	// Spoken is how long its speaker has spoken each language so far; nil when Language is set.
	Spoken map[string]time.Duration
	Terms  []string // names and terms that are likely in it
}

// Answer is what was heard of a task. Words is empty when nothing intelligible was.
type Answer struct {
	Words      []parley.Word // times from the start of the utterance; they rise
	Lang       string        // BCP 47; "" when unknown
	Confidence parley.Confidence
	Engine     string // "sherpa"
	Model      string // "whisper-base"
	Guarded    bool   // the first text could not be, and was asked for again
}

// Tasks gives out what is to be heard: a Transcriber itself, or a server elsewhere.
type Tasks interface {
	// Claim blocks until there is a task of that kind and region, or ctx ends. Invalid, Unauthorized,
	// Forbidden and NotFound do not go away by asking again.
	Claim(ctx context.Context, kind parley.JobKind, in parley.Region) (Held, error)
}

// Held is a claimed task under a lease: 20 s, if it is not extended. It is ended by one Answer that succeeds, or by Fail.
type Held interface {
	Task() Task
	// Extend keeps the lease; Conflict when it is lost: somebody else hears the utterance.
	Extend(ctx context.Context) error
	// Answer stores the words. It may be called again when it failed.
	Answer(ctx context.Context, a Answer) error
	// Fail gives the task back. A cause that is Unavailable is nobody's fault and leaves no trace; any other
	// counts as an attempt on the utterance, which is parked after the last.
	Fail(ctx context.Context, cause error) error
}

// known is what the task tells before it is heard.
func (t Task) known() known {
	return known{lang: t.Language, spoken: t.Spoken, hot: newHotWords(t.Terms), region: t.Region}
}
