package api

import (
	"time"

	"github.com/parley/parley"
)

// The JSON of this interface; openapi.yaml says the same. Times on the meeting clock are whole
// milliseconds, wall-clock times are RFC 3339 in UTC, and lists are never null.

// ICEServer is an RTCIceServer (W3C webrtc-pc §4.2.4).
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username"`
	Credential string   `json:"credential"`
}

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
	Meeting      meetingView          `json:"meeting"`
	Participants []personView         `json:"participants"`
	Recording    recordingView        `json:"recording"`
	Utterances   []utteranceView      `json:"utterances"`
	Minutes      *minutesView         `json:"minutes"` // null until there are some
	Chat         []chatView           `json:"chat"`
	Words        wordsView            `json:"words"`
	Pending      int                  `json:"pending"`    // utterances still waiting for their words
	You          parley.ParticipantID `json:"you"`        // the caller among the participants, or ""
	Name         string               `json:"name"`       // under which the caller's changes are kept; "" when they have to say it first
	MayChange    bool                 `json:"may_change"` // may the caller decide about what was agreed
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
