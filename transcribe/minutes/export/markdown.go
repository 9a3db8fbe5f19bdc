package export

import (
	"fmt"
	"io"
	"strings"

	"github.com/parley/parley"
)

// writeMarkdown writes a document: a heading a kind, an item an entry, its quote below it.
func writeMarkdown(w io.Writer, f *File) error {
	var b strings.Builder
	title := f.Meeting.Title
	if title == "" {
		title = string(f.Meeting.ID)
	}
	fmt.Fprintf(&b, "# %s\n", escape(title))
	if !f.Meeting.Started.IsZero() {
		fmt.Fprintf(&b, "\n%s\n", f.Meeting.Started.In(f.Meeting.Location()).Format("2006-01-02 15:04 -07:00"))
	}
	for _, part := range [...]struct {
		kind    parley.EntryKind
		heading string
	}{
		{parley.KindAction, "Action items"}, {parley.KindDecision, "Decisions"}, {parley.KindQuestion, "Open questions"},
	} {
		first := true
		for i := range f.Entries {
			a := &f.Entries[i]
			if a.Kind != part.kind {
				continue
			}
			if first {
				fmt.Fprintf(&b, "\n## %s\n\n", part.heading)
				first = false
			}
			writeEntry(&b, f, a)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeEntry(b *strings.Builder, f *File, a *parley.Agreement) {
	b.WriteString("- ")
	if a.Kind == parley.KindAction {
		b.WriteString("[ ] ")
	}
	b.WriteString(escape(a.Task))
	if a.Kind == parley.KindAction {
		owner := "unassigned"
		if a.Owner.Name != "" {
			owner = "**" + escape(a.Owner.Name) + "**"
		}
		b.WriteString(" — " + owner)
		switch date, words := due(a); {
		case date != "" && words != "":
			fmt.Fprintf(b, ", due %s (“%s”)", date, escape(words))
		case date != "":
			fmt.Fprintf(b, ", due %s", date)
		case words != "":
			fmt.Fprintf(b, ", due “%s”", escape(words))
		}
	}
	if a.Status == parley.Open {
		b.WriteString(" (not confirmed)")
	}
	fmt.Fprintf(b, "\n  > “%s” [%s](<%s>)\n", escape(a.Quote), clock(a.Start), f.link(a))
}

// escape makes one line of text that is read as it stands: what CommonMark takes for markup is escaped
// (§2.4), and line breaks are blanks.
func escape(text string) string {
	var b strings.Builder
	for _, r := range strings.Join(strings.Fields(text), " ") {
		if strings.ContainsRune("\\`*_{}[]<>()#+-!|~&$", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	out := b.String()
	// "3. " at the begin of a line would number it.
	if digits := strings.TrimLeft(out, "0123456789"); digits != out && strings.HasPrefix(digits, ".") {
		out = out[:len(out)-len(digits)] + "\\" + digits
	}
	return out
}
