package export

import (
	"fmt"
	"io"
	"time"

	"github.com/parley/parley"
)

// Format names a kind of file.
type Format string

// The formats, as the ends of file names.
const (
	CSV      Format = "csv"
	JSON     Format = "json"
	Markdown Format = "md"
	Calendar Format = "ics"
)

// Formats lists them.
func Formats() []Format { return []Format{CSV, JSON, Markdown, Calendar} }

// MediaType is how HTTP calls a format, with its charset.
func (f Format) MediaType() string {
	switch f {
	case CSV:
		return "text/csv; charset=utf-8"
	case JSON:
		return "application/json"
	case Calendar:
		return "text/calendar; charset=utf-8"
	default:
		return "text/markdown; charset=utf-8"
	}
}

// File is what is written: the entries that a person has not dismissed.
type File struct {
	Meeting parley.Meeting
	Entries []parley.Agreement
	Record  string // address of the record page, without a query
}

// link opens the record at the second of an entry.
func (f *File) link(a *parley.Agreement) string {
	return fmt.Sprintf("%s?t=%d", f.Record, int(a.Start/time.Second))
}

// Write writes f in a format; an unknown one is parley.Invalid. What is only suggested and nobody has
// accepted is left out, as is what was dismissed.
func Write(w io.Writer, format Format, f File) error {
	var kept []parley.Agreement
	for _, a := range f.Entries {
		if a.Status == parley.Accepted || a.Status == parley.Open && a.Tier != parley.Suggested {
			kept = append(kept, a)
		}
	}
	f.Entries = kept
	var err error
	switch format {
	case CSV:
		err = writeCSV(w, &f)
	case JSON:
		err = writeJSON(w, &f)
	case Markdown:
		err = writeMarkdown(w, &f)
	case Calendar:
		err = writeCalendar(w, &f)
	default:
		return fmt.Errorf("export as %q: %w", format, parley.Invalid)
	}
	if err != nil {
		return fmt.Errorf("export as %s: %w", format, err)
	}
	return nil
}

// clock writes a time of the meeting as 1:05:20.
func clock(at time.Duration) string {
	s := int(max(0, at) / time.Second)
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// due is the date of an entry as it is shown, and the words it came from.
func due(a *parley.Agreement) (date, words string) {
	if a.Due == nil {
		return "", ""
	}
	return string(a.Due.Date), a.Due.Text
}
