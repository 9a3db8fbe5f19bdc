package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley/parley"
)

// churn is one run of people who join and leave. It has two halves, each in a meeting of its own: what the
// server still holds after the second and did not after the first, with nobody there, is what it keeps.
type churn struct {
	// constant after newChurn
	cfg       Config
	pid       int
	private   *private
	collector *collector
	sweeper   *sweeper
	pacer     *pacer
	dialer    *dialer
	tell      func(Progress)
	began     time.Time

	lives atomic.Uint32 // connections so far
	here  atomic.Int64  // who is in the meeting

	meeting parley.MeetingID // of this half; set before anybody joins

	mu     sync.Mutex // guards everything below
	report ChurnReport
	took   histogram // joining
}

// RunChurn has people join and leave all the time for Config.Window and measures what the server keeps of
// them. It blocks for the whole run, or until ctx ends. tell is called about once a second, never at the same
// time twice; or nil.
//
// Errors: as Run has them. Joins that failed, losses and growth are no errors: ChurnReport.Failure tells them.
func RunChurn(ctx context.Context, cfg Config, tell func(Progress)) (*ChurnReport, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Scenario != Churn {
		return nil, invalid("%s is not churn", cfg.Scenario)
	}
	c, err := newChurn(ctx, cfg, tell)
	if err != nil {
		return nil, err
	}
	done := make(chan struct{})
	var loops sync.WaitGroup
	loops.Go(func() { c.sweeper.run(done) })
	loops.Go(func() { c.pacer.run(done) })
	loops.Go(func() { c.dialer.feedback(done) })
	defer loops.Wait()
	defer close(done)
	return c.run(ctx)
}

func newChurn(ctx context.Context, cfg Config, tell func(Progress)) (*churn, error) {
	if tell == nil {
		tell = func(Progress) {}
	}
	c := &churn{cfg: cfg, pid: cfg.PID, collector: newCollector(), pacer: &pacer{}, tell: tell}
	const whileJoining = time.Millisecond // handshakes wait for the sweep, and there always are some
	c.sweeper = newSweeper(min(cfg.Sweep, whileJoining))
	var err error
	if c.dialer, err = newDialer(cfg, c.collector, c.sweeper); err != nil {
		return nil, err
	}
	if c.pid == 0 {
		c.pid, c.report.ServerWhy = findServer(ctx, cfg.URL)
	}
	c.private = openPrivate(ctx, cfg.Private, c.pid)
	c.report.PrivateWhy = c.private.why
	c.report.Scenario, c.report.Size = cfg.Scenario, cfg.Size
	return c, nil
}

// run holds both halves.
func (c *churn) run(ctx context.Context) (*ChurnReport, error) {
	from, err := measure(c.pid, c.sweeper)
	if err != nil {
		return nil, err
	}
	c.began = time.Now()
	c.collector.window.open(c.began, c.cfg.Window+24*time.Hour) // everything counts
	start, err := c.settled(ctx, 0)
	if err != nil {
		return nil, err
	}
	var after [2]Sample
	for half := range after {
		if err := c.half(ctx, c.cfg.Window/2); err != nil {
			return nil, err
		}
		if after[half], err = c.settled(ctx, c.cfg.Settle); err != nil {
			return nil, err
		}
	}
	to, err := measure(c.pid, c.sweeper)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.report
	out.Start, out.Middle, out.End = start, after[0], after[1]
	out.finish(c, from, to)
	return &out, nil
}

// half holds one meeting: somebody stays throughout, and around them the others come and go.
func (c *churn) half(ctx context.Context, length time.Duration) error {
	var err error
	if c.meeting, err = createMeeting(ctx, c.cfg.URL, c.cfg.Token); err != nil {
		return err
	}
	resident, err := c.enter(ctx, part{talks: true, shows: true}, "resident", "")
	if err != nil {
		return fmt.Errorf("join as the first: %w", err)
	}
	until, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	var slots sync.WaitGroup
	for i := 1; i < c.cfg.Size.Participants; i++ {
		slots.Go(func() { c.slot(until, i) })
	}
	err = c.watch(until, length)
	cancel()
	slots.Wait()
	resident.end(ctx, ends)
	return err
}

// part is what a place in the room sends.
type part struct{ talks, shows bool }

// slot is a place in the room that one after the other takes, until ctx ends.
func (c *churn) slot(ctx context.Context, index int) {
	size := c.cfg.Size
	does := part{talks: index < size.Talkers, shows: index < size.Cameras}
	// The room fills as fast as it later changes.
	if wait(ctx, c.cfg.Stay*time.Duration(index)/time.Duration(size.Participants)) != nil {
		return
	}
	name, resume := "", ""
	for ctx.Err() == nil {
		if resume == "" {
			name = fmt.Sprintf("p%d", c.lives.Load())
		}
		l, err := c.enter(context.WithoutCancel(ctx), does, name, resume)
		if err != nil {
			c.failed(err)
			resume = ""
			const pause = time.Second
			_ = wait(ctx, pause)
			continue
		}
		how := leaves
		if wait(ctx, c.stay()) == nil {
			how = choose()
		}
		resume = ""
		if how == reloads {
			resume = l.client.Resume()
		}
		l.end(ctx, how)
	}
}

// stay is how long somebody stays: Config.Stay, half more or less.
func (c *churn) stay() time.Duration {
	return time.Duration(float64(c.cfg.Stay) * (0.5 + rand.Float64())) //nolint:gosec // no secret
}

// watch tells how it goes until ctx ends, and samples the server. An error when that has gone, or when the run
// is to stop.
func (c *churn) watch(ctx context.Context, length time.Duration) error {
	end := time.Now().Add(length)
	every := max(length/samplesPerHalf, time.Second)
	sampled := time.Now()
	for {
		err := wait(ctx, time.Second)
		if left := time.Until(end); left <= 0 {
			return nil
		} else if err != nil {
			return err
		}
		s, err := c.sample(ctx)
		if err != nil {
			return err
		}
		if time.Since(sampled) >= every {
			sampled = time.Now()
			c.note(s)
		}
		c.tell(c.progress("joining and leaving", time.Until(end), s))
	}
}

// samplesPerHalf is how many samples of each half are in the report.
const samplesPerHalf = 30

func (c *churn) note(s Sample) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report.Samples = append(c.report.Samples, s)
}

func (c *churn) failed(err error) {
	const examples = 5
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report.Failures++
	if len(c.report.Failed) < examples {
		c.report.Failed = append(c.report.Failed, err.Error())
	}
}

func (c *churn) progress(phase string, left time.Duration, s Sample) Progress {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Progress{
		Phase: phase, Left: left.Round(time.Second), Joined: int(c.here.Load()), Everybody: c.cfg.Size.Participants,
		Joins: c.report.Joins, Failures: c.report.Failures, Server: s,
	}
}

// settled lets the server come to rest and looks at it.
func (c *churn) settled(ctx context.Context, patience time.Duration) (Sample, error) {
	c.private.collect(ctx) // early: what is free goes back to the system slowly
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if err := wait(ctx, min(time.Second, time.Until(end))); err != nil {
			return Sample{}, err
		}
		c.tell(c.progress("settling", time.Until(end), Sample{}))
	}
	c.private.collect(ctx)
	return c.sample(ctx)
}

// sample looks at the server now.
func (c *churn) sample(ctx context.Context) (Sample, error) {
	s := Sample{AtS: time.Since(c.began).Seconds(), Here: int(c.here.Load())}
	c.mu.Lock()
	s.Joins = c.report.Joins
	c.mu.Unlock()
	c.private.read(ctx, &s)
	if c.pid == 0 {
		return s, nil
	}
	resident, err := residentBytes(c.pid)
	if errors.Is(err, os.ErrNotExist) {
		return s, errGone(c.pid)
	}
	s.MemoryMiB = float64(resident) / (1 << 20)
	return s, err
}
