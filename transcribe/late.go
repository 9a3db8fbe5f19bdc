package transcribe

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/parley/parley"
)

const (
	// latePeriod is how often the rows are asked what waits.
	latePeriod = 2 * time.Second
	// lateFrom is what words may take without anybody being told.
	lateFrom = 10 * time.Second
)

// lateness is how far words are behind what was said. It is safe for concurrent use.
type lateness struct {
	waiting prometheus.Gauge // utterances, of all meetings
	oldest  prometheus.Gauge // seconds

	mu   sync.Mutex // guards everything below
	late map[parley.Region]map[parley.MeetingID]time.Duration
}

// watch asks the rows of a region until ctx ends: whoever does the work, they tell.
func (l *lateness) watch(ctx context.Context, keep *parley.Keep, log *zap.Logger) {
	ticker := time.NewTicker(latePeriod)
	defer ticker.Stop()
	for {
		if err := l.look(ctx, keep, time.Now()); err != nil && ctx.Err() == nil {
			log.Warn("waiting utterances could not be counted", zap.String("region", string(keep.Region)), zap.Error(err))
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func (l *lateness) look(ctx context.Context, keep *parley.Keep, now time.Time) error {
	backlog, err := keep.Transcripts.Backlog(ctx)
	if err != nil {
		return err
	}
	late := map[parley.MeetingID]time.Duration{}
	count, oldest := 0, time.Duration(0)
	for _, b := range backlog {
		m, err := keep.Meetings.Meeting(ctx, b.Meeting)
		if err != nil {
			return err
		}
		late[b.Meeting] = max(0, m.Clock(now)-b.Oldest)
		count += b.Waiting
		oldest = max(oldest, late[b.Meeting])
	}
	l.waiting.Set(float64(count))
	l.oldest.Set(oldest.Seconds())
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.late == nil {
		l.late = map[parley.Region]map[parley.MeetingID]time.Duration{}
	}
	l.late[keep.Region] = late
	return nil
}

// Late is how far the words of a meeting are behind, in steps of 5 s; 0 when nobody would notice.
func (t *Transcriber) Late(in parley.Region, id parley.MeetingID) time.Duration {
	t.lateness.mu.Lock()
	defer t.lateness.mu.Unlock()
	late := t.lateness.late[in][id]
	if late < lateFrom {
		return 0
	}
	const step = 5 * time.Second
	return late.Round(step)
}
