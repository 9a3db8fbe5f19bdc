package transcribe

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/media/pcm"
)

const (
	// interimStep is how much more has to be heard before an utterance is decoded again, streamStep where
	// that decodes nothing twice, and remoteStep where a server elsewhere is asked.
	interimStep = 800 * time.Millisecond
	streamStep  = 400 * time.Millisecond
	remoteStep  = time.Second
	// interimPause is the silence in which no interim is begun: the final comes soon.
	interimPause = 200 * time.Millisecond
	// interimWindow is how much is decoded at once: what is before shown words is not looked at again.
	interimWindow = 7 * time.Second
	// interimLate is how old a snapshot may be: what it tells would be on the screen already.
	interimLate = 3 * time.Second
	// rest is how long after the last sign of a final no interim begins: its job may be on the way.
	rest = 30 * time.Millisecond
)

// growing is an utterance under way, as far as its words are shown.
type growing struct {
	// constant after newGrowing
	meeting parley.Meeting
	first   parley.Utterance // who, from when

	// owned by the interim worker
	known   *known // what is known of it, or nil before the first decode
	deaf    bool   // no stream hears it
	decoded int    // sample up to which all of it was decoded

	mu     sync.Mutex // guards everything below
	ended  bool       // its final is on the way
	lang   string     // as first heard; "" before
	base   int        // sample that the window begins at: before it all words are shown
	frozen []parley.Word
	shown  []parley.Word // of the window
	last   []parley.Word // what the decode before said of the window
}

// end says that no interim is wanted any more.
func (g *growing) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended = true
}

// from is the sample that the next snapshot begins at.
func (g *growing) from() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.base
}

// snapshot is the sound of an utterance under way.
type snapshot struct {
	growing *growing
	from    int           // sample on the timeline
	start   time.Duration // of it, meeting clock
	speech  pcm.Speech    // own copy
	taken   time.Time
}

// learn takes what a decode of the window said, times on the meeting clock, and returns the words that
// are shown from now on: a word is, when two decodes in a row agree on it and on everything before it.
// Words that are shown stay as they are.
func (g *growing) learn(words []parley.Word) []parley.Word {
	var fresh []parley.Word
	if n := agreed(g.last, words); n > len(g.shown) && agreed(g.shown, words) == len(g.shown) {
		fresh = words[len(g.shown):n]
		g.shown = append(g.shown, fresh...)
	}
	g.last = words
	return fresh
}

// advance moves the window behind what is shown, once it is long; words are those of the last decode.
func (g *growing) advance(words []parley.Word, s snapshot) {
	n := len(g.shown)
	if s.speech.Duration() < interimWindow || n == 0 || n >= len(words) {
		return
	}
	cut := (words[n-1].End+words[n].Start)/2 - s.start
	if cut <= 0 || cut >= s.speech.Duration() {
		return
	}
	g.base = s.from + pcm.Samples(cut)
	g.frozen = append(g.frozen, g.shown...)
	g.shown, g.last = nil, nil
}

// agreed counts the words that two texts begin with alike.
func agreed(a, b []parley.Word) int {
	n := 0
	for n < len(a) && n < len(b) && plain(a[n].Text) == plain(b[n].Text) {
		n++
	}
	return n
}

// finals counts what has to be heard for good, since that goes first. It is safe for concurrent use.
type finals struct {
	under atomic.Int64 // being stored or recognized
	last  atomic.Int64 // Unix ns of the last change
}

func (f *finals) begin() { f.change(1) }

func (f *finals) end() { f.change(-1) }

func (f *finals) change(by int64) {
	f.last.Store(time.Now().UnixNano())
	f.under.Add(by)
}

// idle reports whether none is under way, nor was just now.
func (f *finals) idle(now time.Time) bool {
	return f.under.Load() == 0 && now.Sub(time.Unix(0, f.last.Load())) >= rest
}

// interims are the snapshots that wait, one an utterance at most: the newest. It is safe for
// concurrent use.
type interims struct {
	added chan struct{} // of capacity 1

	mu      sync.Mutex // guards everything below
	waiting []snapshot // oldest first
	over    []*growing // utterances that have ended since ended was called
}

func newInterims() *interims { return &interims{added: make(chan struct{}, 1)} }

// offer leaves a snapshot in place of an older one of the same utterance; it reports whether there was
// one. It never blocks.
func (i *interims) offer(s snapshot) (replaced bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for k := range i.waiting {
		if i.waiting[k].growing == s.growing {
			i.waiting[k] = s
			return true
		}
	}
	i.waiting = append(i.waiting, s)
	i.wake()
	return false
}

func (i *interims) wake() {
	select {
	case i.added <- struct{}{}:
	default:
	}
}

// end says that an utterance has ended. It never blocks.
func (i *interims) end(g *growing) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.over = append(i.over, g)
	i.wake()
}

// ended gives the utterances that have ended since it was called last.
func (i *interims) ended() []*growing {
	i.mu.Lock()
	defer i.mu.Unlock()
	over := i.over
	i.over = nil
	return over
}

// take gives the snapshot that waits longest.
func (i *interims) take() (snapshot, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.waiting) == 0 {
		return snapshot{}, false
	}
	s := i.waiting[0]
	i.waiting = append(i.waiting[:0], i.waiting[1:]...)
	return s, true
}

// tellInterims decodes snapshots while nothing else is to be done, until ctx ends.
func (t *Transcriber) tellInterims(ctx context.Context) {
	ticker := time.NewTicker(rest)
	defer ticker.Stop()
	streams := openStreams{}
	defer streams.closeAll()
	var asked time.Time // when a decode was last begun
	for {
		select {
		case <-t.interims.added:
		case <-ctx.Done():
			return
		}
		for {
			streams.closeEnded(t.interims.ended())
			for !t.finals.idle(time.Now()) || t.cfg.Engine == EngineRemote && time.Since(asked) < remoteStep {
				select {
				case <-ticker.C:
					streams.closeEnded(t.interims.ended())
				case <-ctx.Done():
					return
				}
			}
			s, ok := t.interims.take()
			if !ok {
				break
			}
			asked = time.Now()
			if asked.Sub(s.taken) > interimLate || !t.tellInterim(ctx, s, streams) {
				t.metrics.interimsDropped.Inc()
			}
		}
	}
}

// tellInterim decodes a snapshot and tells what is new; false when it was of no use.
func (t *Transcriber) tellInterim(ctx context.Context, s snapshot, streams openStreams) bool {
	g := s.growing
	g.mu.Lock()
	ended, lang := g.ended, g.lang
	g.mu.Unlock()
	if ended {
		return false
	}
	if g.known == nil {
		k := t.knownGrowing(ctx, g)
		g.known = &k
	}
	if lang == "" {
		lang = g.known.lang
	}
	if t.streamed(ctx, g, lang, streams) {
		return t.tellStreamed(ctx, s, streams)
	}
	to := s.from + len(s.speech)
	if g.from() != s.from {
		return false
	}
	if t.streams != nil && g.decoded > 0 && to-g.decoded < pcm.Samples(interimStep) {
		return true // too little is new: streams are offered more often
	}
	g.decoded = to
	r, err := t.recognizer.Recognize(ctx, s.speech, Hint{Lang: lang, Region: g.meeting.Region, Draft: true})
	if err != nil || !spokenHere(r.Lang) || implausible(r, s.speech.Duration()) || isSteady(s.speech) {
		return false
	}
	words := g.known.hot.correct(dropNotes(r.Words), r.Lang)
	for i := range words {
		words[i].Start += s.start
		words[i].End += s.start
	}
	if u, fresh := g.take(r.Lang, words, s); len(fresh) > 0 {
		t.show(g.meeting, u, fresh)
	}
	return true
}

// knownGrowing gathers what is known of an utterance under way: what its final will know, too.
func (t *Transcriber) knownGrowing(ctx context.Context, g *growing) known {
	keep, err := t.regions.In(g.meeting.Region)
	if err == nil {
		var k known
		if k, err = t.knownOf(ctx, keep, g.first); err == nil {
			k.hot = newHotWords(k.terms)
			return k
		}
	}
	return known{lang: t.cfg.Language, region: g.meeting.Region} // the final asks again
}

// take takes what a snapshot was heard as, and gives the utterance as it is shown now with the words
// that are new: none when it has ended meanwhile.
func (g *growing) take(lang string, words []parley.Word, s snapshot) (u parley.Utterance, fresh []parley.Word) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ended {
		return u, nil
	}
	g.lang = lang
	if len(g.frozen) > 0 && len(words) > 0 && spaced(lang) {
		words[0].Text = " " + words[0].Text
	}
	fresh = g.learn(words)
	u = g.first
	u.Words = append(append(u.Words, g.frozen...), g.shown...)
	u.Text, u.Lang = textOf(u.Words), lang
	g.advance(words, s)
	return u, fresh
}

// show tells what of an utterance is shown now.
func (t *Transcriber) show(m parley.Meeting, u parley.Utterance, fresh []parley.Word) {
	u.End = fresh[len(fresh)-1].End
	t.tell(u)
	t.metrics.interims.Inc()
	now := m.Clock(time.Now())
	for _, w := range fresh {
		t.metrics.wordLag.Observe(max(0, now-w.End).Seconds())
	}
}
