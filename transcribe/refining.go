package transcribe

import (
	"context"
	"errors"

	"go.uber.org/zap"

	"github.com/parley/parley"
)

// Refiner goes over final minutes with what a region has for that, a language model. An error leaves
// the minutes as they are; rejected counts what of its answers did not hold.
type Refiner interface {
	Serves(region parley.Region) bool
	Refine(ctx context.Context, t parley.Transcript, m parley.Minutes) (refined parley.Minutes, rejected int, err error)
}

func (t *Transcriber) refines(region parley.Region) bool {
	return t.refiner != nil && t.refiner.Serves(region)
}

// refine carries out a refine job. The minutes are there already and people may be at work on them, so
// a model that fails is not tried again; what is extracted again meanwhile is refined by its own job.
func (t *Transcriber) refine(ctx context.Context, keep *parley.Keep, job parley.Job) error {
	before, err := keep.Actions.Minutes(ctx, job.Meeting)
	if errors.Is(err, parley.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	transcript, err := keep.Transcripts.Transcript(ctx, job.Meeting)
	if err != nil {
		return err
	}
	lines, err := keep.Chats.ChatMessages(ctx, job.Meeting)
	if err != nil {
		return err
	}
	refined, rejected, err := t.refiner.Refine(ctx, withTyped(transcript, lines), before)
	t.metrics.refineRejected.Add(float64(rejected))
	if ctx.Err() != nil {
		return context.Cause(ctx) // the server stops: somebody else's turn
	}
	if err != nil {
		t.metrics.refineFailed.Inc()
		t.log.Warn("minutes were not refined; they stay as they are", zap.String("meeting", string(job.Meeting)), zap.Error(err))
		return nil
	}
	now, err := keep.Actions.Minutes(ctx, job.Meeting)
	if err != nil {
		return err
	}
	if !now.Made.Equal(before.Made) {
		return nil // made again meanwhile
	}
	if err := keep.Actions.PutMinutes(ctx, refined); err != nil {
		return err
	}
	t.metrics.refined.Inc()
	t.events.Publish(parley.Event{Kind: parley.EventMinutes, Meeting: job.Meeting})
	return nil
}
