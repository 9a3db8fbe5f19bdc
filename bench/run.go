package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/parley/parley"
)

// joined is what became of one participant's joining.
type joined struct {
	opened   time.Time // when the WebSocket was open, or the answered offer was posted
	receiver *receiver // of the first connection that receives; nil for none
	seats    int       // lines that receive
}

// Progress tells how far a run is.
type Progress struct {
	Phase     string        // "joining", "starting", "warming up", "measuring", "leaving"
	Left      time.Duration // of the phase; 0 when it is not known
	Joined    int
	Everybody int
	Flows     int // streams that arrive somewhere
	Wanted    int // that are to
	PPS       float64

	// Of a churn.
	Joins    int // so far
	Failures int
	Server   Sample
}

// run is one run.
type run struct {
	// constant after newRun
	cfg       Config
	pid       int
	pidWhy    string // why pid is 0
	everybody []participant
	streams   map[int][]*stream // by participant
	collector *collector
	sweeper   *sweeper
	pacer     *pacer
	dialer    *dialer
	tell      func(Progress)

	here atomic.Int64 // participants that have joined

	mu      sync.Mutex // guards everything below
	arrived []joined
}

// Run measures and reports. It blocks for the whole run, or until ctx ends. tell is called about once a
// second, never at the same time twice; or nil.
//
// Errors: Invalid for a configuration that makes no sense; everything else is the server's, or the way
// to it: nobody could join, its process ended. A run in which not everything arrived is no error:
// Report.Failure says so.
func Run(ctx context.Context, cfg Config, tell func(Progress)) (*Report, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Scenario == Churn {
		return nil, invalid("churn is held by RunChurn")
	}
	r, err := newRun(ctx, cfg, tell)
	if err != nil {
		return nil, err
	}
	before, err := measure(r.pid, r.sweeper)
	if err != nil {
		return nil, err
	}
	done := make(chan struct{})
	var loops sync.WaitGroup
	loops.Go(func() { r.sweeper.run(done) })
	loops.Go(func() { r.pacer.run(done) })
	loops.Go(func() { r.dialer.feedback(done) })
	defer loops.Wait()
	defer close(done)
	return r.measure(ctx, before)
}

func newRun(ctx context.Context, cfg Config, tell func(Progress)) (*run, error) {
	if tell == nil {
		tell = func(Progress) {}
	}
	r := &run{
		cfg: cfg, pid: cfg.PID, collector: newCollector(), pacer: &pacer{}, tell: tell,
		streams: map[int][]*stream{},
	}
	voices := cfg.Voices
	if cfg.WHIP != "" {
		voices = maxParticipants // a connection each
	}
	r.everybody = cfg.Scenario.plan(cfg.Size, voices)
	const whileJoining = time.Millisecond // handshakes wait for the sweep
	r.sweeper = newSweeper(min(cfg.Sweep, whileJoining))
	var err error
	if r.dialer, err = newDialer(cfg, r.collector, r.sweeper); err != nil {
		return nil, err
	}
	if r.pid == 0 {
		address := cfg.URL
		if cfg.WHIP != "" {
			address = expand(cfg.WHIP, "room", "id")
		}
		r.pid, r.pidWhy = findServer(ctx, address)
	}
	for i := range r.everybody {
		p := &r.everybody[i]
		if p.talks {
			r.streams[i] = append(r.streams[i], newAudio(uint16(i), cfg.AudioBytes, &r.collector.window))
		}
		if p.shows {
			s := newVideo(uint16(i), cfg.Size.VideoKbps*1000, cfg.FPS, cfg.Spread, &r.collector.window)
			r.streams[i] = append(r.streams[i], s)
		}
	}
	return r, nil
}

// measure joins, waits, measures and leaves.
func (r *run) measure(ctx context.Context, before usage) (*Report, error) {
	leave, err := r.join(ctx)
	defer func() {
		const patience = 10 * time.Second
		bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		if r.here.Load() > 0 {
			r.tell(Progress{Phase: "leaving"})
		}
		leave(bye)
	}()
	if err != nil {
		return nil, err
	}
	complete := r.awaitFlows(ctx)
	r.sweeper.setInterval(r.cfg.Sweep)
	if err := r.watch(ctx, "warming up", r.cfg.Warm); err != nil {
		return nil, err
	}
	r.collector.window.open(time.Now(), r.cfg.Window)
	from, err := measure(r.pid, r.sweeper)
	if err != nil {
		return nil, err
	}
	if err := r.watch(ctx, "measuring", r.cfg.Window); err != nil {
		return nil, err
	}
	to, err := measure(r.pid, r.sweeper)
	if err != nil {
		return nil, err
	}
	const stragglers = time.Second // packets that are late are not lost
	if err := wait(ctx, stragglers); err != nil {
		return nil, err
	}
	return r.report(complete, before, from, to), nil
}

// join brings everybody in: first who sends, then the rest. The function it returns, never nil, leaves.
func (r *run) join(ctx context.Context) (func(context.Context), error) {
	stages, leave, err := r.backend(ctx)
	if err != nil {
		return func(context.Context) {}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, r.cfg.Setup, errSetup)
	defer cancel()
	stop := r.every(time.Second, func() { r.tell(r.progress("joining")) })
	defer stop()
	for _, s := range stages {
		var group errgroup.Group
		group.SetLimit(r.cfg.Joins)
		for i := range r.everybody {
			if p := &r.everybody[i]; s.of(p) {
				group.Go(func() error { return r.joinOne(ctx, p, s) })
			}
		}
		if err := group.Wait(); err != nil {
			return leave, err
		}
	}
	return leave, nil
}

var errSetup = errors.New("not everybody had joined in time")

// stage is a step of joining that some participants take at the same time.
type stage struct {
	of    func(p *participant) bool
	enter func(ctx context.Context, p *participant) (joined, error)
	whole bool // whoever has taken it has joined
}

// backend opens the way to the server: how to join, and how to leave.
func (r *run) backend(ctx context.Context) (stages []stage, leave func(context.Context), err error) {
	if r.cfg.WHIP != "" {
		room := string(r.cfg.Meeting)
		if room == "" {
			room = "bench-" + strings.ToLower(rand.Text()[:8]) // a meeting that is over is not held again
		}
		w := &whip{
			publish: r.cfg.WHIP, subscribe: r.cfg.WHEP, bearer: r.cfg.Bearer, room: room, dialer: r.dialer,
			http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: r.cfg.Joins}},
		}
		publish := func(ctx context.Context, p *participant) (joined, error) {
			return w.publishes(ctx, p, r.streams[p.number])
		}
		watch := func(ctx context.Context, p *participant) (joined, error) { return w.watches(ctx, p, r.everybody) }
		return []stage{{(*participant).sends, publish, false}, {(*participant).receives, watch, true}}, w.close, nil
	}
	b := &protocol{url: r.cfg.URL, token: r.cfg.Token, meeting: r.cfg.Meeting, dialer: r.dialer}
	if b.meeting == "" {
		if b.meeting, err = createMeeting(ctx, b.url, b.token); err != nil {
			return nil, nil, err
		}
		b.created = true
	}
	enter := func(ctx context.Context, p *participant) (joined, error) {
		return b.joins(ctx, p, r.everybody, r.streams[p.number])
	}
	rest := func(p *participant) bool { return !p.sends() }
	return []stage{{(*participant).sends, enter, true}, {rest, enter, true}}, b.close, nil
}

// joinOne takes one stage of p's joining, and starts what they send.
func (r *run) joinOne(ctx context.Context, p *participant, s stage) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	in, err := s.enter(ctx, p)
	if err != nil {
		return &parley.Error{
			Op: "bench", Kind: parley.Unavailable, Err: err,
			Say: fmt.Sprintf("%s could not join as number %d of %d.", p.name, r.here.Load()+1, len(r.everybody)),
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.arrived = append(r.arrived, in)
	if s.whole || !p.receives() {
		r.here.Add(1)
	}
	if p.begun {
		return nil
	}
	p.begun = true
	for _, stream := range r.streams[p.number] {
		// Pictures of different people do not come at the same time.
		r.pacer.add(stream, stream.interval*time.Duration(p.number%16)/16)
	}
	return nil
}

// awaitFlows waits until everything arrives that should; false when it did not in time.
func (r *run) awaitFlows(ctx context.Context) bool {
	const patience = 15 * time.Second
	const look = 50 * time.Millisecond
	stop := r.every(time.Second, func() { r.tell(r.progress("starting")) })
	defer stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if begun, wanted := r.collector.started(r.everybody); begun >= wanted {
			return true
		}
		if wait(ctx, look) != nil {
			return false
		}
	}
	return false
}

// watch lets a phase pass and tells how it goes.
func (r *run) watch(ctx context.Context, phase string, length time.Duration) error {
	end := time.Now().Add(length)
	before, at := r.collector.packets(), time.Now()
	for left := length; left > 0; left = time.Until(end) {
		if err := wait(ctx, min(left, time.Second)); err != nil {
			return err
		}
		if r.pid != 0 {
			if _, err := cpuTime(r.pid); err != nil {
				return errGone(r.pid)
			}
		}
		packets, now := r.collector.packets(), time.Now()
		p := r.progress(phase)
		p.Left = max(0, time.Until(end)).Round(time.Second)
		p.PPS = float64(packets-before) / now.Sub(at).Seconds()
		before, at = packets, now
		r.tell(p)
	}
	return nil
}

func (r *run) progress(phase string) Progress {
	p := Progress{Phase: phase, Joined: int(r.here.Load()), Everybody: len(r.everybody)}
	p.Flows, p.Wanted = r.collector.started(r.everybody)
	return p
}

// every calls do at intervals until the function it returns is called, which waits for it.
func (r *run) every(interval time.Duration, do func()) (stop func()) {
	done := make(chan struct{})
	var loop sync.WaitGroup
	loop.Go(func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				do()
			}
		}
	})
	return func() {
		close(done)
		loop.Wait()
	}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// inParallel calls do(0) to do(n-1), some at the same time.
func inParallel(n, limit int, do func(i int)) {
	var group errgroup.Group
	group.SetLimit(limit)
	for i := range n {
		group.Go(func() error {
			do(i)
			return nil
		})
	}
	_ = group.Wait() // nobody fails
}
