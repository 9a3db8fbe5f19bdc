package transcribe

import (
	"bytes"
	"compress/flate"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/parley/parley"
	"github.com/parley/parley/media/pcm"
)

// What a recognizer of Whisper's kind says when it has lost the thread.
const (
	// mostTokens is what anybody can say in a second: fast Mandarin is five characters, one or two
	// tokens each.
	mostTokens = 10
	// tokensFree lets a short utterance have a long word.
	tokensFree = 12
	// loopUnit and loopTimes: so many words, so often in a row, are a loop.
	loopUnit  = 6
	loopTimes = 4
	// mostDeflate is how well a text may be compressed: what people say in 20 s stays under 2.
	mostDeflate = 2.4
	// quiet is the level below which nothing is believed to be said, in dBFS.
	quiet = -55
)

// implausible reports whether nobody can have said this in that time.
func implausible(r Result, in time.Duration) bool {
	if float64(r.Tokens) > mostTokens*in.Seconds()+tokensFree {
		return true
	}
	if len(cutLoops(slices.Clone(r.Words))) != len(r.Words) {
		return true
	}
	text := r.Text()
	const tooShortToTell = 60
	return len(text) > tooShortToTell && deflateRatio(text) > mostDeflate
}

func deflateRatio(text string) float64 {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		return 0
	}
	_, _ = w.Write([]byte(text)) // a buffer takes everything
	_ = w.Close()
	return float64(len(text)) / float64(out.Len())
}

// cutLoops leaves one of what is said loopTimes or more in a row. It changes words.
func cutLoops(words []parley.Word) []parley.Word {
	for unit := 1; unit <= loopUnit; unit++ {
		for at := 0; at+unit*loopTimes <= len(words); at++ {
			times := 1
			for repeats(words, at, at+unit*times, unit) {
				times++
			}
			if times >= loopTimes {
				words = append(words[:at+unit], words[at+unit*times:]...)
			}
		}
	}
	return words
}

func repeats(words []parley.Word, a, b, unit int) bool {
	if b+unit > len(words) {
		return false
	}
	for i := range unit {
		if plain(words[a+i].Text) != plain(words[b+i].Text) {
			return false
		}
	}
	return true
}

// plain is a word without what does not matter for telling it from another.
func plain(word string) string {
	return strings.ToLower(strings.TrimFunc(word, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsPunct(r) }))
}

// stockPhrases are what Whisper has heard under so much silence that it hears them there itself.
func stockPhrases() []string {
	return []string{
		"thank you", "thanks for watching", "thank you for watching", "please subscribe", "you", "bye", "bye bye",
		"字幕由amaraorg社区提供", "字幕由amaraorg社區提供", "请不吝点赞订阅转发打赏支持明镜与点点栏目",
		"謝謝觀看", "谢谢观看", "谢谢大家", "謝謝大家", "多謝收看", "多谢收看",
	}
}

// dropNotes leaves out what a model writes about sounds, as in subtitles: [Music], (applause), ♪.
func dropNotes(words []parley.Word) []parley.Word {
	var kept []parley.Word
	inside := rune(0) // the bracket that is waited for
	for _, w := range words {
		text := strings.TrimSpace(w.Text)
		first, last := firstAndLast(text)
		if inside == 0 {
			inside = map[rune]rune{'[': ']', '(': ')', '（': '）', '【': '】'}[first]
			if inside == 0 && text != "♪" && text != "♫" {
				kept = append(kept, w)
				continue
			}
		}
		if last == inside || strings.ContainsRune(".,!?。，！？", last) && strings.ContainsRune(text, inside) {
			inside = 0
		}
	}
	if inside != 0 { // a bracket that nothing closes is no note
		return words
	}
	return kept
}

func firstAndLast(text string) (first, last rune) {
	for i, r := range text {
		if i == 0 {
			first = r
		}
		last = r
	}
	return first, last
}

// steady is by how much the loudness of a sound that is no speech varies, in dB between its quieter
// and its louder tenth: noise of a fan 1, speech 20, in much noise 5.
const steady = 2.5

// isSteady reports whether the loudness of a sound hardly varies.
func isSteady(s pcm.Speech) bool {
	var levels []float32
	for at := 0; at+Window <= len(s); at += Window {
		levels = append(levels, levelOf(s[at:at+Window]))
	}
	if len(levels) == 0 {
		return false
	}
	slices.Sort(levels)
	return levels[len(levels)*9/10]-levels[len(levels)/10] < steady
}

// What speech is like that is heard well.
const (
	// faint is the level below which words are guessed at, in dBFS.
	faint = quiet + 12
	// slowest is how many words or characters a second people say at least, over slowFrom: with less,
	// something was left out. Twice a minute's thinking aloud.
	slowest  = 0.5
	slowFrom = 5 * time.Second
	// settled is how much of one language somebody has spoken before another is a surprise.
	settled = 30 * time.Second
)

// doubtful reports whether a text may be wrong by what can be seen: it is faint, says too little for its
// time, or is in a language its speaker has not spoken.
func doubtful(r Result, s pcm.Speech, spoken prior) bool {
	if len(r.Words) == 0 {
		return false
	}
	rate := float64(len(r.Words)) / s.Duration().Seconds()
	usual := spoken.usual()
	return levelOf(s) < faint || s.Duration() >= slowFrom && rate < slowest ||
		usual != "" && spoken[usual] >= settled && spoken[r.Lang] == 0
}

// invented reports whether a text is a stock phrase over next to nothing, or anything over less, or
// over a sound that nobody can have made by speaking.
func invented(r Result, s pcm.Speech) bool {
	level := levelOf(s)
	if level < quiet || isSteady(s) {
		return true
	}
	var text strings.Builder
	for _, c := range strings.ToLower(r.Text()) {
		if unicode.IsLetter(c) || unicode.IsDigit(c) || c == ' ' {
			text.WriteRune(c)
		}
	}
	return level < faint && slices.Contains(stockPhrases(), strings.TrimSpace(text.String()))
}
