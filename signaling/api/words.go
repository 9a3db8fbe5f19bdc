package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/signaling/auth"
)

// Speech changes transcripts, and has speech heard again.
type Speech interface {
	// Edit puts other words into an utterance; shown is the version that was seen.
	Edit(ctx context.Context, in parley.Region, id parley.UtteranceID, shown int, text string, by parley.Author) (parley.Utterance, error)
	// Again has an ended meeting heard once more, as a language or, with "", openly.
	Again(ctx context.Context, in parley.Region, id parley.MeetingID, language string, by parley.Author) (parley.Pass, error)
	// Retry gives what was given up of a meeting to a recognizer again; it returns how much that was.
	Retry(ctx context.Context, in parley.Region, id parley.MeetingID) (int, error)
}

// readingView is one version of an utterance.
type readingView struct {
	Version    int                `json:"version"`
	Kind       parley.ReadingKind `json:"kind"`
	Pass       int                `json:"pass"`
	By         string             `json:"by"` // the name of who edited it; "" for a recognizer
	At         time.Time          `json:"at,omitzero"`
	Text       string             `json:"text"`
	Lang       string             `json:"lang"`
	Confidence parley.Confidence  `json:"confidence"`
	Engine     string             `json:"engine"`
	Model      string             `json:"model"`
}

// utteranceOf finds an utterance of a record that the caller may read.
func (s *server) utteranceOf(r *http.Request) (u parley.Utterance, keep *parley.Keep, by parley.Author, err error) {
	m, keep, people, err := s.readable(r)
	if err != nil {
		return u, nil, by, err
	}
	u, err = keep.Transcripts.Utterance(r.Context(), parley.UtteranceID(r.PathValue("utterance")))
	if err != nil || u.Meeting != m.ID {
		return u, nil, by, hideMissing(orNotFound(err), "There is no such utterance in this record.")
	}
	by, err = s.author(r, m, people)
	return u, keep, by, err
}

// orNotFound is what is said of something of another meeting: nothing.
func orNotFound(err error) error {
	if err == nil {
		return parley.NotFound
	}
	return err
}

// author is who changes a record; viewers do not.
func (s *server) author(r *http.Request, m parley.Meeting, people []parley.Participant) (parley.Author, error) {
	caller, err := s.Auth.Identify(r)
	if err != nil {
		return parley.Author{}, err
	}
	by := parley.Author{Identity: caller.Identity, Name: caller.Name}
	i := slices.IndexFunc(people, func(p parley.Participant) bool {
		return p.Identity == caller.Identity && caller.Identity != ""
	})
	if i >= 0 {
		by.Name = people[i].Name
	}
	if s.hosts(caller, m) || i >= 0 && people[i].Role.MayPublish() {
		return by, nil
	}
	return by, &parley.Error{Op: "change record", Kind: parley.Forbidden, Say: "Only people who took part may change what is written."}
}

func (s *server) hosts(caller auth.Caller, m parley.Meeting) bool {
	return caller.RoleIn(m) == parley.RoleHost
}

// editUtterance puts other words into an utterance.
func (s *server) editUtterance(w http.ResponseWriter, r *http.Request) error {
	u, keep, by, err := s.utteranceOf(r)
	if err != nil {
		return err
	}
	var body struct {
		Text    *string `json:"text"`
		Version *int    `json:"version"`
	}
	if err := readBody(w, r, &body); err != nil {
		return err
	}
	if body.Text == nil || body.Version == nil {
		return invalid("Say what the text is to be, and which version was seen.")
	}
	edited, err := s.Speech.Edit(r.Context(), keep.Region, u.ID, *body.Version, *body.Text, by)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, viewUtterances([]parley.Utterance{edited})[0])
}

// listVersions lists the versions of an utterance, the first one first.
func (s *server) listVersions(w http.ResponseWriter, r *http.Request) error {
	m, keep, _, err := s.readable(r)
	if err != nil {
		return err
	}
	u, err := keep.Transcripts.Utterance(r.Context(), parley.UtteranceID(r.PathValue("utterance")))
	if err != nil || u.Meeting != m.ID {
		return hideMissing(orNotFound(err), "There is no such utterance in this record.")
	}
	readings, err := keep.Transcripts.Readings(r.Context(), u.ID)
	if err != nil {
		return err
	}
	if len(readings) == 0 && u.State == parley.Recognized {
		readings = []parley.Reading{{
			Number: 1, Kind: parley.ReadingHeard, Text: u.Text, Lang: u.Lang, Confidence: u.Confidence, Engine: u.Engine, Model: u.Model,
		}}
	}
	return writeJSON(w, http.StatusOK, each(readings, func(g parley.Reading) readingView {
		return readingView{
			Version: g.Number, Kind: g.Kind, Pass: g.Pass, By: g.Name, At: wallClock(g.At), Text: g.Text, Lang: g.Lang,
			Confidence: g.Confidence, Engine: g.Engine, Model: g.Model,
		}
	}))
}

// hosted finds a record that the caller is host of.
func (s *server) hosted(r *http.Request) (m parley.Meeting, by parley.Author, err error) {
	m, _, people, err := s.readable(r)
	if err != nil {
		return m, by, err
	}
	if by, err = s.author(r, m, people); err != nil {
		return m, by, err
	}
	if caller, err := s.Auth.Identify(r); err != nil || !s.hosts(caller, m) {
		return m, by, &parley.Error{Op: "change record", Kind: parley.Forbidden, Say: "Only a host of the meeting may do this."}
	}
	return m, by, nil
}

// hearAgain has a meeting heard once more.
func (s *server) hearAgain(w http.ResponseWriter, r *http.Request) error {
	m, by, err := s.hosted(r)
	if err != nil {
		return err
	}
	var body struct {
		Language string `json:"language"`
	}
	if err := readBody(w, r, &body); err != nil {
		return err
	}
	p, err := s.Speech.Again(r.Context(), m.Region, m.ID, body.Language, by)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusAccepted, struct {
		Pass int `json:"pass"`
	}{p.Number})
}

// retryParked gives what was given up to a recognizer again.
func (s *server) retryParked(w http.ResponseWriter, r *http.Request) error {
	m, _, err := s.hosted(r)
	if err != nil {
		return err
	}
	n, err := s.Speech.Retry(r.Context(), m.Region, m.ID)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusAccepted, struct {
		Retried int `json:"retried"`
	}{n})
}
