package signaling

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/parley/parley"
)

const (
	// handTimeout bounds one attempt to hand an ended meeting over: what is still to be uploaded and
	// written then is a few seconds of media.
	handTimeout = time.Minute
	// retryFirst and retryMost bound the pause between attempts.
	retryFirst = time.Second
	retryMost  = 30 * time.Second
)

// finish ends the room: everybody is told and gone, the media is closed, and, unless the server only
// stops, the meeting ends and is handed to Taps. stopHelpers ends what the room has started.
func (r *room) finish(ctx context.Context, stopHelpers func()) {
	_, over := r.over.last.(*Ended)
	over = over && r.begun.Load() != nil // one in which nobody ever arrived stays scheduled
	ending := r.keep.Meetings.EndMeeting
	stored := true
	if over {
		stored = r.attempt(ctx, "end of meeting could not be stored", func(ctx context.Context) error {
			return ending(ctx, r.id, r.empty)
		}) == nil
	}
	r.dismiss()
	r.media.Close()
	stopHelpers()
	if !stored { // nobody waits for it any more: until it is, the room stays closed to all
		stored = r.insist(ctx, "end of meeting could not be stored", func(ctx context.Context) error {
			return ending(ctx, r.id, r.empty)
		})
	}
	r.rooms.forget(r)
	close(r.done)
	if over && stored {
		r.insist(ctx, "ended meeting could not be completed", func(ctx context.Context) error {
			return r.rooms.taps.Ended(ctx, r.id)
		})
	}
}

// dismiss says the last words to everybody and waits until they are gone.
func (r *room) dismiss() {
	for _, a := range r.people {
		a.session.end(r.over)
	}
	for r.sessions > 0 {
		e := <-r.inbox
		e.apply(r)
	}
}

// insist repeats an attempt until it succeeds or the server stops; it reports which.
func (r *room) insist(ctx context.Context, complaint string, do func(context.Context) error) bool {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for next := retryFirst; ; next = min(2*next, retryMost) {
		if r.attempt(ctx, complaint, do) == nil {
			return true
		}
		pause.Reset(next)
		select {
		case <-pause.C:
		case <-ctx.Done():
			return false // the catalog still says what is missing: the next start goes on
		}
	}
}

// attempt does something once, even while the server stops.
func (r *room) attempt(ctx context.Context, complaint string, do func(context.Context) error) error {
	once, cancel := context.WithTimeout(context.WithoutCancel(ctx), handTimeout)
	defer cancel()
	err := do(once)
	if err != nil {
		r.log.Error(complaint, zap.Error(err))
	}
	return err
}

// lastActivity is the last sign of life in the catalog: when a meeting that nobody comes back to has
// ended.
func (r *room) lastActivity(
	ctx context.Context, people []parley.Participant, lines []parley.ChatMessage,
) (time.Time, error) {
	if r.first.State != parley.Live {
		return time.Now(), nil
	}
	last := r.first.Started
	note := func(t time.Time) {
		if t.After(last) {
			last = t
		}
	}
	for _, p := range people {
		note(p.Joined)
		note(p.Left)
	}
	if len(lines) > 0 {
		note(r.first.Started.Add(lines[len(lines)-1].At))
	}
	recording, err := r.keep.Recordings.Recording(ctx, r.id)
	if err != nil && !errors.Is(err, parley.NotFound) {
		return last, fmt.Errorf("read recording: %w", err)
	}
	for _, track := range recording.Tracks {
		note(r.first.Started.Add(track.Ended))
		if n := len(track.Segments); n > 0 {
			note(r.first.Started.Add(track.Segments[n-1].End))
		}
	}
	return last, nil
}
