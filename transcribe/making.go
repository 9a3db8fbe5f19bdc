package transcribe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/parley/parley"
	"github.com/parley/parley/transcribe/minutes"
)

// soonDelay is how long the minutes of a live meeting wait for more words: what is said meanwhile is in
// them too, so that a meeting where everybody speaks is mined no more often than that.
const soonDelay = 3 * time.Second

// askMinutes sends a minutes job. why tells jobs of one meeting apart.
func (t *Transcriber) askMinutes(ctx context.Context, region parley.Region, id parley.MeetingID, why string) error {
	job := parley.Job{ID: fmt.Sprintf("minutes-%s-%s", id, why), Kind: parley.JobMinutes, Region: region, Meeting: id}
	if err := t.jobs.Submit(ctx, job); err != nil {
		return fmt.Errorf("ask for minutes: %w", err)
	}
	return nil
}

// askSoon asks for the minutes of a live meeting in a moment, while Run or Work runs. Without the bus they
// come with the next utterance.
func (t *Transcriber) askSoon(region parley.Region, id parley.MeetingID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.life == nil || t.soon[id] {
		return
	}
	ctx := t.life
	t.soon[id] = true
	t.tasks.Go(func() {
		select {
		case <-time.After(soonDelay):
		case <-ctx.Done():
		}
		t.mu.Lock()
		delete(t.soon, id)
		t.mu.Unlock()
		if ctx.Err() != nil {
			return
		}
		if err := t.askMinutes(ctx, region, id, fmt.Sprintf("live-%d", time.Now().UnixMilli())); err != nil && ctx.Err() == nil {
			t.log.Warn("minutes could not be asked for", zap.String("meeting", string(id)), zap.Error(err))
		}
	})
}

// makeMinutes carries out a minutes job: with what has words by now. They are final when the meeting is
// over and nothing is waited for any more.
func (t *Transcriber) makeMinutes(ctx context.Context, keep *parley.Keep, job parley.Job) error {
	transcript, err := keep.Transcripts.Transcript(ctx, job.Meeting)
	if errors.Is(err, parley.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	lines, err := keep.Chats.ChatMessages(ctx, job.Meeting)
	if err != nil {
		return err
	}
	made, err := t.extractor.Extract(ctx, withTyped(transcript, lines))
	if err != nil {
		return err
	}
	made.Made = time.Now().UTC()
	made.Final = transcript.Meeting.State == parley.Ended && t.complete(transcript)
	if err := keep.Actions.PutMinutes(ctx, made); err != nil {
		return err
	}
	t.metrics.minutes.Inc()
	t.events.Publish(parley.Event{Kind: parley.EventMinutes, Meeting: job.Meeting})
	if !made.Final || !t.refines(keep.Region) {
		return nil
	}
	return t.jobs.Submit(ctx, parley.Job{
		ID: "refine-" + job.ID, Kind: parley.JobRefine, Region: keep.Region, Meeting: job.Meeting,
	})
}

// withTyped adds the lines of chat that ask to note something (/action) to what was said, in order of
// time: they are evidence like a sentence, under the identifier of the line.
func withTyped(t parley.Transcript, lines []parley.ChatMessage) parley.Transcript {
	spoken := t.Utterances
	for _, line := range lines {
		if !minutes.Marked(line.Text) {
			continue
		}
		t.Utterances = append(slices.Clip(t.Utterances), parley.Utterance{
			ID: parley.UtteranceID(line.ID), Meeting: line.Meeting, Participant: line.Participant,
			Start: line.At, End: line.At, Text: line.Text, State: parley.Recognized, Confidence: parley.Clear,
		})
	}
	if len(t.Utterances) > len(spoken) {
		slices.SortStableFunc(t.Utterances, func(a, b parley.Utterance) int { return int(a.Start - b.Start) })
	}
	return t
}

// complete reports whether every utterance has what it will get.
func (t *Transcriber) complete(transcript parley.Transcript) bool {
	if t.heardNow(transcript.Meeting.ID) {
		return false
	}
	for _, u := range transcript.Utterances {
		if u.State == parley.Pending {
			return false
		}
	}
	return true
}

func (t *Transcriber) heardNow(id parley.MeetingID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.heard[id] != nil
}
