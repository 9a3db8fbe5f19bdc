package export

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parley/parley"
)

// writeCalendar writes a VTODO for each action item, with its due date where one is known (RFC 5545
// §3.6.2). Decisions and questions are no tasks and are left out.
func writeCalendar(w io.Writer, f *File) error {
	c := &calendarWriter{}
	c.line("BEGIN:VCALENDAR")
	c.line("VERSION:2.0")
	c.line("PRODID:-//parley//minutes//EN")
	for i := range f.Entries {
		if f.Entries[i].Kind == parley.KindAction {
			c.todo(f, &f.Entries[i])
		}
	}
	c.line("END:VCALENDAR")
	_, err := io.WriteString(w, c.text.String())
	return err
}

// calendarWriter writes content lines.
type calendarWriter struct{ text strings.Builder }

// todo writes one task. DTSTAMP is when it last changed, so that the same minutes give the same file.
func (c *calendarWriter) todo(f *File, a *parley.Agreement) {
	stamp := f.Meeting.Started.Add(a.Start)
	if f.Meeting.Started.IsZero() {
		stamp = time.Unix(0, 0)
	}
	if n := len(a.Changes); n > 0 {
		stamp = a.Changes[n-1].At
	}
	c.line("BEGIN:VTODO")
	c.line("UID:" + value(string(a.ID)))
	c.line("DTSTAMP:" + stamp.UTC().Format("20060102T150405Z"))
	c.line(fmt.Sprintf("SEQUENCE:%d", len(a.Changes)))
	summary := a.Task
	if a.Owner.Name != "" {
		summary = a.Owner.Name + ": " + summary
	}
	c.line("SUMMARY:" + value(summary))
	c.line("DESCRIPTION:" + value(fmt.Sprintf("“%s” (%s, %s)", a.Quote, f.Meeting.Title, clock(a.Start))))
	if date, _ := due(a); date != "" {
		if day, err := time.Parse(time.DateOnly, date); err == nil {
			c.line("DUE;VALUE=DATE:" + day.Format("20060102"))
		}
	}
	c.line("STATUS:NEEDS-ACTION")
	c.line("URL:" + strings.Map(noControl, f.link(a)))
	c.line("END:VTODO")
}

// line writes a content line, folded so that none has more than 75 octets and no character is cut
// (RFC 5545 §3.1).
func (c *calendarWriter) line(text string) {
	const most = 75
	room := most
	for len(text) > room {
		cut := room
		for cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		c.text.WriteString(text[:cut] + "\r\n ")
		text, room = text[cut:], most-1
	}
	c.text.WriteString(text + "\r\n")
}

// value escapes text (RFC 5545 §3.3.11).
func value(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\r\n", "\n")
	text = strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\n", `\n`).Replace(text)
	return strings.Map(noControl, text)
}

// noControl drops what no content line may hold.
func noControl(r rune) rune {
	if r < ' ' || r == 0x7f {
		return -1
	}
	return r
}
