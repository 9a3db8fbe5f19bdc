package transcribe

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/parley/parley"
)

const (
	// leaseRefresh is how often a lease is extended, well within its time: 30 s of the bus, 20 s of a worker
	// elsewhere, where it may have to be tried again.
	leaseRefresh = 5 * time.Second
	// claimPause is how long a worker waits after it was refused; it doubles up to longestClaimPause, which
	// is what a server that was restarted waits for its workers at most.
	claimPause        = time.Second
	longestClaimPause = 15 * time.Second
	// stopPatience is how long a worker that is told to end goes on trying to give its last answer.
	stopPatience = 3 * time.Second
	// enginePause is how often an engine that does not run is looked at.
	enginePause = 100 * time.Millisecond
	// maxAudio bounds what is read of one utterance: 28 s of Opus at 510 kbit/s is 1.8 MB.
	maxAudio = 4 << 20
)

// Worker hears what Tasks give out. Safe for concurrent use.
type Worker struct {
	// constant after NewWorker
	tasks      Tasks
	recognizer Recognizer
	finals     *finals
	log        *zap.Logger
}

// NewWorker starts nothing.
func NewWorker(tasks Tasks, recognizer Recognizer, log *zap.Logger) *Worker {
	return &Worker{tasks: tasks, recognizer: recognizer, finals: &finals{}, log: log}
}

// Run hears the tasks of regions until ctx ends, or until no task can ever be had: the error says why.
func (w *Worker) Run(ctx context.Context, regions []parley.Region) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, region := range regions {
		group.Go(func() error { return w.work(ctx, parley.JobTranscribe, region) })
		group.Go(func() error { return w.work(ctx, parley.JobAgain, region) })
	}
	return group.Wait()
}

// work claims and hears tasks of one kind in one region.
func (w *Worker) work(ctx context.Context, kind parley.JobKind, in parley.Region) error {
	pause := claimPause
	for {
		w.waitForEngine(ctx)
		held, err := w.tasks.Claim(ctx, kind, in)
		if err == nil {
			pause = claimPause
			w.carryOut(ctx, held)
		}
		if ctx.Err() != nil {
			return nil //nolint:nilerr // it was told to end
		}
		if err == nil {
			continue
		}
		if isFinal(err) {
			return err
		}
		w.log.Warn("no tasks can be had; trying again", zap.String("region", string(in)), zap.Error(err))
		select {
		case <-time.After(pause/2 + rand.N(pause/2)): //nolint:gosec // so that not all workers come at once
		case <-ctx.Done():
		}
		pause = min(2*pause, longestClaimPause)
	}
}

// waitForEngine waits until one runs: a worker that cannot hear takes nothing away from those that can.
func (w *Worker) waitForEngine(ctx context.Context) {
	health, ok := w.recognizer.(Health)
	if !ok {
		return
	}
	ticker := time.NewTicker(enginePause)
	defer ticker.Stop()
	for {
		if ok, _ := health.Words(); ok {
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// isFinal reports whether asking again is of no use.
func isFinal(err error) bool {
	return slices.Contains([]parley.Kind{
		parley.Invalid, parley.Unauthorized, parley.Forbidden, parley.NotFound,
	}, parley.KindOf(err))
}

// carryOut hears one task under its lease. A fault ends the task, not the worker.
func (w *Worker) carryOut(ctx context.Context, held Held) {
	task := held.Task()
	hearing, stop := holdLease(ctx, held)
	var answer Answer
	err := guarded(func() (err error) {
		answer, err = w.hear(hearing, task)
		return err
	})
	if hearing.Err() != nil {
		err = fmt.Errorf("%w: %w", parley.Unavailable, context.Cause(hearing)) // whatever came of it
	}
	// A task is settled even while the process stops, if the server is there.
	settle, cancel := context.WithTimeout(context.WithoutCancel(ctx), attemptTimeout)
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(stopPatience, cancel) })()
	if err == nil {
		err = guarded(func() error { return held.Answer(settle, answer) })
		if err != nil && !errors.Is(err, parley.Invalid) && !errors.Is(err, parley.TooLarge) {
			err = errors.Join(parley.Unavailable, err) // the words were good
		}
	}
	stop()
	if err == nil {
		return
	}
	if failErr := held.Fail(settle, err); failErr != nil && !errors.Is(failErr, parley.Conflict) {
		err = errors.Join(err, failErr)
	}
	if ctx.Err() == nil {
		w.log.Warn("an utterance was not heard; it is tried again", zap.String("kind", string(task.Kind)),
			zap.String("utterance", string(task.Utterance)), zap.Error(err))
	}
}

// hear decodes and recognizes the sound of a task.
func (w *Worker) hear(ctx context.Context, task Task) (Answer, error) {
	speech, err := decodeOgg(task.Audio)
	if err != nil {
		return Answer{}, err
	}
	if task.Kind == parley.JobAgain {
		w.finals.wait(ctx)
	} else {
		w.finals.begin()
		defer w.finals.end()
	}
	h, err := hear(ctx, w.recognizer, speech, task.known())
	if err != nil {
		return Answer{}, err
	}
	return Answer{
		Words: h.Words, Lang: h.Lang, Confidence: h.confidence, Engine: h.Engine, Model: h.Model, Guarded: h.again,
	}, nil
}

// guarded makes an error of a panic.
func guarded(do func() error) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("panic: %v", fault)
		}
	}()
	return do()
}

// holdLease extends a lease until stop, which waits. The context it returns ends when the lease is lost.
func holdLease(ctx context.Context, lease interface{ Extend(context.Context) error }) (held context.Context, stop func()) {
	held, lost := context.WithCancelCause(ctx)
	extending, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { // ended and waited for by stop
		defer close(done)
		ticker := time.NewTicker(leaseRefresh)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				// A lease that cannot be extended just now may still be held: the row says who was first.
				if err := lease.Extend(extending); errors.Is(err, parley.Conflict) {
					lost(err)
					return
				}
			case <-extending.Done():
				return
			}
		}
	}()
	return held, func() {
		cancel()
		<-done
		lost(nil)
	}
}
