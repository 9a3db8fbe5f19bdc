package transcribe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"

	"github.com/parley/parley"
)

const (
	// longestEdit is what an utterance may be edited to, in characters: 28 s of speech are 500.
	longestEdit = 2000
	// mostPatience is how long a job of a pass waits for finals before it takes its turn all the same.
	mostPatience = 20 * time.Second
	// passGrace is when a job of a pass counts as lost, and how often one is made anew: a pass over a long
	// meeting takes as long as its queue.
	passGrace = 10 * time.Minute
)

// Edit puts other words into an utterance; shown is the version the editor saw. It is Invalid for a text
// that is too long, Conflict when the words are still to come or another version is shown by now.
func (t *Transcriber) Edit(
	ctx context.Context, in parley.Region, id parley.UtteranceID, shown int, text string, by parley.Author,
) (parley.Utterance, error) {
	keep, err := t.regions.In(in)
	if err != nil {
		return parley.Utterance{}, err
	}
	u, err := keep.Transcripts.Utterance(ctx, id)
	if err != nil {
		return u, err
	}
	refuse := func(kind parley.Kind, say string) (parley.Utterance, error) {
		return u, &parley.Error{Op: "edit utterance", Kind: kind, Say: say}
	}
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "")), " ")
	switch {
	case utf8.RuneCountInString(text) > longestEdit:
		return refuse(parley.Invalid, fmt.Sprintf("An utterance has at most %d characters.", longestEdit))
	case u.State == parley.Pending:
		return refuse(parley.Conflict, "Its words are still to come; edit it then.")
	case u.Version != shown:
		return refuse(parley.Conflict, "Somebody has changed it meanwhile; look at it again.")
	}
	edited := u
	edited.Text, edited.State, edited.Conflict = text, parley.Recognized, ""
	edited.Words = retime(splitWords(text), u.Words, u.Start, u.End)
	edited.Version = max(u.Version, 1) + 1
	edited.Edited = edited.Version
	r := readingOf(edited, parley.ReadingEdited)
	r.By, r.Name = by.Identity, by.Name
	if err := keep.Transcripts.AddReadings(ctx, shown, edited, r); err != nil {
		if errors.Is(err, parley.Conflict) {
			return refuse(parley.Conflict, "Somebody has changed it meanwhile; look at it again.")
		}
		return u, err
	}
	return edited, t.changed(ctx, keep, edited)
}

// readingOf is the version that an utterance shows.
func readingOf(u parley.Utterance, kind parley.ReadingKind) parley.Reading {
	return parley.Reading{
		Utterance: u.ID, Number: u.Version, Kind: kind, At: time.Now(), Text: u.Text, Lang: u.Lang, Words: u.Words,
		Confidence: u.Confidence, Engine: u.Engine, Model: u.Model,
	}
}

// changed tells who listens, and asks for minutes anew when the meeting is over.
func (t *Transcriber) changed(ctx context.Context, keep *parley.Keep, u parley.Utterance) error {
	t.events.Publish(parley.Event{Kind: parley.EventUtterance, Meeting: u.Meeting, Utterance: u.ID})
	m, err := keep.Meetings.Meeting(ctx, u.Meeting)
	if err != nil || m.State != parley.Ended {
		return err
	}
	return t.askMinutes(ctx, keep.Region, u.Meeting, fmt.Sprintf("%s-%d", u.ID, u.Version))
}

// Retry gives the parked utterances of a meeting to a recognizer again, and returns how many there were.
func (t *Transcriber) Retry(ctx context.Context, in parley.Region, id parley.MeetingID) (int, error) {
	keep, err := t.regions.In(in)
	if err != nil {
		return 0, err
	}
	transcript, err := keep.Transcripts.Transcript(ctx, id)
	if err != nil {
		return 0, err
	}
	retried := 0
	for _, u := range transcript.Utterances {
		if u.State != parley.Parked {
			continue
		}
		now := time.Now()
		err := keep.Transcripts.RetryUtterance(ctx, u.ID, now)
		if errors.Is(err, parley.Conflict) {
			continue // somebody else did
		}
		if err != nil {
			return retried, err
		}
		job := utteranceJob(in, u)
		job.ID = fmt.Sprintf("%s-retry-%d", u.ID, now.UnixNano())
		if err := t.jobs.Submit(ctx, job); err != nil {
			return retried, err
		}
		retried++
	}
	return retried, nil
}

// Again has an ended meeting heard once more, as a language or, with "", openly. The words come one by one;
// what people have edited survives. It is Conflict while the meeting goes on, Unavailable where nothing
// makes words.
func (t *Transcriber) Again(
	ctx context.Context, in parley.Region, id parley.MeetingID, language string, by parley.Author,
) (parley.Pass, error) {
	refuse := func(kind parley.Kind, say string) (parley.Pass, error) {
		return parley.Pass{}, &parley.Error{Op: "hear meeting again", Kind: kind, Say: say}
	}
	if language != "" && !slices.Contains(Languages(), language) {
		return refuse(parley.Invalid, "The language is en, zh or yue, or is left out.")
	}
	keep, err := t.regions.In(in)
	if err != nil {
		return parley.Pass{}, err
	}
	transcript, err := keep.Transcripts.Transcript(ctx, id)
	if err != nil {
		return parley.Pass{}, err
	}
	if !t.wanted() {
		return refuse(parley.Unavailable, t.wordless)
	}
	if transcript.Meeting.State != parley.Ended {
		return refuse(parley.Conflict, "The meeting goes on; it can be heard again when it has ended.")
	}
	now := time.Now()
	p, err := keep.Transcripts.AddPass(ctx, parley.Pass{
		Meeting: id, Language: language, By: by.Identity, Name: by.Name, At: now,
	}, now.Add(passGrace))
	if err != nil {
		return p, err
	}
	for _, u := range transcript.Utterances {
		if u.State == parley.Pending {
			continue // its first words are on the way
		}
		job := againJob(in, parley.Rehearing{Meeting: id, Utterance: u.ID, Pass: p.Number})
		if err := t.jobs.Submit(ctx, job); err != nil {
			// The rows are there: the sweeper makes jobs of them when the bus is back.
			t.log.Warn("a pass waits for the bus", zap.String("meeting", string(id)), zap.Error(err))
			break
		}
	}
	return p, nil
}

func againJob(in parley.Region, r parley.Rehearing) parley.Job {
	return parley.Job{
		ID: fmt.Sprintf("again-%s-%d", r.Utterance, r.Pass), Kind: parley.JobAgain, Region: in, Meeting: r.Meeting,
		Utterance: r.Utterance, Pass: r.Pass,
	}
}

// endAgain notes that a pass is through with the utterance of a job.
func (h *held) endAgain(ctx context.Context) error {
	job := h.lease.Job()
	return h.keep.Transcripts.EndRehearing(ctx, parley.Rehearing{Meeting: job.Meeting, Utterance: job.Utterance, Pass: job.Pass})
}

// passOf finds the pass of a job and the versions of its utterance; false when there is nothing to hear: its
// first words are still to come, or the pass has heard it.
func (t *Transcriber) passOf(
	ctx context.Context, keep *parley.Keep, u parley.Utterance, job parley.Job,
) (p parley.Pass, readings []parley.Reading, wanted bool, err error) {
	if u.State == parley.Pending {
		return p, nil, false, nil
	}
	p, err = keep.Transcripts.Pass(ctx, job.Meeting, job.Pass)
	if errors.Is(err, parley.NotFound) {
		return p, nil, false, nil
	}
	if err != nil {
		return p, nil, false, err
	}
	if readings, err = keep.Transcripts.Readings(ctx, u.ID); err != nil {
		return p, nil, false, err
	}
	heard := slices.ContainsFunc(readings, func(r parley.Reading) bool { return r.Pass == p.Number })
	return p, readings, !heard, nil
}

// WaitForFinals lets what was said just now in meetings of this process go first, for 20 s at most.
func (t *Transcriber) WaitForFinals(ctx context.Context) { t.finals.wait(ctx) }

func (f *finals) wait(ctx context.Context) {
	ticker := time.NewTicker(rest)
	defer ticker.Stop()
	patience := time.After(mostPatience)
	for !f.idle(time.Now()) {
		select {
		case <-ticker.C:
		case <-patience:
			return
		case <-ctx.Done():
			return
		}
	}
}

// putAgain stores what a pass heard, and shows it as far as it goes together with what people edited. The
// row is read again: it may have been edited while the utterance was heard.
func (h *held) putAgain(ctx context.Context, a Answer) error {
	u, err := h.keep.Transcripts.Utterance(ctx, h.utterance.ID)
	if err != nil {
		return err
	}
	p, readings, wanted, err := h.t.passOf(ctx, h.keep, u, h.lease.Job())
	if err != nil || !wanted {
		return err
	}
	next := u
	next.State, next.Version, next.Conflict = parley.Recognized, max(u.Version, 1)+1, ""
	next.Words, next.Lang, next.Confidence = onClock(a.Words, u), a.Lang, a.Confidence
	next.Text, next.Engine, next.Model = textOf(next.Words), a.Engine, a.Model
	anew := readingOf(next, parley.ReadingHeard)
	anew.Pass = p.Number
	added := []parley.Reading{anew}
	if u.Edited > 0 {
		merged, ok := merge(textsOf(heardBefore(readings, u.Edited).Words), splitWords(u.Text), textsOf(next.Words))
		if ok {
			next.Words = retime(merged, next.Words, u.Start, u.End)
			next.Text = textOf(next.Words)
			next.Version++
			added = append(added, readingOf(next, parley.ReadingMerged))
		} else { // what people wrote stays, and what was heard is shown beside it
			anew.Number = u.Version + 1
			added[0] = anew
			next = u
			next.Conflict = anew.Text
			next.Version = anew.Number + 1
			added = append(added, readingOf(next, parley.ReadingMerged))
		}
	}
	err = h.keep.Transcripts.AddReadings(ctx, u.Version, next, added...)
	if errors.Is(err, parley.Conflict) {
		return fmt.Errorf("somebody edits the utterance: %w", parley.Unavailable) // the job comes back
	}
	if err != nil {
		return err
	}
	return h.t.changed(ctx, h.keep, next)
}

// heardBefore is the last that a recognizer said before an edit.
func heardBefore(readings []parley.Reading, edit int) parley.Reading {
	var last parley.Reading
	for _, r := range readings {
		if r.Kind == parley.ReadingHeard && r.Number < edit {
			last = r
		}
	}
	return last
}

// onClock moves the times of words, in a copy, from the start of their utterance to the meeting clock.
func onClock(words []parley.Word, u parley.Utterance) []parley.Word {
	words = slices.Clone(words)
	for i := range words {
		words[i].Start = min(words[i].Start+u.Start, u.End)
		words[i].End = min(words[i].End+u.Start, u.End)
	}
	return words
}
