package transcribe

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/media/container"
	"github.com/parley/parley/media/pcm"
)

// heard is a result after the guards.
type heard struct {
	Result

	confidence parley.Confidence
	again      bool // the first text could not be, and was asked for again
	region     parley.Region
}

// decodeOgg decodes a whole utterance. A stretch that was lost (a packet of its TOC alone) is made up
// from what follows, as far as that tells.
func decodeOgg(file []byte) (pcm.Speech, error) {
	r, err := container.NewOggReader(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	decoder, err := pcm.NewDecoder()
	if err != nil {
		return nil, err
	}
	var speech pcm.Speech
	missing := time.Duration(0)
	bridge := func(next []byte) {
		if missing == 0 {
			return
		}
		before := len(speech)
		if missing <= concealed {
			speech, _ = decoder.Conceal(missing, next, speech) // silence will do
		}
		whole := before + pcm.Samples(missing)
		speech = append(speech, make(pcm.Speech, max(0, whole-len(speech)))...)
		missing = 0
	}
	for {
		packet, samples, err := r.Next()
		if errors.Is(err, io.EOF) {
			bridge(nil)
			return speech, nil
		}
		if err != nil {
			return nil, err
		}
		duration := time.Duration(samples) * time.Second / container.OpusRate
		if len(packet) <= 1 {
			missing += duration
			continue
		}
		bridge(packet)
		before := len(speech)
		if speech, err = decoder.Decode(packet, speech); err != nil {
			speech = append(speech[:before], make(pcm.Speech, pcm.Samples(duration))...)
		}
	}
}

// brief is how short an utterance is whose language the engine cannot be trusted to guess: "ok, sure"
// is heard as any.
const brief = 3 * time.Second

// prior is how long one speaker has spoken each language so far.
type prior map[string]time.Duration

// note adds an utterance that was heard; a brief one tells nothing.
func (p prior) note(lang string, d time.Duration) {
	if d >= brief {
		p[lang] += d
	}
}

// usual is the language somebody speaks most, "" until that is known.
func (p prior) usual() string {
	best := ""
	for _, lang := range Languages() {
		if p[lang] > p[best] {
			best = lang
		}
	}
	return best
}

// known is what is known before an utterance is heard.
type known struct {
	lang   string // the language it is in; "" when that is open
	spoken prior  // what its speaker has spoken so far
	terms  []string
	hot    hotWords // made of terms; empty until it is heard
	region parley.Region
}

// hear recognizes one utterance. The first text is asked for again, in halves and with its language
// locked, when it cannot be what was said; and in the speaker's usual language when it is brief.
func hear(ctx context.Context, r Recognizer, s pcm.Speech, k known) (heard, error) {
	lang, spoken := k.lang, k.spoken
	usual := spoken.usual()
	if lang == "" && usual != "" && s.Duration() < brief {
		lang = usual
	}
	h := heard{confidence: parley.Clear, region: k.region}
	if err := h.ask(ctx, r, s, lang); err != nil || len(h.Words) == 0 {
		return h, err
	}
	if lang == "" && !spokenHere(h.Lang) {
		// Nobody speaks it here: a language guessed wrongly, as it often is for Cantonese.
		h.again, h.confidence = true, parley.Unsure
		if usual == "" {
			usual = nearest(h.Lang)
		}
		if err := h.ask(ctx, r, s, usual); err != nil {
			return h, err
		}
	}
	if implausible(h.Result, s.Duration()) {
		h.again, h.confidence = true, parley.Unsure
		if err := h.askParts(ctx, r, s, mostHalvings); err != nil {
			return h, err
		}
	}
	h.Words = dropNotes(h.Words)
	if invented(h.Result, s) {
		h.Words, h.confidence = nil, parley.HardlyHeard
	}
	if h.Lang == "zh" && cantonese(h.Text()) {
		h.Lang = "yue"
	}
	h.Words = k.hot.correct(h.Words, h.Lang)
	if h.confidence == parley.Clear && doubtful(h.Result, s, spoken) {
		h.confidence = parley.Unsure
	}
	return h, nil
}

// spokenHere reports whether a language is one that people here speak.
func spokenHere(lang string) bool { return slices.Contains(Languages(), lang) }

// nearest is the language to try when a guess is none that is spoken here.
func nearest(guess string) string {
	switch guess {
	case "vi", "th", "ja", "ko", "my", "lo", "km":
		return "zh"
	}
	return "en"
}

// ask has speech recognized, and adds what that cost.
func (h *heard) ask(ctx context.Context, r Recognizer, s pcm.Speech, lang string) error {
	result, err := r.Recognize(ctx, s, Hint{Lang: lang, Region: h.region})
	result.CPU += h.CPU
	h.Result = result
	return err
}

const (
	// mostHalvings is how often speech that makes no sense is cut in two: 20 s become 5.
	mostHalvings = 2
	// leastPart is what is not cut any more: the model guesses worse, the less it hears.
	leastPart = 3 * time.Second
)

// askParts recognizes speech in two parts, cut where it is quietest near the middle, each part again
// in two if need be, and cuts loops that are still there.
func (h *heard) askParts(ctx context.Context, r Recognizer, s pcm.Speech, halvings int) error {
	middle := quietest(s, len(s)/3, 2*len(s)/3)
	lang := h.Lang
	var words []parley.Word
	tokens := 0
	for _, part := range []span{{0, middle}, {middle, len(s)}} {
		piece := s[part.start:part.end]
		if err := h.ask(ctx, r, piece, lang); err != nil {
			return err
		}
		if halvings > 1 && piece.Duration() > leastPart && implausible(h.Result, piece.Duration()) {
			if err := h.askParts(ctx, r, piece, halvings-1); err != nil {
				return err
			}
		}
		found := cutLoops(h.Words)
		for i := range found {
			found[i].Start += pcmDuration(part.start)
			found[i].End += pcmDuration(part.start)
		}
		if len(found) > 0 && len(words) > 0 && spaced(lang) {
			found[0].Text = " " + found[0].Text
		}
		words = append(words, found...)
		tokens += h.Tokens
	}
	h.Words, h.Tokens = words, tokens
	return nil
}

// cantonese reports whether Chinese text has characters that only Cantonese is written with.
func cantonese(text string) bool {
	return strings.ContainsAny(text, "嘅咗啲哋喺佢冇嚟嗰唔咁嘢")
}

// spaced reports whether a language puts spaces between words.
func spaced(lang string) bool { return lang != "zh" && lang != "yue" }

// quietest finds the quietest window between two samples.
func quietest(s pcm.Speech, from, to int) int {
	best, lowest := (from+to)/2, float32(1)
	for at := from; at+Window <= to; at += Window {
		if level := levelOf(s[at : at+Window]); level < lowest {
			best, lowest = at+Window/2, level
		}
	}
	return best
}
