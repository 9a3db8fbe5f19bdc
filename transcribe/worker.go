package transcribe

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"go.uber.org/zap"

	"github.com/parley/parley"
)

const (
	// leaseRefresh is how often a lease is extended, well within its 30 s.
	leaseRefresh = 10 * time.Second
	// claimPause is how long a worker waits after the bus refused it.
	claimPause = time.Second
	// retryAfter grows with each failed attempt on an utterance.
	retryAfter = 5 * time.Second
	// maxAudio bounds what is read of one utterance: 28 s of Opus at 510 kbit/s is 1.8 MB.
	maxAudio = 4 << 20
)

// work claims and carries out the jobs of one kind in one region until ctx ends.
func (t *Transcriber) work(
	ctx context.Context, region parley.Region, kind parley.JobKind,
	do func(context.Context, *parley.Keep, parley.Job) error,
) {
	keep := t.regions[region]
	for {
		lease, err := t.jobs.Claim(ctx, kind, region)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			t.log.Warn("bus gives no jobs; trying again", zap.Error(err))
			select {
			case <-time.After(claimPause):
			case <-ctx.Done():
			}
			continue
		}
		t.carryOut(ctx, lease, keep, do)
	}
}

// carryOut does one job under its lease. A fault ends the job, not the worker.
func (t *Transcriber) carryOut(
	ctx context.Context, lease parley.Lease, keep *parley.Keep,
	do func(context.Context, *parley.Keep, parley.Job) error,
) {
	stop := holdLease(ctx, lease)
	err := guarded(func() error { return do(ctx, keep, lease.Job()) })
	stop()
	// A job is settled even while the server stops: its row is.
	settle, cancel := context.WithTimeout(context.WithoutCancel(ctx), attemptTimeout)
	defer cancel()
	if err == nil {
		err = lease.Done(settle)
	} else if failErr := lease.Fail(settle); failErr != nil {
		err = errors.Join(err, failErr)
	}
	if err != nil && ctx.Err() == nil {
		t.log.Warn("job failed; it is tried again", zap.String("kind", string(lease.Job().Kind)),
			zap.String("meeting", string(lease.Job().Meeting)), zap.Error(err))
	}
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

// holdLease extends a lease until stop, which waits.
func holdLease(ctx context.Context, lease parley.Lease) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { // ended and waited for by stop
		defer close(done)
		ticker := time.NewTicker(leaseRefresh)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				_ = lease.Extend(ctx) // if it is lost, the row says who was first
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// transcribe carries out a transcribe job. An error means that the engine or a store was not there;
// what is the utterance's own fault is noted in its row.
func (t *Transcriber) transcribe(ctx context.Context, keep *parley.Keep, job parley.Job) error {
	u, err := keep.Transcripts.Utterance(ctx, job.Utterance)
	if errors.Is(err, parley.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if u.State != parley.Pending {
		return nil
	}
	t.finals.begin()
	heard, err := t.hearAs(ctx, keep, u, "")
	t.finals.end()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, parley.Unavailable):
		return err
	case err != nil:
		return t.postpone(ctx, keep, u, err)
	}
	u.State, u.Attempts = parley.Recognized, u.Attempts+1
	u.Text, u.Lang, u.Words, u.Confidence = heard.Text(), heard.Lang, onClock(heard.Words, u), heard.confidence
	u.Engine, u.Model = heard.Engine, heard.Model
	if err := keep.Transcripts.FinishUtterance(ctx, u); err != nil && !errors.Is(err, parley.Conflict) {
		return err
	}
	t.metrics.recognized.Inc()
	return t.told(ctx, keep, u)
}

// told tells who listens, and asks for minutes again: at once when the meeting is over, else soon.
func (t *Transcriber) told(ctx context.Context, keep *parley.Keep, u parley.Utterance) error {
	t.events.Publish(parley.Event{Kind: parley.EventUtterance, Meeting: u.Meeting, Utterance: u.ID})
	m, err := keep.Meetings.Meeting(ctx, u.Meeting)
	if err != nil {
		return err
	}
	t.metrics.lag.Observe(max(0, m.Clock(time.Now())-u.End).Seconds())
	if m.State != parley.Ended {
		t.askSoon(ctx, keep.Region, u.Meeting)
		return nil
	}
	return t.askMinutes(ctx, keep.Region, u.Meeting, string(u.ID))
}

// hearAs reads the sound of an utterance, and recognizes it as a language, or with "" as what is known of
// its speaker tells.
func (t *Transcriber) hearAs(ctx context.Context, keep *parley.Keep, u parley.Utterance, language string) (heard, error) {
	object, err := keep.Objects.Open(ctx, u.Audio, 0, -1)
	if err != nil {
		return heard{}, fmt.Errorf("open utterance: %w", asUnavailable(err))
	}
	audio, err := io.ReadAll(io.LimitReader(object, maxAudio))
	if err := errors.Join(err, object.Close()); err != nil {
		return heard{}, fmt.Errorf("read utterance: %w", asUnavailable(err))
	}
	if sum := parley.Hash(sha256.Sum256(audio)); sum != u.SHA256 {
		return heard{}, fmt.Errorf("read utterance: its hash has changed: %w", parley.Invalid)
	}
	speech, err := decodeOgg(audio)
	if err != nil {
		return heard{}, err
	}
	k, err := t.knownOf(ctx, keep, u)
	if err != nil {
		return heard{}, err
	}
	if language != "" {
		k.lang = language
	}
	h, err := t.hear(ctx, speech, k)
	if h.again {
		t.metrics.guarded.Inc()
	}
	return h, err
}

// knownOf gathers what is known before an utterance is heard.
func (t *Transcriber) knownOf(ctx context.Context, keep *parley.Keep, u parley.Utterance) (known, error) {
	k := known{lang: t.cfg.Language, region: keep.Region}
	m, err := keep.Meetings.Meeting(ctx, u.Meeting)
	if err != nil {
		return k, fmt.Errorf("read meeting: %w", asUnavailable(err))
	}
	people, err := keep.Participants.Participants(ctx, u.Meeting)
	if err != nil {
		return k, fmt.Errorf("read participants: %w", asUnavailable(err))
	}
	k.hot = t.hotOf(m, people)
	for _, p := range people {
		if p.ID == u.Participant && p.Language != "" {
			k.lang = p.Language // they said so themselves
		}
	}
	if k.lang != "" {
		return k, nil // nobody asks what was spoken before
	}
	k.spoken, err = t.priorOf(ctx, keep, u)
	return k, err
}

// priorOf is what the speaker of an utterance has spoken so far.
func (t *Transcriber) priorOf(ctx context.Context, keep *parley.Keep, u parley.Utterance) (prior, error) {
	transcript, err := keep.Transcripts.Transcript(ctx, u.Meeting)
	if err != nil {
		return nil, fmt.Errorf("read what was said before: %w", asUnavailable(err))
	}
	spoken := prior{}
	for _, before := range transcript.Utterances {
		if before.Participant == u.Participant && before.State == parley.Recognized {
			spoken.note(before.Lang, before.End-before.Start)
		}
	}
	return spoken, nil
}

// asUnavailable makes a store's own failure one that is not the utterance's fault.
func asUnavailable(err error) error {
	if parley.KindOf(err) == parley.Internal {
		return errors.Join(parley.Unavailable, err)
	}
	return err
}

// postpone notes a failed attempt, or the last one.
func (t *Transcriber) postpone(ctx context.Context, keep *parley.Keep, u parley.Utterance, cause error) error {
	u.Attempts++
	u.NextTry = time.Now().Add(retryAfter << u.Attempts)
	if u.Attempts >= parley.MaxAttempts {
		u.State = parley.Parked
		t.metrics.parked.Inc()
	}
	t.metrics.deferred.Inc()
	t.log.Warn("utterance was not recognized", zap.String("meeting", string(u.Meeting)),
		zap.String("utterance", string(u.ID)), zap.Int("attempts", u.Attempts), zap.Error(cause))
	if err := keep.Transcripts.DeferUtterance(ctx, u); err != nil && !errors.Is(err, parley.Conflict) {
		return err
	}
	if u.State == parley.Parked {
		return t.told(ctx, keep, u)
	}
	return nil
}
