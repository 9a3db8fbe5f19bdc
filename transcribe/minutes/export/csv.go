package export

import (
	"encoding/csv"
	"io"
	"strings"
)

// writeCSV writes one row an entry, for a spreadsheet: with the mark by which Excel knows UTF-8, and no
// cell that it would take for a formula.
func writeCSV(w io.Writer, f *File) error {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return err
	}
	rows := csv.NewWriter(w)
	rows.UseCRLF = true
	_ = rows.Write([]string{ // errors are those of Flush
		"kind", "status", "task", "owner", "due", "due in words", "quote", "at", "confidence", "link", "id",
	})
	for i := range f.Entries {
		a := &f.Entries[i]
		date, words := due(a)
		cells := []string{
			string(a.Kind), string(a.Status), a.Task, a.Owner.Name, date, words, a.Quote, clock(a.Start),
			string(a.Confidence), f.link(a), string(a.ID),
		}
		for j := range cells {
			cells[j] = plain(cells[j])
		}
		_ = rows.Write(cells)
	}
	rows.Flush()
	return rows.Error()
}

// plain keeps a cell from being a formula: an apostrophe in front makes it text. Leading blanks do not
// hide the sign from every spreadsheet, and full-width signs count where Japanese or Chinese is set.
func plain(cell string) string {
	cell = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, cell)
	if strings.IndexAny(strings.TrimLeft(cell, " \u00a0\u3000"), "=+-@|%＝＋－＠") == 0 {
		return "'" + cell
	}
	return cell
}
