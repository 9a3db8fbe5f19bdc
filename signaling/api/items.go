package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/parley/parley"
	"github.com/parley/parley/signaling/auth"
	"github.com/parley/parley/transcribe/minutes/export"
)

// The limits of what people may make of the minutes of one meeting: far more than anybody types.
const (
	maxTask     = 500 // characters
	maxQuote    = 1000
	mostQuoted  = 8   // utterances that an added entry may cite
	mostChanges = 100 // of one entry
	mostAdded   = 500
)

// entryBody is how an entry is to read. Decisions and questions have a text only.
type entryBody struct {
	Task  string     `json:"task"`
	Owner *ownerBody `json:"owner"` // null: nobody
	Due   string     `json:"due"`   // 2006-01-02, or ""
}

type ownerBody struct {
	Participant parley.ParticipantID `json:"participant"`
	Name        string               `json:"name"`
}

// changing is a request to change something, as far as it is the same for all of them.
type changing struct {
	meeting    parley.Meeting
	keep       *parley.Keep
	people     []parley.Participant
	by         parley.Participant // its ID is "" for a host who was not there
	who        parley.Identity
	agreements []parley.Agreement
}

// mayChangeRecord finds the record of a request, and whether its sender may change it.
func (s *server) mayChangeRecord(r *http.Request) (changing, error) {
	m, keep, people, err := s.readable(r)
	if err != nil {
		return changing{}, err
	}
	caller, err := s.Auth.Identify(r)
	if err != nil {
		return changing{}, err
	}
	by, may := mayChange(caller, m, people)
	if !may {
		return changing{}, &parley.Error{
			Op: "change minutes", Kind: parley.Forbidden, Say: "Only those who took part and could speak decide about what was agreed.",
		}
	}
	if by.Name = changerName(by, caller, r); by.Name == "" {
		return changing{}, invalid("Say your name first: it is kept with what you change.")
	}
	agreements, err := readAgreements(r.Context(), keep, m.ID)
	return changing{m, keep, people, by, caller.Identity, agreements}, err
}

// changerName is the name that a caller's changes are kept with: as they were called in the meeting, else
// as they call themselves; a program without a name goes by its identity. "" for a browser without one.
func changerName(you parley.Participant, caller auth.Caller, r *http.Request) string {
	switch {
	case you.Name != "":
		return you.Name
	case caller.Name == "" && r.Header.Get("Authorization") != "":
		return string(caller.Identity)
	}
	return caller.Name
}

// readAgreements puts together what was extracted and what people made of it.
func readAgreements(
	ctx context.Context, keep *parley.Keep, id parley.MeetingID,
) ([]parley.Agreement, error) {
	minutes, err := keep.Actions.Minutes(ctx, id)
	if err != nil && !errors.Is(err, parley.NotFound) {
		return nil, fmt.Errorf("read minutes: %w", err)
	}
	changes, err := keep.Actions.Changes(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read changes: %w", err)
	}
	return parley.Agreements(minutes, changes), nil
}

// changeItem lets a person accept, edit, dismiss or reopen an entry.
func (s *server) changeItem(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		entryBody

		Op       parley.ChangeOp `json:"op"`
		Revision int             `json:"revision"`
	}
	in, err := s.mayChangeRecord(r)
	if err != nil {
		return err
	}
	if err := readBody(w, r, &body); err != nil {
		return err
	}
	if !body.Op.Valid() || body.Op == parley.OpAdd {
		return invalid("The op is accept, edit, dismiss or reopen.")
	}
	id := parley.ItemID(r.PathValue("item"))
	at := slices.IndexFunc(in.agreements, func(a parley.Agreement) bool { return a.ID == id })
	if at < 0 {
		return notFound("There is no such entry in these minutes.")
	}
	a := in.agreements[at]
	switch {
	case body.Revision != len(a.Changes):
		return conflict()
	case len(a.Changes) >= mostChanges:
		return &parley.Error{Op: "change minutes", Kind: parley.Full, Say: "This entry has been changed too often."}
	}
	if body.Op == parley.OpEdit {
		if err := in.apply(&body.entryBody, a.Kind, &a.ActionItem); err != nil {
			return err
		}
	}
	return s.store(w, r, http.StatusOK, &in, parley.Change{Kind: a.Kind, Number: body.Revision + 1, Op: body.Op, Entry: a.ActionItem})
}

// addItem takes an entry that was missed, with the words it stands on.
func (s *server) addItem(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		entryBody

		Kind     parley.EntryKind     `json:"kind"`
		Evidence []parley.UtteranceID `json:"evidence"`
		Quote    string               `json:"quote"`
	}
	in, err := s.mayChangeRecord(r)
	if err != nil {
		return err
	}
	if err := readBody(w, r, &body); err != nil {
		return err
	}
	if !body.Kind.Valid() {
		return invalid("The kind is action, decision or question.")
	}
	added := 0
	for _, a := range in.agreements {
		if len(a.Changes) > 0 && a.Changes[0].Op == parley.OpAdd {
			added++
		}
	}
	if added >= mostAdded {
		return &parley.Error{Op: "change minutes", Kind: parley.Full, Say: "These minutes have too many entries."}
	}
	transcript, err := in.keep.Transcripts.Transcript(r.Context(), in.meeting.ID)
	if err != nil {
		return fmt.Errorf("read transcript: %w", err)
	}
	entry := parley.ActionItem{ID: parley.ItemID(uuid.Must(uuid.NewV7()).String())}
	if entry.Evidence, err = cite(transcript.Utterances, body.Evidence, body.Quote); err != nil {
		return err
	}
	if err := in.apply(&body.entryBody, body.Kind, &entry); err != nil {
		return err
	}
	return s.store(w, r, http.StatusCreated, &in, parley.Change{Kind: body.Kind, Number: 1, Op: parley.OpAdd, Entry: entry})
}

// store keeps a change and answers with the entry as it now reads.
func (s *server) store(w http.ResponseWriter, r *http.Request, status int, in *changing, change parley.Change) error {
	change.Meeting, change.By, change.Name, change.At = in.meeting.ID, in.who, in.by.Name, time.Now().UTC()
	err := in.keep.Actions.AddChange(r.Context(), change)
	if errors.Is(err, parley.Conflict) {
		return conflict()
	}
	if err != nil {
		return fmt.Errorf("keep change: %w", err)
	}
	agreements, err := readAgreements(r.Context(), in.keep, in.meeting.ID)
	if err != nil {
		return err
	}
	for _, a := range agreements {
		switch {
		case a.ID != change.Entry.ID:
		case a.Kind == parley.KindAction:
			return writeJSON(w, status, viewItem(a))
		default:
			return writeJSON(w, status, viewEntry(a))
		}
	}
	return fmt.Errorf("find the changed entry: %w", parley.Internal)
}

func conflict() error {
	return &parley.Error{
		Op: "change minutes", Kind: parley.Conflict, Say: "Somebody else has changed this meanwhile. Look at it again.",
	}
}

// apply makes an entry read as a body says.
func (in *changing) apply(body *entryBody, kind parley.EntryKind, entry *parley.ActionItem) error {
	task, err := cleanText("text", body.Task, maxTask)
	if err != nil {
		return err
	}
	if kind != parley.KindAction {
		if body.Owner != nil || body.Due != "" {
			return invalid("Only action items have an owner and a date.")
		}
		entry.Task = task
		return nil
	}
	owner, err := in.owner(body.Owner)
	if err != nil {
		return err
	}
	due, err := dueOf(body.Due, entry.Due)
	if err != nil {
		return err
	}
	entry.Task, entry.Owner, entry.Due = task, owner, due
	return nil
}

// owner is a participant of the meeting, or somebody else by name.
func (in *changing) owner(body *ownerBody) (parley.Owner, error) {
	if body == nil {
		return parley.Owner{}, nil
	}
	if body.Participant != "" {
		for _, p := range in.people {
			if p.ID == body.Participant {
				return parley.Owner{Participant: p.ID, Name: p.Name}, nil
			}
		}
		return parley.Owner{}, invalid("The owner is nobody of this meeting. Give a name instead.")
	}
	name, err := cleanLine("name of the owner", body.Name)
	if err == nil && name == "" {
		err = invalid("An owner has a participant or a name; nobody is null.")
	}
	return parley.Owner{Name: name}, err
}

// dueOf is a date a person gave. One that was there keeps the words it came from.
func dueOf(date string, before *parley.Due) (*parley.Due, error) {
	if date == "" {
		return nil, nil //nolint:nilnil // no date is a value here
	}
	if _, err := time.Parse(time.DateOnly, date); err != nil {
		return nil, invalid("The date is one of the calendar, like 2026-03-06.")
	}
	if before != nil && before.Date == parley.Date(date) {
		return before, nil
	}
	return &parley.Due{Date: parley.Date(date), Earliest: parley.Date(date), Latest: parley.Date(date)}, nil
}

// cite is the evidence of a quote from utterances of the meeting. It must be there word for word.
func cite(all []parley.Utterance, ids []parley.UtteranceID, quote string) (parley.Evidence, error) {
	var e parley.Evidence
	if len(ids) == 0 || len(ids) > mostQuoted {
		return e, invalid(fmt.Sprintf("An entry cites 1 to %d utterances.", mostQuoted))
	}
	quote, err := cleanText("quote", quote, maxQuote)
	if err != nil {
		return e, err
	}
	texts := ""
	for _, id := range ids {
		at := slices.IndexFunc(all, func(u parley.Utterance) bool { return u.ID == id })
		if at < 0 || slices.Contains(e.Utterances, id) {
			return e, invalid("The evidence names utterances of this meeting, each once.")
		}
		u := &all[at]
		if len(e.Utterances) == 0 {
			e.Start = u.Start
		}
		e.Utterances, e.End = append(e.Utterances, id), max(e.End, u.End)
		texts += " " + u.Text
	}
	if !strings.Contains(oneLine(texts), oneLine(quote)) {
		return e, invalid("The quote is not in those utterances, word for word.")
	}
	e.Quote = quote
	return e, nil
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// cleanText makes one line of text of 1 to most characters.
func cleanText(what, text string, most int) (string, error) {
	if !utf8.ValidString(text) {
		return "", invalid("The " + what + " is no text.")
	}
	text = oneLine(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text))
	switch n := utf8.RuneCountInString(text); {
	case n == 0:
		return "", invalid("The " + what + " is empty.")
	case n > most:
		return "", &parley.Error{
			Op: "read body", Kind: parley.TooLarge, Say: fmt.Sprintf("The %s has at most %d characters.", what, most),
		}
	}
	return text, nil
}

// exportItems gives what was agreed as a file.
func (s *server) exportItems(w http.ResponseWriter, r *http.Request) error {
	format := export.Format(r.URL.Query().Get("format"))
	if !slices.Contains(export.Formats(), format) {
		return invalid("The format is csv, json, md or ics.")
	}
	m, keep, _, err := s.readable(r)
	if err != nil {
		return err
	}
	agreements, err := readAgreements(r.Context(), keep, m.ID)
	if err != nil {
		return err
	}
	var file bytes.Buffer
	err = export.Write(&file, format, export.File{
		Meeting: m, Entries: agreements, Record: s.BaseURL + "/r/" + string(m.ID),
	})
	if err != nil {
		return err
	}
	header := w.Header()
	header.Set("Content-Type", format.MediaType())
	header.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", fmt.Sprintf("%s-agreements.%s", m.ID, format)))
	header.Set("Cache-Control", "private, no-store")
	_, _ = file.WriteTo(w) // the reader is gone when this fails
	return nil
}
