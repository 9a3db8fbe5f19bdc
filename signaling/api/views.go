package api

import (
	"time"

	"github.com/parley/parley"
)

// The JSON of this interface; openapi.yaml says the same. Times on the meeting clock are whole
// milliseconds, wall-clock times are RFC 3339 in UTC, and lists are never null.

type meetingView struct {
	ID         parley.MeetingID    `json:"id"`
	Title      string              `json:"title"`
	Region     parley.Region       `json:"region"`
	Zone       string              `json:"zone"`
	State      parley.MeetingState `json:"state"`
	Record     bool                `json:"record"`
	Started    time.Time           `json:"started,omitzero"`
	Ended      time.Time           `json:"ended,omitzero"`
	DurationMS int64               `json:"duration_ms"` // so far, while it is live
}

type recordRow struct {
	ID      parley.MeetingID    `json:"id"`
	Title   string              `json:"title"`
	Region  parley.Region       `json:"region"`
	Started time.Time           `json:"started,omitzero"`
	Ended   time.Time           `json:"ended,omitzero"`
	State   parley.MeetingState `json:"state"`
}

type wordsView struct {
	OK      bool   `json:"ok"`
	Missing string `json:"missing"` // a sentence for the page, or ""
}

type recordView struct {
	Meeting      meetingView     `json:"meeting"`
	Participants []personView    `json:"participants"`
	Recording    recordingView   `json:"recording"`
	Utterances   []utteranceView `json:"utterances"`
	Minutes      *minutesView    `json:"minutes"` // null until there are some
	Chat         []chatView      `json:"chat"`
	Words        wordsView       `json:"words"`
	Pending      int             `json:"pending"` // utterances still waiting for their words
}

type personView struct {
	ID       parley.ParticipantID `json:"id"`
	Number   uint32               `json:"number"`
	Name     string               `json:"name"`
	Role     parley.Role          `json:"role"`
	Recorded bool                 `json:"recorded"`
	Title    string               `json:"title"`
	Several  bool                 `json:"several"` // a room with several people: "someone in NAME" spoke
}

type recordingView struct {
	Sealed bool        `json:"sealed"`
	Tracks []trackView `json:"tracks"`
}

type trackView struct {
	ID          parley.TrackID       `json:"id"`
	Participant parley.ParticipantID `json:"participant"`
	Source      parley.Source        `json:"source"`
	Codec       string               `json:"codec"`
	StartMS     int64                `json:"start_ms"`
	EndMS       int64                `json:"end_ms"` // 0 while open
	Segments    []segmentView        `json:"segments"`
	Gaps        []gapView            `json:"gaps"`
}

type segmentView struct {
	Number  int         `json:"number"` // 0 is the track's WebM header
	StartMS int64       `json:"start_ms"`
	EndMS   int64       `json:"end_ms"`
	Bytes   int64       `json:"bytes"`
	SHA256  parley.Hash `json:"sha256"`
}

type gapView struct {
	StartMS int64            `json:"start_ms"`
	EndMS   int64            `json:"end_ms"`
	Reason  parley.GapReason `json:"reason"`
}

type utteranceView struct {
	ID          parley.UtteranceID    `json:"id"`
	Participant parley.ParticipantID  `json:"participant"`
	StartMS     int64                 `json:"start_ms"`
	EndMS       int64                 `json:"end_ms"`
	Text        string                `json:"text"`
	Lang        string                `json:"lang"`
	State       parley.UtteranceState `json:"state"`
	Confidence  parley.Confidence     `json:"confidence"`
	Words       []wordView            `json:"words,omitempty"`
	Engine      string                `json:"engine"`
	Model       string                `json:"model"`
	Version     int                   `json:"version"`  // what is shown; 0 before it was changed
	Edited      bool                  `json:"edited"`   // a person has put in words
	Conflict    string                `json:"conflict"` // what was heard anew and does not go together with that, or ""
}

type wordView struct {
	Text    string `json:"text"`
	StartMS int64  `json:"start_ms"`
	EndMS   int64  `json:"end_ms"`
	Heard   string `json:"heard,omitempty"` // as the recognizer wrote it, where a name stands in its place
}

type chatView struct {
	ID          string               `json:"id"`
	Participant parley.ParticipantID `json:"participant"`
	AtMS        int64                `json:"at_ms"`
	Text        string               `json:"text"`
}

type minutesView struct {
	Final     bool        `json:"final"`
	Items     []itemView  `json:"items"`
	Decisions []entryView `json:"decisions"`
	Questions []entryView `json:"questions"`
}

type itemView struct {
	ID    parley.ItemID `json:"id"`
	Task  string        `json:"task"`
	Owner *ownerView    `json:"owner"` // null: nobody was named
	Due   *dueView      `json:"due"`   // null: no time was said
	evidenceView
}

type entryView struct {
	ID   parley.ItemID `json:"id"`
	Text string        `json:"text"`
	evidenceView
}

type ownerView struct {
	Participant parley.ParticipantID `json:"participant"` // "" when it is no participant
	Name        string               `json:"name"`
}

type dueView struct {
	Text     string      `json:"text"`
	Date     parley.Date `json:"date"`
	Earliest parley.Date `json:"earliest"`
	Latest   parley.Date `json:"latest"`
}

type evidenceView struct {
	Evidence   []parley.UtteranceID `json:"evidence"`
	Quote      string               `json:"quote"`
	StartMS    int64                `json:"start_ms"`
	EndMS      int64                `json:"end_ms"`
	Confidence parley.Confidence    `json:"confidence"`
	Why        []string             `json:"why"`
}

// each converts a list; the result is never nil.
func each[In, Out any](list []In, convert func(In) Out) []Out {
	out := make([]Out, len(list))
	for i := range list {
		out[i] = convert(list[i])
	}
	return out
}

// wallClock is a time as the interface shows it; the zero time stays zero.
func wallClock(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Millisecond)
}

func viewMeeting(m parley.Meeting) meetingView {
	view := meetingView{
		ID: m.ID, Title: m.Title, Region: m.Region, Zone: m.Zone, State: m.State, Record: m.Record,
		Started: wallClock(m.Started), Ended: wallClock(m.Ended),
	}
	switch {
	case m.Started.IsZero():
	case m.State == parley.Ended:
		view.DurationMS = m.Clock(m.Ended).Milliseconds()
	default:
		view.DurationMS = m.Clock(time.Now()).Milliseconds()
	}
	return view
}

func viewPeople(m parley.Meeting, people []parley.Participant) []personView {
	return each(people, func(p parley.Participant) personView {
		return personView{
			ID: p.ID, Number: p.Number, Name: p.Name, Role: p.Role, Title: p.Title,
			Recorded: m.Record && p.Consent == parley.Granted, Several: p.Several,
		}
	})
}

func viewRecording(recording parley.Recording) recordingView {
	return recordingView{
		Sealed: recording.Sealed,
		Tracks: each(recording.Tracks, func(t parley.RecordedTrack) trackView {
			return trackView{
				ID: t.ID, Participant: t.Participant, Source: t.Source, Codec: t.Codec,
				StartMS: t.Started.Milliseconds(), EndMS: t.Ended.Milliseconds(),
				Segments: each(t.Segments, func(s parley.Segment) segmentView {
					return segmentView{s.Number, s.Start.Milliseconds(), s.End.Milliseconds(), s.Bytes, s.SHA256}
				}),
				Gaps: each(t.Gaps, func(g parley.Gap) gapView {
					return gapView{g.Start.Milliseconds(), g.End.Milliseconds(), g.Reason}
				}),
			}
		}),
	}
}

func viewUtterances(utterances []parley.Utterance) []utteranceView {
	return each(utterances, func(u parley.Utterance) utteranceView {
		return utteranceView{
			ID: u.ID, Participant: u.Participant, StartMS: u.Start.Milliseconds(), EndMS: u.End.Milliseconds(),
			Text: u.Text, Lang: u.Lang, State: u.State, Confidence: u.Confidence,
			Words: each(u.Words, func(w parley.Word) wordView {
				return wordView{w.Text, w.Start.Milliseconds(), w.End.Milliseconds(), w.Heard}
			}),
			Engine: u.Engine, Model: u.Model, Version: u.Version, Edited: u.Edited > 0, Conflict: u.Conflict,
		}
	})
}

func viewChat(lines []parley.ChatMessage) []chatView {
	return each(lines, func(c parley.ChatMessage) chatView {
		return chatView{c.ID, c.Participant, c.At.Milliseconds(), c.Text}
	})
}

func viewMinutes(m parley.Minutes) *minutesView {
	return &minutesView{
		Final: m.Final,
		Items: each(m.Items, func(item parley.ActionItem) itemView {
			view := itemView{ID: item.ID, Task: item.Task, evidenceView: viewEvidence(item.Evidence)}
			if item.Owner != (parley.Owner{}) {
				view.Owner = &ownerView{item.Owner.Participant, item.Owner.Name}
			}
			if item.Due != nil {
				view.Due = &dueView{item.Due.Text, item.Due.Date, item.Due.Earliest, item.Due.Latest}
			}
			return view
		}),
		Decisions: each(m.Decisions, func(d parley.Decision) entryView {
			return entryView{d.ID, d.Text, viewEvidence(d.Evidence)}
		}),
		Questions: each(m.Questions, func(q parley.Question) entryView {
			return entryView{q.ID, q.Text, viewEvidence(q.Evidence)}
		}),
	}
}

func viewEvidence(e parley.Evidence) evidenceView {
	view := evidenceView{
		Evidence: e.Utterances, Quote: e.Quote, StartMS: e.Start.Milliseconds(), EndMS: e.End.Milliseconds(),
		Confidence: e.Confidence, Why: e.Why,
	}
	if view.Why == nil {
		view.Why = []string{}
	}
	return view
}
