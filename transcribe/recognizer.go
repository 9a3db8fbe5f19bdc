package transcribe

import (
	"context"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/media/pcm"
)

// Recognizer turns speech into words. Implementations are safe for concurrent use.
type Recognizer interface {
	// Recognize hears at most MaxSpeech of speech; more is Invalid. It blocks until the words are
	// there, ctx ends or the engine's own deadline passes. Unavailable means that the engine is not
	// running and did not look at the speech; any other error may be the speech's own fault.
	Recognize(ctx context.Context, s pcm.Speech, h Hint) (Result, error)
}

// Health is an optional ability of a Recognizer: to tell whether it could be asked now.
type Health interface {
	// Words reports whether an engine is running, and if not, a sentence that says why.
	Words() (ok bool, missing string)
}

// Hint is what is known of a piece of speech before it is heard.
type Hint struct {
	Lang   string        // the language to decode as, "en", "zh" or "yue"; "" leaves it to the engine
	Region parley.Region // where it rests: no engine of another region may hear it; "" on this machine
	// Draft marks an utterance under way, which is heard again: an engine gives it up rather than try twice.
	Draft bool
}

// Result is what was heard. Words is empty when nothing was.
type Result struct {
	Words  []parley.Word // times from the start of the speech; they rise
	Lang   string        // as detected, or as hinted; "" when unknown
	Tokens int           // how many pieces the engine made; 0 when it does not tell
	Engine string        // "sherpa"
	Model  string        // "whisper-base"
	CPU    time.Duration // that the engine's thread took; 0 when it does not tell
}

// Text joins the words.
func (r Result) Text() string { return textOf(r.Words) }

// Streams is an optional ability of a Recognizer: words while somebody speaks, without hearing the same
// sound again and again. It is safe for concurrent use.
type Streams interface {
	// Streaming reports whether a model does that at all.
	Streaming() bool
	// Stream begins to hear one utterance in a language, "" where that is open. NotFound means that no
	// model here does that, Unavailable that the engine is not running. It does not wait for one.
	Stream(ctx context.Context, lang string) (Stream, error)
}

// Stream hears one utterance as it grows. It is used by one goroutine.
type Stream interface {
	// Hear takes the next samples, at most MaxSpeech, and gives all that was heard so far, times from the
	// start of the stream. The last word may still change. After an error the stream is of no use any more.
	Hear(ctx context.Context, s pcm.Speech) (Result, error)
	Close()
}

// Voices opens voice detectors. It is safe for concurrent use.
type Voices interface {
	// Listen opens the detector of one track; Unavailable while the engine restarts.
	Listen(ctx context.Context) (Voice, error)
}

// Voice finds speech in one track. It is used by one goroutine.
type Voice interface {
	// Hear takes the next whole windows of a track, len(s) a multiple of Window, and says of each
	// whether somebody speaks in it. After an error the detector is of no use any more.
	Hear(ctx context.Context, s pcm.Speech) ([]bool, error)
	Close()
}

// Window is the number of samples a detector decides about: 32 ms, what silero was trained on.
const Window = 512

// MaxSpeech is the longest piece of speech a recognizer is given. Whisper hears 30 s and drops the
// rest without a word.
const MaxSpeech = 28 * time.Second
