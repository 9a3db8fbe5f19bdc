package recorder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/parley/parley"
)

const (
	// attemptTimeout bounds one attempt to bring one thing into its region.
	attemptTimeout = 30 * time.Second
	// firstPause and longestPause are between attempts.
	firstPause   = 200 * time.Millisecond
	longestPause = 15 * time.Second
	// trackFile holds the parley.Track of a spool folder, for Recover.
	trackFile = "track.json"
)

// work is one thing to bring into the region. Exactly one field is set.
type work struct {
	segment *parley.Segment
	gap     *parley.Gap
	end     *time.Duration // of the track
	crashed bool           // close the track where its last segment ends
}

func segmentWork(s parley.Segment) work { return work{segment: &s} }
func gapWork(g parley.Gap) work         { return work{gap: &g} }
func closeWork(end time.Duration) work  { return work{end: &end} }

// last reports whether no work follows.
func (w work) last() bool { return w.end != nil || w.crashed }

func (l *line) path(number int) string {
	return filepath.Join(l.folder, segmentName(number)+wholeSuffix)
}
func (l *line) trackPath() string { return filepath.Join(l.folder, trackFile) }
func (l *line) setTrouble(say string) {
	l.r.setTrouble(l.track.Meeting, func(s *troubleText) { s.region = say })
}

// line brings the work of one track into its region, in order, each thing until it succeeds.
type line struct {
	// constant after newLine
	r      *Recorder
	keep   *parley.Keep
	track  parley.Track
	folder string // in the spool

	mu    sync.Mutex // guards everything below
	works []work
	added chan struct{} // of capacity 1
}

func newLine(r *Recorder, keep *parley.Keep, t parley.Track, folder string) *line {
	return &line{r: r, keep: keep, track: t, folder: folder, added: make(chan struct{}, 1)}
}

// begin makes the folder and writes down whose it is, so that what a killed process leaves can be
// brought home. A disk that refuses is told of by the first frame.
func (l *line) begin() {
	text, err := json.Marshal(l.track)
	if err == nil {
		err = os.MkdirAll(l.folder, 0o700)
	}
	if err == nil {
		err = os.WriteFile(l.trackPath(), text, 0o600)
	}
	if err != nil {
		l.r.metrics.diskErrors.Inc()
	}
}

// add appends work. It never blocks: a work is a few hundred bytes, and two seconds long.
func (l *line) add(w work) {
	l.mu.Lock()
	l.works = append(l.works, w)
	l.mu.Unlock()
	l.r.metrics.waiting.Inc()
	select {
	case l.added <- struct{}{}:
	default:
	}
}

// next waits for work; false when ctx ends first.
func (l *line) next(ctx context.Context) (work, bool) {
	for {
		l.mu.Lock()
		if len(l.works) > 0 {
			w := l.works[0]
			l.works = l.works[1:]
			l.mu.Unlock()
			return w, true
		}
		l.mu.Unlock()
		select {
		case <-l.added:
		case <-ctx.Done():
			return work{}, false
		}
	}
}

// run brings everything home until the track is closed; it reports whether it came to that.
func (l *line) run(ctx context.Context) (finished bool) {
	if !l.insist(ctx, l.openTrack) {
		return false
	}
	for {
		w, ok := l.next(ctx)
		if !ok {
			return false
		}
		if !l.insist(ctx, func(ctx context.Context) error { return l.carry(ctx, w) }) {
			return false
		}
		l.r.metrics.waiting.Dec()
		if w.last() {
			_ = os.RemoveAll(l.folder) // empty but for its description; Recover takes it for done
			return true
		}
	}
}

// insist repeats an attempt until it succeeds; false when ctx ends first.
func (l *line) insist(ctx context.Context, do func(context.Context) error) bool {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		attempt, cancel := context.WithTimeout(ctx, attemptTimeout)
		err := do(attempt)
		cancel()
		if err == nil {
			l.setTrouble("")
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		l.r.metrics.uploadErrors.Inc()
		l.r.log.Warn("region refuses a piece of a recording; trying again",
			zap.String("meeting", string(l.track.Meeting)), zap.String("region", string(l.keep.Region)), zap.Error(err))
		if isFull(err) {
			l.setTrouble("The recording waits: there is no room left in its region.")
		} else {
			l.setTrouble("The recording waits: its region does not accept data just now.")
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return false
		}
	}
}

func (l *line) openTrack(ctx context.Context) error {
	return l.keep.Recordings.OpenTrack(ctx, l.track)
}

func (l *line) carry(ctx context.Context, w work) error {
	switch {
	case w.segment != nil:
		return l.upload(ctx, *w.segment)
	case w.gap != nil:
		return l.keep.Recordings.AddGap(ctx, *w.gap)
	case w.end != nil:
		return l.keep.Recordings.CloseTrack(ctx, l.track.ID, *w.end)
	default:
		others := func(id parley.TrackID) bool { return id != l.track.ID }
		return closeCrashed(ctx, l.keep, l.track.Meeting, l.r.cfg.SegmentLength, others)
	}
}

// upload stores a segment, then its row, then gives up the file. Each step may be repeated.
func (l *line) upload(ctx context.Context, s parley.Segment) error {
	file, err := os.Open(l.path(s.Number))
	if errors.Is(err, os.ErrNotExist) {
		return nil // done by an attempt whose answer was lost
	}
	if err != nil {
		return fmt.Errorf("read spool: %w", err)
	}
	defer func() { _ = file.Close() }()
	if err := l.keep.Objects.Put(ctx, parley.ObjectInfo{Key: s.Key, Bytes: s.Bytes, SHA256: s.SHA256}, file); err != nil {
		return fmt.Errorf("store segment %d: %w", s.Number, err)
	}
	if err := l.keep.Recordings.AddSegment(ctx, s); err != nil {
		return fmt.Errorf("list segment %d: %w", s.Number, err)
	}
	if err := os.Remove(file.Name()); err != nil {
		return fmt.Errorf("clear spool: %w", err)
	}
	l.r.metrics.segments.Inc()
	l.r.metrics.bytes.Add(float64(s.Bytes))
	return nil
}
