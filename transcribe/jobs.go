package transcribe

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/parley/parley"
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
	held, stop := holdLease(ctx, lease)
	err := guarded(func() error { return do(held, keep, lease.Job()) })
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
