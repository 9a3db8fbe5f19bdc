package transcribe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/parley/parley"
	"github.com/parley/parley/media"
	"github.com/parley/parley/media/container"
)

// maxSegment bounds what is read of one recorded segment: two seconds of sound are 130 kB at most.
const maxSegment = 8 << 20

// Recover cuts what a killed process had heard and not stored from the recording: of every track that
// was interrupted, what follows its last utterance. Called once, after the recorder's own recovery and
// before anybody is let in, so that no meeting ends meanwhile. ready, or nil, is called before the
// first track is heard: it may wait for a detector. A track that cannot be read is logged and left.
func (t *Transcriber) Recover(ctx context.Context, ready func(context.Context)) error {
	if ready == nil {
		ready = func(context.Context) {}
	}
	once := sync.OnceFunc(func() { ready(ctx) })
	for region, keep := range t.regions {
		meetings, err := keep.Actions.UnfinishedMeetings(ctx)
		if err != nil {
			return fmt.Errorf("recover transcripts of %s: %w", region, err)
		}
		live, err := keep.Meetings.LiveMeetings(ctx)
		if err != nil {
			return fmt.Errorf("recover transcripts of %s: %w", region, err)
		}
		for _, m := range live {
			meetings = append(meetings, m.ID)
		}
		for _, id := range meetings {
			if err := t.recoverMeeting(ctx, keep, id, once); err != nil {
				return fmt.Errorf("recover transcripts of %s: %w", region, err)
			}
		}
	}
	return nil
}

func (t *Transcriber) recoverMeeting(ctx context.Context, keep *parley.Keep, id parley.MeetingID, ready func()) error {
	recording, err := keep.Recordings.Recording(ctx, id)
	if err != nil {
		return err
	}
	transcript, err := keep.Transcripts.Transcript(ctx, id)
	if err != nil {
		return err
	}
	for _, track := range recording.Tracks {
		crashed := slices.ContainsFunc(track.Gaps, func(g parley.Gap) bool { return g.Reason == parley.GapCrash })
		if !crashed || track.Codec != "audio/opus" {
			continue
		}
		ready()
		covered := time.Duration(0)
		for _, u := range transcript.Utterances {
			if u.Track == track.ID {
				covered = max(covered, u.End)
			}
		}
		if err := t.recoverTrack(ctx, keep, track, covered); err != nil {
			t.log.Error("an interrupted track cannot be put into words", zap.String("meeting", string(id)), zap.Error(err))
		}
	}
	return nil
}

// recoverTrack cuts what was recorded after covered, and stores it.
func (t *Transcriber) recoverTrack(
	ctx context.Context, keep *parley.Keep, track parley.RecordedTrack, covered time.Duration,
) error {
	s := newSaver(t, keep, track.Track)
	line, err := newTimeline(media.NewClock(track.ClockRate, time.Time{}), t.voices, s.add)
	if err != nil {
		return err
	}
	for _, segment := range track.Segments {
		if segment.Number == 0 || segment.End <= covered {
			continue
		}
		if err := recut(ctx, keep, segment, covered, line); err != nil {
			return err
		}
	}
	line.close(ctx)
	s.close()
	s.run(ctx)
	return nil
}

func recut(ctx context.Context, keep *parley.Keep, s parley.Segment, covered time.Duration, to *timeline) error {
	object, err := keep.Objects.Open(ctx, s.Key, 0, -1)
	if err != nil {
		return fmt.Errorf("open segment %d: %w", s.Number, err)
	}
	content, err := io.ReadAll(io.LimitReader(object, maxSegment))
	if err := errors.Join(err, object.Close()); err != nil {
		return fmt.Errorf("read segment %d: %w", s.Number, err)
	}
	for b, err := range container.Blocks(content) {
		if err != nil {
			return fmt.Errorf("read segment %d: %w", s.Number, err)
		}
		if b.At >= covered {
			to.take(ctx, b.Payload, b.At, true)
		}
	}
	return nil
}
