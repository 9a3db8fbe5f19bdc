package transcribe

import (
	"context"
	"time"

	"github.com/parley/parley"
)

// heeded is an utterance that a stream hears. It is owned by the interim worker.
type heeded struct {
	stream Stream
	to     int           // sample up to which it has heard
	start  time.Duration // of its first sample, meeting clock
}

// openStreams are the streams of utterances under way. It is owned by the interim worker.
type openStreams map[*growing]*heeded

func (o openStreams) close(g *growing) {
	if h := o[g]; h != nil {
		delete(o, g)
		h.stream.Close()
	}
}

func (o openStreams) closeEnded(ended []*growing) {
	for _, g := range ended {
		o.close(g)
	}
}

func (o openStreams) closeAll() {
	for g := range o {
		o.close(g)
	}
}

// streamed reports whether a stream hears an utterance, and opens one where a model does that in its
// language: that which its speaker speaks, as long as nothing tells.
func (t *Transcriber) streamed(ctx context.Context, g *growing, lang string, streams openStreams) bool {
	if streams[g] != nil {
		return true
	}
	if t.streams == nil || g.deaf {
		return false
	}
	if lang == "" {
		lang = g.known.spoken.usual()
	}
	stream, err := t.streams.Stream(ctx, lang)
	if err != nil {
		g.deaf = true // it is decoded instead
		return false
	}
	streams[g] = &heeded{stream: stream, to: -1}
	return true
}

// tellStreamed has the stream hear what is new in a snapshot, and tells the words that come of it; false
// when it was of no use. Where the stream fails, what is shown stays, and what follows is decoded.
func (t *Transcriber) tellStreamed(ctx context.Context, s snapshot, streams openStreams) bool {
	g := s.growing
	h := streams[g]
	if h.to < 0 {
		h.to, h.start = s.from, s.start
	}
	to := s.from + len(s.speech)
	if to <= h.to {
		return true
	}
	r, err := h.stream.Hear(ctx, s.speech[max(0, h.to-s.from):])
	if err != nil {
		g.deaf = true
		streams.close(g)
		g.freeze(h.to)
		return false
	}
	h.to = to
	words := g.known.hot.correct(r.Words, r.Lang)
	for i := range words {
		words[i].Start += h.start
		words[i].End += h.start
	}
	if u, fresh := g.takeStreamed(r.Lang, words, to); len(fresh) > 0 {
		t.show(g.meeting, u, fresh)
	}
	return true
}

// takeStreamed takes all words so far, as take does; nothing before a sample is asked for again.
func (g *growing) takeStreamed(lang string, words []parley.Word, to int) (u parley.Utterance, fresh []parley.Word) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ended {
		return u, nil
	}
	g.lang, g.base = lang, to
	fresh = g.learn(words)
	u = g.first
	u.Words = append(u.Words, g.shown...)
	u.Text, u.Lang = textOf(u.Words), lang
	return u, fresh
}

// freeze leaves what is shown as it is, and has what follows a sample heard by itself.
func (g *growing) freeze(from int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.base = from
	g.frozen = append(g.frozen, g.shown...)
	g.shown, g.last = nil, nil
}
