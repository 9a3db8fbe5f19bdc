package recorder

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
	"go.uber.org/zap"

	"github.com/parley/parley"
	"github.com/parley/parley/media"
)

const (
	// reorderWindow and reorderWait are what a retransmission may take: three round trips of 100 ms.
	reorderWindow = 512
	reorderWait   = 300 * time.Millisecond
	// tick is how often a loop looks whether a missing packet is to be given up.
	tick = 100 * time.Millisecond
	// lossShown is from when on missing packets are a gap: shorter ones nobody hears.
	lossShown = 100 * time.Millisecond
	// diskPause is how long a loop leaves the disk alone after it refused.
	diskPause = 2 * time.Second
)

// Track is one track being kept: a tap. Write and Close are called as sfu.Tap says.
type Track struct {
	// constant after newTrack
	recorder *Recorder
	meeting  parley.Meeting
	track    parley.Track
	line     *line

	queue    chan queued
	closing  chan struct{}
	once     sync.Once
	overflow atomic.Int64 // packets dropped since the loop last looked

	// owned by the loop
	order   *media.Reorder
	clock   *media.Clock
	framer  framer
	files   segments
	last    time.Duration // end of the last frame, or start of the track
	broken  time.Duration // since when the disk refuses; -1 while it does not
	retryAt time.Time     // while it does: not before
}

type queued struct {
	packet  *rtp.Packet
	arrived time.Time
}

func newTrack(r *Recorder, m parley.Meeting, t parley.Track, f framer, l *line) *Track {
	return &Track{
		recorder: r, meeting: m, track: t, line: l,
		queue: make(chan queued, r.cfg.QueueLength), closing: make(chan struct{}),
		order: media.NewReorder(reorderWindow, reorderWait), clock: media.NewClock(t.ClockRate, m.Started),
		framer: f, last: t.Started, broken: -1,
		files: segments{
			track: t, folder: l.folder, length: r.cfg.SegmentLength,
			sealed: func(s parley.Segment) { l.add(segmentWork(s)) },
		},
	}
}

// Write takes a copy of p. When the queue is full it is dropped and counted.
func (t *Track) Write(p *rtp.Packet, arrived time.Time) {
	t.recorder.metrics.packets.Inc()
	own := &rtp.Packet{Header: p.Header, Payload: slices.Clone(p.Payload)}
	own.CSRC, own.Extensions = nil, nil // they point into the publication's buffer
	select {
	case t.queue <- queued{own, arrived}:
	default:
		t.overflow.Add(1)
	}
}

// Close ends the track. It returns at once; Recorder.Seal waits for what is still queued.
func (t *Track) Close() { t.once.Do(func() { close(t.closing) }) }

// loop writes until the track is closed and the queue is empty.
func (t *Track) loop() {
	defer t.recorder.metrics.tracks.Dec()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	t.line.begin()
	for {
		select {
		case q := <-t.queue:
			t.order.Push(q.packet, q.arrived)
			t.drain(q.arrived)
		case now := <-ticker.C:
			t.drain(now)
		case <-t.closing:
			t.finish()
			return
		}
	}
}

func (t *Track) finish() {
	for len(t.queue) > 0 {
		q := <-t.queue
		t.order.Push(q.packet, q.arrived)
		t.drain(q.arrived)
	}
	t.order.Flush()
	now := time.Now()
	t.drain(now)
	if err := t.files.finish(); err != nil {
		t.diskFailed(err, now)
	}
	if t.broken >= 0 {
		t.line.add(gapWork(parley.Gap{Track: t.track.ID, Start: t.broken, End: t.last, Reason: parley.GapDisk}))
	}
	t.line.add(closeWork(t.last))
}

// drain writes every packet that is in order, or given up on.
func (t *Track) drain(now time.Time) {
	if n := t.overflow.Swap(0); n > 0 {
		t.recorder.metrics.overflow.Add(float64(n))
		t.line.add(gapWork(parley.Gap{
			Track: t.track.ID, Start: t.last, End: max(t.last, t.meeting.Clock(now)), Reason: parley.GapOverflow,
		}))
	}
	for {
		p, arrived, lost, ok := t.order.Pop(now)
		if !ok {
			return
		}
		at := max(t.clock.At(p.Timestamp, arrived), t.track.Started)
		if lost > 0 {
			t.recorder.metrics.lost.Add(float64(lost))
			if at-t.last > lossShown {
				t.line.add(gapWork(parley.Gap{Track: t.track.ID, Start: t.last, End: at, Reason: parley.GapLoss}))
			}
		}
		if f, ok := t.framer.push(p, at, lost); ok {
			t.keep(f, now)
		}
	}
}

// keep writes a frame, or notes since when the disk does not take any.
func (t *Track) keep(f frame, now time.Time) {
	f.at = max(f.at, t.last-f.duration/2) // times never go back; sound may overlap by less than it jitters
	if f.at < t.files.cluster && t.files.file != nil {
		f.at = t.files.cluster
	}
	end := f.at + f.duration
	if t.broken >= 0 && now.Before(t.retryAt) {
		t.last = max(t.last, end)
		return
	}
	if err := t.files.write(f, t.framer.spec); err != nil {
		t.diskFailed(err, now)
		t.last = max(t.last, end)
		return
	}
	if t.broken >= 0 {
		t.line.add(gapWork(parley.Gap{Track: t.track.ID, Start: t.broken, End: f.at, Reason: parley.GapDisk}))
		t.broken = -1
		t.recorder.setTrouble(t.meeting.ID, func(s *troubleText) { s.disk = "" })
	}
	t.recorder.metrics.frames.Inc()
	t.last = max(t.last, end)
}

// diskFailed notes that the disk refused, and tells the people of the meeting.
func (t *Track) diskFailed(err error, now time.Time) {
	t.recorder.metrics.diskErrors.Inc()
	t.retryAt = now.Add(diskPause)
	if t.broken >= 0 {
		return
	}
	t.broken = t.last
	say := "Recording is interrupted: the server's disk does not accept data."
	if isFull(err) {
		say = "Recording is interrupted: the server's disk is full."
	}
	t.recorder.setTrouble(t.meeting.ID, func(s *troubleText) { s.disk = say })
	t.recorder.log.Error("spool refuses data: free space or mend the disk",
		zap.String("meeting", string(t.meeting.ID)), zap.Error(err))
}
