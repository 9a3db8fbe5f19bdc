package bus

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley/parley"
)

// lease is one claimed job.
type lease struct {
	job     parley.Job
	message jetstream.Msg
}

// Job implements parley.Lease.
func (l *lease) Job() parley.Job { return l.job }

// Extend implements parley.Lease.
func (l *lease) Extend(context.Context) error {
	if err := l.message.InProgress(); err != nil {
		return fmt.Errorf("extend lease: %w: %w", parley.Unavailable, err)
	}
	return nil
}

// Done implements parley.Lease: the job is gone once it returns.
func (l *lease) Done(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if err := l.message.DoubleAck(ctx); err != nil {
		return fmt.Errorf("end lease: %w: %w", parley.Unavailable, err)
	}
	return nil
}

// The first try after a failure comes soon, since most failures are a restart; then less and less
// often, since the rest are not.
const (
	firstDelay   = time.Second
	longestDelay = 2 * time.Minute
)

// Fail implements parley.Lease.
func (l *lease) Fail(context.Context) error {
	delay := firstDelay
	if meta, err := l.message.Metadata(); err == nil {
		for range min(meta.NumDelivered-1, 8) {
			delay *= 2
		}
	}
	if err := l.message.NakWithDelay(min(delay, longestDelay)); err != nil {
		return fmt.Errorf("give job back: %w: %w", parley.Unavailable, err)
	}
	return nil
}
