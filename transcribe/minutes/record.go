package minutes

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/parley/parley"
)

// Record is one line of a transcript file: a meeting as exchanged with other programs. Names of
// fields are those of the file; times are seconds from the start of the meeting.
type Record struct {
	Meeting      string              `json:"meeting"`
	Lang         string              `json:"lang"`
	Start        string              `json:"start"` // RFC 3339, or local time without offset, or null
	Zone         string              `json:"tz"`
	Participants []RecordParticipant `json:"participants"`
	Utterances   []RecordUtterance   `json:"utterances"`
}

// RecordParticipant is one person of a Record.
type RecordParticipant struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Role    string   `json:"role"` // in the organization
	Aliases []string `json:"aliases"`
}

// RecordUtterance is one utterance of a Record.
type RecordUtterance struct {
	ID      string  `json:"id"`
	Speaker string  `json:"speaker"`
	Start   float64 `json:"start"`
	End     float64 `json:"end"`
	Text    string  `json:"text"`
}

// The limits of a transcript file; a line over one is refused with a plain error.
const (
	maxRecordBytes = 64 << 20
	maxSeconds     = 7 * 24 * 60 * 60
)

// ReadRecords calls visit with each meeting of a JSON Lines file, in order, and stops at its first
// error. Blank lines are skipped. A bad line is an error of kind parley.Invalid that names name and
// the line.
func ReadRecords(name string, r io.Reader, visit func(parley.Transcript) error) error {
	lines := bufio.NewReaderSize(r, 1<<16)
	seen := map[string]int{}
	for number := 1; ; number++ {
		text, err := readLine(lines)
		if err != nil && !errors.Is(err, io.EOF) {
			return badLine(name, number, err)
		}
		if text = bytes.TrimSpace(text); len(text) > 0 {
			t, parseErr := parseRecord(text)
			if parseErr != nil {
				return badLine(name, number, parseErr)
			}
			if first, twice := seen[string(t.Meeting.ID)]; twice {
				return badLine(name, number, fmt.Errorf("meeting %q is also on line %d", t.Meeting.ID, first))
			}
			seen[string(t.Meeting.ID)] = number
			if visitErr := visit(t); visitErr != nil {
				return visitErr
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
	}
}

// readLine reads up to and without the newline, within the limit.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxRecordBytes {
			return nil, fmt.Errorf("the line is longer than %d MB", maxRecordBytes>>20)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

func badLine(name string, number int, err error) error {
	return &parley.Error{
		Op: "read transcripts", Kind: parley.Invalid,
		Say: fmt.Sprintf("%s:%d: %v", name, number, err),
	}
}

// parseRecord reads and checks one line.
func parseRecord(text []byte) (parley.Transcript, error) {
	var r Record
	if err := json.Unmarshal(text, &r); err != nil {
		return parley.Transcript{}, fmt.Errorf("not a transcript record: %w", err)
	}
	return r.Transcript()
}

// Transcript converts a record, after checking it.
func (r *Record) Transcript() (parley.Transcript, error) {
	var t parley.Transcript
	if r.Meeting == "" {
		return t, fmt.Errorf("it has no meeting")
	}
	t.Meeting = parley.Meeting{ID: parley.MeetingID(r.Meeting), Zone: r.Zone}
	started, err := r.started()
	if err != nil {
		return t, err
	}
	t.Meeting.Started = started
	people := map[string]bool{}
	for i, p := range r.Participants {
		if people[p.ID] {
			return t, fmt.Errorf("participant %q is there twice", p.ID)
		}
		people[p.ID] = true
		t.Participants = append(t.Participants, p.participant(i))
	}
	ids := map[string]bool{}
	for i := range r.Utterances {
		u := &r.Utterances[i]
		switch {
		case u.ID == "":
			return t, fmt.Errorf("utterance %d has no id", i+1)
		case ids[u.ID]:
			return t, fmt.Errorf("utterance %q is there twice", u.ID)
		case !validSeconds(u.Start) || !validSeconds(u.End) || u.End < u.Start:
			return t, fmt.Errorf("utterance %q lasts from %v to %v", u.ID, u.Start, u.End)
		}
		ids[u.ID] = true
		t.Utterances = append(t.Utterances, parley.Utterance{
			ID: parley.UtteranceID(u.ID), Meeting: t.Meeting.ID, Participant: parley.ParticipantID(u.Speaker),
			Start: seconds(u.Start), End: seconds(u.End), Text: u.Text, State: parley.Recognized, Lang: r.Lang,
		})
	}
	return t, nil
}

func validSeconds(s float64) bool { return !math.IsNaN(s) && s >= 0 && s <= maxSeconds }

func seconds(s float64) time.Duration { return time.Duration(math.Round(s*1000)) * time.Millisecond }

func (p *RecordParticipant) participant(i int) parley.Participant {
	name := p.Name
	if name == "" {
		name = p.ID
	}
	return parley.Participant{
		ID: parley.ParticipantID(p.ID), Number: uint32(i + 1), Name: name, Title: p.Role, Aliases: p.Aliases,
	}
}

// started reads the start time; without an offset it is in the meeting's zone. The zero time means
// that the day is not known, and no due date can be reckoned.
func (r *Record) started() (time.Time, error) {
	if r.Start == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, r.Start); err == nil {
		return t, nil
	}
	zone := parley.Meeting{Zone: r.Zone}.Location()
	t, err := time.ParseInLocation("2006-01-02T15:04:05", r.Start, zone)
	if err != nil {
		return time.Time{}, fmt.Errorf("start %q is not a time like 2026-03-12T10:00:00+08:00", r.Start)
	}
	return t, nil
}
