package transcribe

import (
	"context"
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
	for {
		if err := t.sweep(ctx, keep, time.Now()); err != nil && ctx.Err() == nil {
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
