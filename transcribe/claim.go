package transcribe

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/parley/parley"
)

// retryAfter grows with each failed attempt on an utterance.
const retryAfter = 5 * time.Second

var _ Tasks = (*Transcriber)(nil)

// Claim implements Tasks: a job becomes a task with what its row and its region tell.
func (t *Transcriber) Claim(ctx context.Context, kind parley.JobKind, in parley.Region) (Held, error) {
	keep, err := t.regions.In(in)
	if err != nil {
		return nil, err
	}
	for {
		lease, err := t.jobs.Claim(ctx, kind, in)
		if err != nil {
			return nil, err
		}
		h := &held{t: t, keep: keep, lease: lease}
		wanted := false
		err = guarded(func() (err error) {
			// Whoever waits no longer gets it all the same: it is given back with more than a wait that ended.
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), attemptTimeout)
			defer cancel()
			wanted, err = h.prepare(ctx)
			return err
		})
		if err == nil && wanted {
			return h, nil
		}
		t.settleUnheard(ctx, h, err)
	}
}

// settleUnheard ends a job that is nothing to hear: there is none any more, or err was in the way.
func (t *Transcriber) settleUnheard(ctx context.Context, h *held, err error) {
	settle, cancel := context.WithTimeout(context.WithoutCancel(ctx), attemptTimeout)
	defer cancel()
	var settled error
	if err == nil {
		if h.lease.Job().Kind == parley.JobAgain {
			err = h.endAgain(settle)
		}
		settled = h.lease.Done(settle)
	} else {
		settled = h.Fail(settle, err)
	}
	if err := errors.Join(err, settled); err != nil && ctx.Err() == nil {
		t.log.Warn("job failed; it is tried again", zap.String("kind", string(h.lease.Job().Kind)),
			zap.String("meeting", string(h.lease.Job().Meeting)), zap.Error(err))
	}
}

// held is one job of this process's own regions.
type held struct {
	// constant after prepare
	t         *Transcriber
	keep      *parley.Keep
	lease     parley.Lease
	task      Task
	utterance parley.Utterance // as it was when the task was made; zero before
}

// Task implements Held.
func (h *held) Task() Task { return h.task }

// Extend implements Held.
func (h *held) Extend(ctx context.Context) error { return h.lease.Extend(ctx) }

// prepare makes the task; false when there is nothing to hear. An error that is Unavailable means that a
// store was not there; any other is the utterance's own fault.
func (h *held) prepare(ctx context.Context) (wanted bool, err error) {
	job := h.lease.Job()
	u, err := h.keep.Transcripts.Utterance(ctx, job.Utterance)
	if errors.Is(err, parley.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, asUnavailable(err)
	}
	h.task = Task{Kind: job.Kind, Region: h.keep.Region, Utterance: u.ID}
	language := ""
	if job.Kind == parley.JobAgain {
		p, _, wanted, err := h.t.passOf(ctx, h.keep, u, job)
		if err != nil || !wanted {
			return false, asUnavailable(err)
		}
		language = p.Language
	} else if u.State != parley.Pending {
		return false, nil
	}
	h.utterance = u
	if h.task.Audio, err = readAudio(ctx, h.keep, u); err != nil {
		return false, err
	}
	k, err := h.t.knownOf(ctx, h.keep, u)
	if err != nil {
		return false, err
	}
	h.task.Language, h.task.Spoken, h.task.Terms = k.lang, k.spoken, k.terms
	if language != "" {
		h.task.Language, h.task.Spoken = language, nil
	}
	return true, nil
}

// readAudio reads the sound of an utterance.
func readAudio(ctx context.Context, keep *parley.Keep, u parley.Utterance) ([]byte, error) {
	object, err := keep.Objects.Open(ctx, u.Audio, 0, -1)
	if err != nil {
		return nil, fmt.Errorf("open utterance: %w", asUnavailable(err))
	}
	audio, err := io.ReadAll(io.LimitReader(object, maxAudio))
	if err := errors.Join(err, object.Close()); err != nil {
		return nil, fmt.Errorf("read utterance: %w", asUnavailable(err))
	}
	if sum := parley.Hash(sha256.Sum256(audio)); sum != u.SHA256 {
		return nil, fmt.Errorf("read utterance: its hash has changed: %w", parley.Invalid)
	}
	return audio, nil
}

// Answer implements Held.
func (h *held) Answer(ctx context.Context, a Answer) error {
	if a.Guarded {
		h.t.metrics.guarded.Inc()
	}
	store := h.finish
	if h.task.Kind == parley.JobAgain {
		store = h.putAgain
	}
	if err := store(ctx, a); err != nil {
		return err
	}
	return h.lease.Done(ctx)
}

// finish stores the first words of an utterance. Whoever comes second changes nothing.
func (h *held) finish(ctx context.Context, a Answer) error {
	u := h.utterance
	u.State, u.Attempts = parley.Recognized, u.Attempts+1
	u.Words, u.Lang, u.Confidence = onClock(a.Words, u), a.Lang, a.Confidence
	u.Text, u.Engine, u.Model = textOf(u.Words), a.Engine, a.Model
	switch err := h.keep.Transcripts.FinishUtterance(ctx, u); {
	case err == nil:
		h.t.metrics.recognized.Inc()
	case !errors.Is(err, parley.Conflict):
		return err
	}
	return h.t.told(ctx, h.keep, u) // again for a Conflict: whoever was first may have been killed right then
}

// Fail implements Held.
func (h *held) Fail(ctx context.Context, cause error) error {
	if errors.Is(cause, parley.Unavailable) || h.utterance.ID == "" {
		return h.lease.Fail(ctx)
	}
	if h.task.Kind == parley.JobAgain { // the words it has stay
		h.t.metrics.deferred.Inc()
		h.t.log.Warn("utterance was not recognized again", zap.String("utterance", string(h.utterance.ID)), zap.Error(cause))
		if err := h.endAgain(ctx); err != nil {
			return errors.Join(err, h.lease.Fail(ctx))
		}
	} else if err := h.t.postpone(ctx, h.keep, h.utterance, cause); err != nil {
		return errors.Join(err, h.lease.Fail(ctx))
	}
	return h.lease.Done(ctx)
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
		t.askSoon(keep.Region, u.Meeting) //nolint:contextcheck // it outlives whoever told
		return nil
	}
	return t.askMinutes(ctx, keep.Region, u.Meeting, string(u.ID))
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
	k.terms = t.termsOf(m, people)
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

// termsOf are the names and terms of a meeting: who is there, what it is called, and the glossary.
func (t *Transcriber) termsOf(m parley.Meeting, people []parley.Participant) []string {
	terms := append([]string{m.Title}, t.cfg.Glossary...)
	for _, p := range people {
		terms = append(terms, p.Name)
		for _, alias := range p.Aliases {
			if !strings.EqualFold(alias, p.Title) { // what somebody does is said in common words
				terms = append(terms, alias)
			}
		}
	}
	return terms
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
