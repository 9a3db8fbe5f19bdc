package transcribe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/parley/parley"
)

const (
	// sweepInterval is how late a job can be that the bus has lost.
	sweepInterval = 30 * time.Second
	// sweepMost is how many jobs one sweep makes.
	sweepMost = 500
)

// sweepEvery makes jobs of rows that have none, until ctx ends.
func (t *Transcriber) sweepEvery(ctx context.Context, keep *parley.Keep) {
	ticker := time.NewTicker(sweepInterval)
	defer ticker.Stop()
	lost := passGrace // the bus may have been emptied before the start: every job of a pass counts as lost
	for {
		now := time.Now()
		err := t.sweep(ctx, keep, now)
		if again := t.sweepPasses(ctx, keep, now.Add(lost)); again != nil {
			err = errors.Join(err, again)
			lost += 2 * passGrace // what was put off and not sent is looked at as well
		} else {
			lost = 0
		}
		if err != nil && ctx.Err() == nil {
			t.log.Warn("rows could not be swept", zap.String("region", string(keep.Region)), zap.Error(err))
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// sweep makes jobs of the rows that are due at now. Jobs that exist twice do no harm.
func (t *Transcriber) sweep(ctx context.Context, keep *parley.Keep, now time.Time) error {
	if t.wanted() {
		due, err := keep.Transcripts.DueUtterances(ctx, now, sweepMost)
		if err != nil {
			return fmt.Errorf("list due utterances: %w", err)
		}
		for _, u := range due {
			job := utteranceJob(keep.Region, u)
			job.ID = fmt.Sprintf("%s-swept-%d", job.ID, now.Unix()/int64(sweepInterval.Seconds()))
			if err := t.jobs.Submit(ctx, job); err != nil {
				return fmt.Errorf("submit job: %w", err)
			}
		}
	}
	unfinished, err := keep.Actions.UnfinishedMeetings(ctx)
	if err != nil {
		return fmt.Errorf("list unfinished meetings: %w", err)
	}
	for _, id := range unfinished {
		why := fmt.Sprintf("swept-%d", now.Unix()/int64(sweepInterval.Seconds()))
		if err := t.askMinutes(ctx, keep.Region, id, why); err != nil {
			return err
		}
	}
	return nil
}

// sweepPasses makes jobs of what passes have still to hear and is due at a time, and leaves that alone for a
// while. Jobs that exist twice do no harm.
func (t *Transcriber) sweepPasses(ctx context.Context, keep *parley.Keep, due time.Time) error {
	for t.wanted() {
		found, err := keep.Transcripts.DueRehearings(ctx, due, due.Add(passGrace), sweepMost)
		if err != nil {
			return err
		}
		for _, r := range found {
			job := againJob(keep.Region, r)
			job.ID = fmt.Sprintf("%s-swept-%d", job.ID, due.Unix()/int64(sweepInterval.Seconds()))
			if err := t.jobs.Submit(ctx, job); err != nil {
				return fmt.Errorf("submit job: %w", err)
			}
		}
		if len(found) < sweepMost {
			break
		}
	}
	return nil
}
