package recorder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/parley/parley"
)

// Recorder keeps the tracks of all meetings of this process. Safe for concurrent use.
type Recorder struct {
	// constant after New
	cfg     Config
	regions parley.Regions
	log     *zap.Logger
	metrics *metrics

	tasks sync.WaitGroup // loops and uploaders

	mu      sync.Mutex                       // guards everything below
	uploads context.Context                  //nolint:containedctx // of uploaders; nil unless Run runs
	left    []*line                          // what Recover could not bring into its region
	kept    map[parley.MeetingID]*kept       // meetings with open tracks or waiting work
	trouble map[parley.MeetingID]troubleText // what is not kept that should be
}

// kept counts what of one meeting is not in its region yet.
type kept struct {
	lines int           // tracks whose uploader has not ended
	done  chan struct{} // closed when lines is 0
}

// troubleText is a sentence for the people of a meeting, by what it is about.
type troubleText struct{ disk, region, codec string }

func (t troubleText) String() string {
	for _, s := range []string{t.disk, t.codec, t.region} {
		if s != "" {
			return s
		}
	}
	return ""
}

// New makes the spool directory and starts nothing. A spool that cannot be written is an error that
// names it.
func New(cfg Config, regions parley.Regions, log *zap.Logger, reg prometheus.Registerer) (*Recorder, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("recorder: %w", err)
	}
	if err := writable(cfg.Spool); err != nil {
		return nil, &parley.Error{
			Op: "open spool", Kind: parley.Unavailable, Err: err,
			Say: fmt.Sprintf("cannot write to the spool directory %s; set recorder.spool to one that this user may write", cfg.Spool),
		}
	}
	m, err := newMetrics(reg)
	if err != nil {
		return nil, err
	}
	return &Recorder{
		cfg: cfg, regions: regions, log: log, metrics: m,
		kept: map[parley.MeetingID]*kept{}, trouble: map[parley.MeetingID]troubleText{},
	}, nil
}

func writable(directory string) error {
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return err
	}
	probe, err := os.CreateTemp(directory, ".probe-*")
	if err != nil {
		return err
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// Run blocks until ctx ends, then until every track is closed and uploaded, or DrainTimeout is over.
// Whoever closes the taps does so when ctx ends, too.
func (r *Recorder) Run(ctx context.Context) error {
	uploads, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	r.mu.Lock()
	r.uploads = uploads
	for _, l := range r.left {
		r.startLine(l) //nolint:contextcheck // it ends with r.uploads
	}
	r.left = nil
	r.mu.Unlock()

	<-ctx.Done()
	r.mu.Lock()
	r.uploads = nil // nobody adds to tasks any more
	r.mu.Unlock()
	drain := time.AfterFunc(r.cfg.DrainTimeout, cancel)
	defer drain.Stop()
	r.tasks.Wait()
	return nil
}

// startLine runs an uploader. r.mu is held.
func (r *Recorder) startLine(l *line) {
	k := r.kept[l.track.Meeting]
	if k == nil {
		k = &kept{done: make(chan struct{})}
		r.kept[l.track.Meeting] = k
	}
	k.lines++
	uploads := r.uploads
	r.tasks.Go(func() {
		finished := l.run(uploads)
		r.mu.Lock()
		defer r.mu.Unlock()
		if k.lines--; k.lines == 0 && finished {
			delete(r.kept, l.track.Meeting)
			close(k.done)
		}
	})
}

// Track begins to keep a track, as a tap: Write and Close. It returns at once; what cannot be kept is
// told by Trouble. A codec that has no place in WebM is Invalid, a stopping server Unavailable, a
// region that is not configured NotFound.
func (r *Recorder) Track(m parley.Meeting, t parley.Track, arrived time.Time) (*Track, error) {
	keep, err := r.regions.In(m.Region)
	if err != nil {
		return nil, err
	}
	t.Started = max(0, m.Clock(arrived))
	framer, err := newFramer(t)
	if err != nil {
		r.setTrouble(m.ID, func(s *troubleText) {
			s.codec = "A track is not recorded: its browser sends a format that parley does not keep."
		})
		return nil, err
	}
	track := newTrack(r, m, t, framer, newLine(r, keep, t, r.folder(m.Region, t)))
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.uploads == nil {
		return nil, &parley.Error{Op: "record track", Kind: parley.Unavailable, Say: "The server is stopping."}
	}
	r.startLine(track.line)
	r.metrics.tracks.Inc()
	r.tasks.Go(track.loop)
	return track, nil
}

// folder is where a track's files rest in the spool.
func (r *Recorder) folder(region parley.Region, t parley.Track) string {
	return filepath.Join(r.cfg.Spool, string(region), string(t.Meeting), string(t.ID))
}

// Trouble is a sentence when something of a meeting is not kept that should be, else "".
func (r *Recorder) Trouble(id parley.MeetingID) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.trouble[id].String()
}

func (r *Recorder) setTrouble(id parley.MeetingID, change func(*troubleText)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := r.trouble[id]
	change(&text)
	if text == (troubleText{}) {
		delete(r.trouble, id)
		return
	}
	r.trouble[id] = text
}

// settled waits until everything of a meeting is in its region.
func (r *Recorder) settled(ctx context.Context, id parley.MeetingID) error {
	r.mu.Lock()
	k := r.kept[id]
	r.mu.Unlock()
	if k == nil {
		return nil
	}
	select {
	case <-k.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for uploads: %w", context.Cause(ctx))
	}
}
