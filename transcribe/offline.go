package transcribe

import (
	"context"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/media/pcm"
)

// Spoken is one utterance of a file.
type Spoken struct {
	Start, End time.Duration
	Words      []parley.Word // times from the start of the file
	Text       string
	Lang       string
	Confidence parley.Confidence
	Engine     string
	Model      string
	CPU        time.Duration // that the engine took for it
}

// About is what is known of a file before it is heard.
type About struct {
	Lang  string   // the language it is in; "" leaves it open, utterance by utterance
	Terms []string // names and terms that are likely in it
	// Wait, or nil, is called before each utterance: what is more urgent goes first.
	Wait func(context.Context)
}

// File puts a sound file into words: speech is cut and recognized as in a meeting. tell is called
// with each utterance in order, and how much of the file was heard.
func File(
	ctx context.Context, s pcm.Speech, recognizer Recognizer, voices Voices, about About,
	tell func(u Spoken, done time.Duration) error,
) error {
	spoken, hot := prior{}, newHotWords(about.Terms)
	for _, found := range cutSpeech(ctx, s, voices) {
		if about.Wait != nil {
			about.Wait(ctx)
		}
		h, err := hear(ctx, recognizer, s[found.start:found.end], known{lang: about.Lang, spoken: spoken, hot: hot})
		if err != nil {
			return err
		}
		spoken.note(h.Lang, pcmDuration(found.end-found.start))
		u := Spoken{
			Start: pcmDuration(found.start), End: pcmDuration(found.end), Words: h.Words, Text: h.Text(),
			Lang: h.Lang, Confidence: h.confidence, Engine: h.Engine, Model: h.Model, CPU: h.CPU,
		}
		for i := range u.Words {
			u.Words[i].Start += u.Start
			u.Words[i].End += u.Start
		}
		if err := tell(u, u.End); err != nil {
			return err
		}
	}
	return nil
}

// cutSpeech cuts a whole file at once.
func cutSpeech(ctx context.Context, s pcm.Speech, voices Voices) []span {
	e := ear{voices: voices}
	defer e.close()
	var c cutter
	var found []span
	keep := func(f span, ok bool) {
		if f.end = min(f.end, len(s)); ok && f.start < f.end {
			found = append(found, f)
		}
	}
	const windows = 64
	for at := 0; at < len(s); at += windows * Window {
		piece := s[at:min(len(s), at+windows*Window)]
		if pad := len(piece) % Window; pad != 0 {
			piece = append(piece[:len(piece):len(piece)], make(pcm.Speech, Window-pad)...)
		}
		voiced, levels := e.hear(ctx, piece)
		for i := range voiced {
			keep(c.push(voiced[i], levels[i]))
		}
	}
	keep(c.flush())
	return found
}
