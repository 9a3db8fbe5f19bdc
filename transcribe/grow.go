package transcribe

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parley/parley"
	"github.com/parley/parley/media/pcm"
)

// showGrowing makes a timeline offer what is said before it has ended.
func (t *Transcriber) showGrowing(line *timeline, m parley.Meeting, track parley.Track) {
	if t.interims == nil {
		return
	}
	line.grows = func(start time.Duration) *growing {
		id, err := uuid.NewV7()
		if err != nil {
			return nil
		}
		return &growing{meeting: m, first: parley.Utterance{
			ID: parley.UtteranceID(id.String()), Meeting: m.ID, Track: track.ID, Participant: track.Participant,
			Start: start.Truncate(time.Millisecond), State: parley.Pending,
		}}
	}
	line.step, line.over = t.interimStep(), t.interims.end
	line.offer = func(s snapshot) {
		if t.interims.offer(s) {
			t.metrics.interimsDropped.Inc()
		}
	}
}

// interimStep is how much more has to be heard before an utterance is looked at again.
func (t *Transcriber) interimStep() time.Duration {
	switch {
	case t.cfg.Engine == EngineRemote:
		return remoteStep
	case t.streams != nil && t.streams.Streaming():
		return streamStep
	}
	return interimStep
}

// remember keeps samples that are decided about next.
func (t *timeline) remember(s pcm.Speech) {
	if t.offer != nil {
		t.heard = append(t.heard, s...)
	}
}

// outgrown ends what is shown of an utterance that has ended, or was none after all.
func (t *timeline) outgrown() {
	if t.growing != nil {
		t.growing.end()
		t.over(t.growing)
		t.growing = nil
	}
}

// grow offers the utterance under way when enough of it is new, and somebody is speaking.
func (t *timeline) grow() {
	if t.offer == nil {
		return
	}
	if !t.cut.speaking {
		t.outgrown()
		return
	}
	if t.growing == nil {
		t.offered = t.cut.start
	}
	quiet := t.cut.at - t.cut.lastVoice
	if t.cut.voiced < leastVoice || t.cut.at-t.offered < pcm.Samples(t.step) || quiet >= pcm.Samples(interimPause) {
		return
	}
	if t.growing == nil {
		t.growing = t.grows(max(0, t.at(t.cut.start)))
		if t.growing == nil {
			return
		}
		t.growing.base = t.cut.start // nobody else knows of it yet
	}
	from := max(t.growing.from(), t.heardAt)
	if from-t.heardAt >= len(t.heard) {
		return
	}
	t.offered = t.cut.at
	t.offer(snapshot{
		growing: t.growing, from: from, start: t.at(from), speech: slices.Clone(t.heard[from-t.heardAt:]), taken: time.Now(),
	})
}
