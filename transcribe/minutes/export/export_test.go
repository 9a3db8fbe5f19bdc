package export_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/parley/parley"
	"github.com/parley/parley/transcribe/minutes/export"
)

func file() export.File {
	evidence := parley.Evidence{
		Utterances: []parley.UtteranceID{"u1"}, Quote: `I'll send "it", Kim; by Friday`, Start: 65 * time.Second, End: 68 * time.Second,
		Confidence: parley.Clear, Why: []string{"commit i-will"},
	}
	item := func(id parley.ItemID, task string) parley.ActionItem {
		return parley.ActionItem{ID: id, Task: task, Evidence: evidence}
	}
	first := item("00000000-0000-8000-8000-000000000001", "send it")
	first.Owner = parley.Owner{Participant: "p1", Name: "陳大文"}
	first.Due = &parley.Due{Text: "by Friday", Date: "2026-03-06", Earliest: "2026-03-06", Latest: "2026-03-06"}
	formula := item("2", `=HYPERLINK("http://evil.example","click")`)
	formula.Owner = parley.Owner{Name: "+Finance"}
	formula.Quote = "a\r\nBEGIN:VEVENT\r\n# heading"
	hidden := item("3", "nobody agreed to this")
	hidden.Tier = parley.Suggested
	return export.File{
		Meeting: parley.Meeting{ID: "kfm-tqzw-rbn", Title: "Budget *review*", Zone: "Asia/Hong_Kong", Started: time.Date(2026, 3, 2, 1, 30, 0, 0, time.UTC)},
		Record:  "https://meet.example.org/r/kfm-tqzw-rbn",
		Entries: []parley.Agreement{
			{ActionItem: first, Kind: parley.KindAction, Status: parley.Accepted, Changes: []parley.Change{{Number: 1, At: time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC)}}},
			{ActionItem: formula, Kind: parley.KindAction, Status: parley.Open},
			{ActionItem: hidden, Kind: parley.KindAction, Status: parley.Open},
			{ActionItem: item("4", "dropped"), Kind: parley.KindAction, Status: parley.Dismissed},
			{ActionItem: item("5", "We go ahead."), Kind: parley.KindDecision, Status: parley.Open},
		},
	}
}

func write(t *testing.T, format export.Format, f export.File) string {
	t.Helper()
	var b bytes.Buffer
	if err := export.Write(&b, format, f); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestNoFormatShowsWhatWasDismissedOrOnlySuggested(t *testing.T) {
	t.Parallel()
	for _, format := range export.Formats() {
		text := write(t, format, file())
		if strings.Contains(text, "nobody agreed") || strings.Contains(text, "dropped") || !strings.Contains(text, "send it") {
			t.Errorf("%s: %s", format, text)
		}
	}
	if err := export.Write(&bytes.Buffer{}, "pdf", file()); parley.KindOf(err) != parley.Invalid {
		t.Errorf("pdf: %v", err)
	}
}

func TestNoCellIsAFormula(t *testing.T) {
	t.Parallel()
	text := write(t, export.CSV, file())
	if !strings.HasPrefix(text, "\ufeff") || !strings.Contains(text, "\r\n") {
		t.Errorf("%q", text[:20])
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff"))).ReadAll()
	if err != nil || len(rows) != 4 {
		t.Fatalf("%v, %d rows", err, len(rows))
	}
	want := []string{
		"action", "accepted", "send it", "陳大文", "2026-03-06", "by Friday", `I'll send "it", Kim; by Friday`, "0:01:05", "clear",
		"https://meet.example.org/r/kfm-tqzw-rbn?t=65", "00000000-0000-8000-8000-000000000001",
	}
	if strings.Join(rows[1], "|") != strings.Join(want, "|") {
		t.Errorf("row %q", rows[1])
	}
	if rows[2][2] != `'=HYPERLINK("http://evil.example","click")` || rows[2][3] != "'+Finance" || strings.ContainsAny(rows[2][6], "\r\n") {
		t.Errorf("row %q", rows[2])
	}
	for _, start := range []string{"=", "+", "-", "@", "\t=", "\r=", " =", "＝", "\u3000＋"} {
		f := file()
		f.Entries[0].Task = start + "1"
		rows, err := csv.NewReader(strings.NewReader(write(t, export.CSV, f)[3:])).ReadAll()
		if err != nil || !strings.HasPrefix(rows[1][2], "'") {
			t.Errorf("%q: %v %q", start, err, rows[1][2])
		}
	}
}

func TestMarkdownReadsAsItStands(t *testing.T) {
	t.Parallel()
	want := `# Budget \*review\*

2026-03-02 09:30 +08:00

## Action items

- [ ] send it — **陳大文**, due 2026-03-06 (“by Friday”)
  > “I'll send "it", Kim; by Friday” [0:01:05](<https://meet.example.org/r/kfm-tqzw-rbn?t=65>)
- [ ] =HYPERLINK\("http://evil.example","click"\) — **\+Finance** (not confirmed)
  > “a BEGIN:VEVENT \# heading” [0:01:05](<https://meet.example.org/r/kfm-tqzw-rbn?t=65>)

## Decisions

- We go ahead. (not confirmed)
  > “I'll send "it", Kim; by Friday” [0:01:05](<https://meet.example.org/r/kfm-tqzw-rbn?t=65>)
`
	if got := write(t, export.Markdown, file()); got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestTheCalendarKeepsToRFC5545(t *testing.T) {
	t.Parallel()
	f := file()
	f.Entries[0].Quote = strings.Repeat("長句子，", 40)
	text := write(t, export.Calendar, f)
	for _, line := range strings.SplitAfter(text, "\r\n") {
		if len(line) > 77 || !utf8.ValidString(line) || line != "" && !strings.HasSuffix(line, "\r\n") {
			t.Errorf("line of %d octets: %q", len(line), line)
		}
	}
	unfolded := strings.ReplaceAll(text, "\r\n ", "")
	for _, want := range []string{
		"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:", "\r\nUID:00000000-0000-8000-8000-000000000001\r\n", "\r\nDTSTAMP:20260303T000000Z\r\n",
		"\r\nDUE;VALUE=DATE:20260306\r\n", "\r\nSUMMARY:陳大文: send it\r\n", "\r\nSEQUENCE:1\r\n", strings.Repeat("長句子，", 40),
		`DESCRIPTION:“a\nBEGIN:VEVENT\n# heading”`, "\r\nDTSTAMP:20260302T013105Z\r\n", "\r\nEND:VCALENDAR\r\n",
	} {
		if !strings.Contains(unfolded, want) {
			t.Errorf("%q is not in\n%s", want, unfolded)
		}
	}
	if strings.Contains(unfolded, "\r\nBEGIN:VEVENT") || strings.Count(unfolded, "BEGIN:VTODO") != 2 {
		t.Errorf("what was said became a component:\n%s", unfolded)
	}
	f.Entries[0].Task = "a,b;c\\d\ne\x00"
	if text := write(t, export.Calendar, f); !strings.Contains(text, `a\,b\;c\\d\ne`+"\r\n") {
		t.Errorf("escaped as %s", text)
	}
}

func TestJSONHasEverything(t *testing.T) {
	t.Parallel()
	var got struct {
		Meeting map[string]any   `json:"meeting"`
		Entries []map[string]any `json:"entries"`
	}
	if err := json.Unmarshal([]byte(write(t, export.JSON, file())), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Entries) != 3 || got.Entries[1]["due"] != nil || got.Entries[0]["link"] != "https://meet.example.org/r/kfm-tqzw-rbn?t=65" {
		t.Errorf("%+v", got)
	}
	empty := export.File{Meeting: parley.Meeting{ID: "m"}}
	if text := write(t, export.JSON, empty); !strings.Contains(text, `"entries": []`) {
		t.Error(text)
	}
}
