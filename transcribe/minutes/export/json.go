package export

import (
	"encoding/json"
	"io"
	"time"

	"github.com/parley/parley"
)

// The JSON of an exported file. Names are those of the HTTP interface; times on the meeting clock are
// milliseconds.
type (
	jsonFile struct {
		Meeting jsonMeeting `json:"meeting"`
		Entries []jsonEntry `json:"entries"`
	}
	jsonMeeting struct {
		ID      parley.MeetingID `json:"id"`
		Title   string           `json:"title"`
		Started time.Time        `json:"started,omitzero"`
		Zone    string           `json:"zone"`
		Record  string           `json:"record"`
	}
	jsonEntry struct {
		ID         parley.ItemID        `json:"id"`
		Kind       parley.EntryKind     `json:"kind"`
		Status     parley.Status        `json:"status"`
		Task       string               `json:"task"`
		Owner      *jsonOwner           `json:"owner"` // null: nobody was named
		Due        *jsonDue             `json:"due"`   // null: no time was said
		Evidence   []parley.UtteranceID `json:"evidence"`
		Quote      string               `json:"quote"`
		StartMS    int64                `json:"start_ms"`
		EndMS      int64                `json:"end_ms"`
		Confidence parley.Confidence    `json:"confidence"`
		Why        []string             `json:"why"`
		Link       string               `json:"link"`
	}
	jsonOwner struct {
		Participant parley.ParticipantID `json:"participant"`
		Name        string               `json:"name"`
	}
	jsonDue struct {
		Text     string      `json:"text"`
		Date     parley.Date `json:"date"`
		Earliest parley.Date `json:"earliest"`
		Latest   parley.Date `json:"latest"`
	}
)

func writeJSON(w io.Writer, f *File) error {
	m := f.Meeting
	out := jsonFile{
		Meeting: jsonMeeting{ID: m.ID, Title: m.Title, Started: m.Started, Zone: m.Zone, Record: f.Record},
		Entries: []jsonEntry{},
	}
	for i := range f.Entries {
		a := &f.Entries[i]
		e := jsonEntry{
			ID: a.ID, Kind: a.Kind, Status: a.Status, Task: a.Task, Evidence: a.Utterances, Quote: a.Quote,
			StartMS: a.Start.Milliseconds(), EndMS: a.End.Milliseconds(), Confidence: a.Confidence,
			Why: append([]string{}, a.Why...), Link: f.link(a),
		}
		if a.Owner != (parley.Owner{}) {
			e.Owner = &jsonOwner{a.Owner.Participant, a.Owner.Name}
		}
		if a.Due != nil {
			e.Due = &jsonDue{a.Due.Text, a.Due.Date, a.Due.Earliest, a.Due.Latest}
		}
		out.Entries = append(out.Entries, e)
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(out)
}
