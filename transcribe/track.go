package transcribe

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/pion/rtp"

	"github.com/parley/parley"
	"github.com/parley/parley/media"
)

const (
	// queueLength is how many packets of a track may wait: 20 s, longer than an engine needs to
	// restart.
	queueLength = 1024
	// tick is how often a loop looks whether a missing packet is to be given up, or a pause has come.
	tick = 250 * time.Millisecond
)

// Track is one microphone being heard: a tap. Write and Close are called as sfu.Tap says.
type Track struct {
	// constant after newTrack
	t        *Transcriber
	saver    *saver
	queue    chan queued
	closing  chan struct{}
	once     sync.Once
	timeline *timeline // owned by the loop
}

type queued struct {
	packet  *rtp.Packet
	arrived time.Time
}

// Track begins to hear a track, as a tap: Write and Close. It returns at once. Anything but Opus is
// Invalid, a stopping server Unavailable, a region that is not configured NotFound.
func (t *Transcriber) Track(m parley.Meeting, track parley.Track, arrived time.Time) (*Track, error) {
	keep, err := t.regions.In(m.Region)
	if err != nil {
		return nil, err
	}
	if track.Codec != "audio/opus" {
		return nil, &parley.Error{Op: "transcribe track", Kind: parley.Invalid, Say: "Only Opus is put into words."}
	}
	track.Started = max(0, m.Clock(arrived))
	s := newSaver(t, keep, track)
	line, err := newTimeline(media.NewClock(track.ClockRate, m.Started), t.voices, s.add)
	if err != nil {
		return nil, err
	}
	t.showGrowing(line, m, track)
	tap := &Track{
		t: t, saver: s, timeline: line, queue: make(chan queued, queueLength), closing: make(chan struct{}),
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.saves == nil {
		return nil, &parley.Error{Op: "transcribe track", Kind: parley.Unavailable, Say: "The server is stopping."}
	}
	t.startSaver(s)
	t.tasks.Go(func() { tap.loop(t.saves) })
	return tap, nil
}

// Write takes a copy of p. When the queue is full it is dropped and counted.
func (t *Track) Write(p *rtp.Packet, arrived time.Time) {
	own := &rtp.Packet{Header: p.Header, Payload: slices.Clone(p.Payload)}
	own.CSRC, own.Extensions = nil, nil // they point into the publication's buffer
	select {
	case t.queue <- queued{own, arrived}:
	default:
		t.t.metrics.overflow.Inc()
	}
}

// Close ends the track. It returns at once; Finish waits for what is still queued.
func (t *Track) Close() { t.once.Do(func() { close(t.closing) }) }

// loop hears until the track is closed and the queue is empty.
func (t *Track) loop(ctx context.Context) {
	defer t.saver.close()
	order := media.NewReorder(reorderWindow, reorderWait)
	drain := func(now time.Time) {
		for {
			p, arrived, lost, ok := order.Pop(now)
			if !ok {
				return
			}
			t.timeline.push(ctx, p, arrived, lost)
		}
	}
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	heard := time.Now()
	for {
		select {
		case q := <-t.queue:
			heard = time.Now()
			order.Push(q.packet, q.arrived)
			drain(q.arrived)
		case now := <-ticker.C:
			drain(now)
			if now.Sub(heard) >= apart { // a browser that sends nothing while nobody speaks
				t.timeline.flush(ctx)
			}
		case <-t.closing:
			for len(t.queue) > 0 {
				q := <-t.queue
				order.Push(q.packet, q.arrived)
				drain(q.arrived)
			}
			order.Flush()
			drain(time.Now())
			t.timeline.close(ctx)
			return
		}
	}
}
