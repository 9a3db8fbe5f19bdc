package transcribe

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/parley/parley"
	"github.com/parley/parley/transcribe/minutes"
)

// Parts are what a Transcriber works with.
type Parts struct {
	Regions    parley.Regions
	Jobs       parley.Jobs
	Events     parley.Events
	Extractor  minutes.Extractor
	Refiner    Refiner    // or nil: minutes stay as they were extracted
	Recognizer Recognizer // or nil: only who spoke when
	Wordless   string     // a sentence for people that says why there is none
	Voices     Voices     // or nil: a level gate decides what is speech
	// Interim, or nil, is told what is shown of an utterance while it grows: its Text and Words so far,
	// State Pending, End that of the last word. It is called often, in order, and must not block.
	Interim  func(parley.Utterance)
	Log      *zap.Logger
	Registry prometheus.Registerer
}

// Transcriber hears the tracks of all meetings of this process, and works for the queues of its
// regions. Safe for concurrent use.
type Transcriber struct {
	// constant after New
	cfg        Config
	regions    parley.Regions
	jobs       parley.Jobs
	events     parley.Events
	extractor  minutes.Extractor
	refiner    Refiner    // or nil
	recognizer Recognizer // or nil
	wordless   string
	voices     Voices  // or nil
	streams    Streams // or nil
	tell       func(parley.Utterance)
	interims   *interims // or nil: none are wanted
	log        *zap.Logger
	metrics    *metrics

	finals   finals   // under way in this process
	lateness lateness // of words, by meeting

	tasks sync.WaitGroup // loops and savers

	mu    sync.Mutex                       // guards everything below
	saves context.Context                  //nolint:containedctx // of loops and savers; nil unless Run runs
	life  context.Context                  //nolint:containedctx // of Run or Work; nil unless one of them runs
	heard map[parley.MeetingID]*beingHeard // meetings with utterances that are not stored yet
	soon  map[parley.MeetingID]bool        // live meetings whose minutes are about to be asked for
}

// beingHeard counts the savers of one meeting.
type beingHeard struct {
	savers int
	done   chan struct{} // closed when savers is 0
}

// New starts nothing.
func New(cfg Config, p Parts) (*Transcriber, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("transcribe: %w", err)
	}
	m, err := newMetrics(p.Registry)
	if err != nil {
		return nil, err
	}
	t := &Transcriber{
		cfg: cfg, regions: p.Regions, jobs: p.Jobs, events: p.Events, extractor: p.Extractor, refiner: p.Refiner,
		recognizer: p.Recognizer, wordless: p.Wordless, voices: p.Voices, log: p.Log, metrics: m,
		tell: p.Interim, heard: map[parley.MeetingID]*beingHeard{}, soon: map[parley.MeetingID]bool{},
	}
	t.lateness.waiting, t.lateness.oldest = m.waiting, m.oldest
	if cfg.Interims && p.Interim != nil && p.Recognizer != nil {
		t.interims = newInterims()
		t.streams, _ = p.Recognizer.(Streams)
	}
	return t, nil
}

// Run works until ctx ends, then until every track is closed and its utterances are stored. Whoever
// closes the taps does so when ctx ends, too. A job that is under way goes to somebody else when its
// lease ends.
func (t *Transcriber) Run(ctx context.Context) error {
	saves, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	t.mu.Lock()
	t.saves, t.life = saves, ctx
	t.mu.Unlock()

	var workers sync.WaitGroup
	if t.recognizer != nil {
		workers.Go(func() { t.hearTasks(ctx) })
	}
	for region, keep := range t.regions {
		workers.Go(func() { t.work(ctx, region, parley.JobMinutes, t.makeMinutes) })
		if t.refines(region) {
			workers.Go(func() { t.work(ctx, region, parley.JobRefine, t.refine) })
		}
		workers.Go(func() { t.sweepEvery(ctx, keep) })
		workers.Go(func() { t.lateness.watch(ctx, keep, t.log) })
	}
	if t.interims != nil {
		workers.Go(func() { t.tellInterims(ctx) })
	}
	<-ctx.Done()
	t.mu.Lock()
	t.saves, t.life = nil, nil // nobody adds to tasks any more
	t.mu.Unlock()
	workers.Wait()
	t.tasks.Wait()
	return nil
}

// Work hears the tasks of all regions until ctx ends, and nothing else: it is what a worker beside the
// server runs. A task under way is given back.
func (t *Transcriber) Work(ctx context.Context) error {
	t.mu.Lock()
	t.life = ctx
	t.mu.Unlock()
	t.hearTasks(ctx)
	t.mu.Lock()
	t.life = nil
	t.mu.Unlock()
	t.tasks.Wait()
	return nil
}

// hearTasks runs a worker on the queues of this process.
func (t *Transcriber) hearTasks(ctx context.Context) {
	w := &Worker{tasks: t, recognizer: t.recognizer, finals: &t.finals, log: t.log}
	if err := w.Run(ctx, slices.Collect(maps.Keys(t.regions))); err != nil { // a region of its own is always there
		t.log.Error("nothing is put into words any more", zap.Error(err))
	}
}

// startSaver runs a saver. t.mu is held.
func (t *Transcriber) startSaver(s *saver) {
	h := t.heard[s.track.Meeting]
	if h == nil {
		h = &beingHeard{done: make(chan struct{})}
		t.heard[s.track.Meeting] = h
	}
	h.savers++
	saves := t.saves
	t.tasks.Go(func() {
		s.run(saves)
		t.mu.Lock()
		defer t.mu.Unlock()
		if h.savers--; h.savers == 0 {
			delete(t.heard, s.track.Meeting)
			close(h.done)
		}
	})
}

// wanted reports whether utterances are to have words: made here, or by workers.
func (t *Transcriber) wanted() bool { return t.recognizer != nil || t.cfg.Engine == EngineWorkers }

// Words reports whether something that makes words is running, and if not, a sentence for people that
// says why.
func (t *Transcriber) Words() (ok bool, missing string) {
	if t.recognizer == nil {
		return t.wanted(), t.wordless
	}
	if health, is := t.recognizer.(Health); is {
		return health.Words()
	}
	return true, ""
}

// Finish is called when a meeting has ended and its taps are closed: it waits until every utterance
// is stored, and asks for the minutes. It may be called again.
func (t *Transcriber) Finish(ctx context.Context, region parley.Region, id parley.MeetingID) error {
	t.mu.Lock()
	h := t.heard[id]
	t.mu.Unlock()
	if h != nil {
		select {
		case <-h.done:
		case <-ctx.Done():
			return fmt.Errorf("wait for utterances: %w", context.Cause(ctx))
		}
	}
	return t.askMinutes(ctx, region, id, "end")
}
