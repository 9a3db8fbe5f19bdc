package refine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/parley/parley"
	"github.com/parley/parley/transcribe/minutes"
)

const (
	maxTask     = 200 // characters
	mostCited   = 5
	nearby      = 2   // lines around the evidence where an owner or a date may be said
	quotedShare = 0.6 // of a quote's characters that must stand in the line in one run
	sharedWords = 0.3 // of a task's words that must stand in or near the cited lines
)

// checker holds answers about one chunk to the transcript.
type checker struct {
	t          *parley.Transcript
	reading    *minutes.Reading
	from, to   int   // utterances that were shown
	candidates []int // the utterance that each candidate stands on
}

// checked is an answer that holds.
type checked struct {
	op        string
	candidate int // -1 with add
	task      string
	owner     *parley.Owner // nil: as before, or nobody
	due       *parley.Due   // nil: as before, or none
	evidence  []int         // the quoted line first
	quote     string        // verbatim from it
}

// check returns an answer as far as it holds, or why it does not.
func (c *checker) check(a answer) (checked, error) {
	out := checked{op: a.Op, candidate: -1}
	switch {
	case a.Op != "keep" && a.Op != "edit" && a.Op != "drop" && a.Op != "add":
		return out, fmt.Errorf("op %q is not keep, edit, drop or add", a.Op)
	case a.Op == "add" && a.Candidate != nil:
		return out, errors.New("add has no candidate")
	case a.Op != "add" && (a.Candidate == nil || *a.Candidate < 0 || *a.Candidate >= len(c.candidates)):
		return out, errors.New("there is no such candidate")
	}
	if a.Candidate != nil {
		out.candidate = *a.Candidate
	}
	if a.Op == "keep" || a.Op == "drop" {
		return out, nil
	}
	if err := c.cite(a, &out); err != nil {
		return out, err
	}
	if a.Op == "edit" && !slices.Contains(c.around(out.evidence), c.candidates[out.candidate]) {
		return out, errors.New("the evidence is not that of the candidate")
	}
	if err := c.words(a, &out); err != nil {
		return out, err
	}
	if a.Owner != nil && strings.TrimSpace(*a.Owner) != "" {
		owner, err := c.owner(*a.Owner, a.OwnerQuote, out.evidence)
		if err != nil {
			return out, err
		}
		out.owner = owner
	}
	if a.DueQuote != nil && *a.DueQuote != "" {
		if !c.near(*a.DueQuote, out.evidence) {
			return out, errors.New("due_quote is not near the evidence")
		}
		out.due = c.reading.Due(*a.DueQuote) // nil where our own reckoning finds no date: then it stays open
	}
	return out, nil
}

// cite checks evidence and quote.
func (c *checker) cite(a answer, out *checked) error {
	if len(a.Evidence) == 0 || len(a.Evidence) > mostCited {
		return fmt.Errorf("evidence has %d lines; 1 to %d", len(a.Evidence), mostCited)
	}
	quoted := -1
	for _, i := range a.Evidence {
		if i < c.from || i >= c.to {
			return fmt.Errorf("line %d is not in the transcript", i)
		}
		if slices.Contains(out.evidence, i) {
			continue
		}
		out.evidence = append(out.evidence, i)
		if quoted < 0 && c.stands(a.Quote, c.t.Utterances[i].Text) {
			quoted = i
		}
	}
	if quoted < 0 {
		return errors.New("the quote does not stand in the cited lines")
	}
	// The quoted line first; and of it what stands there, not what the model made of it.
	out.evidence = append([]int{quoted}, slices.DeleteFunc(out.evidence, func(i int) bool { return i == quoted })...)
	text := c.t.Utterances[quoted].Text
	if out.quote = strings.TrimSpace(a.Quote); out.quote == "" || !strings.Contains(text, out.quote) {
		out.quote = text
	}
	return nil
}

// words checks that a task is one line made of what was said, in its script.
func (c *checker) words(a answer, out *checked) error {
	out.task = line(a.Task)
	switch {
	case out.task == "" || utf8.RuneCountInString(out.task) > maxTask || strings.ContainsFunc(out.task, unicode.IsControl):
		return errors.New("the task is not one short line")
	case strings.Contains(out.task, "://"):
		return errors.New("the task has an address in it")
	}
	said := map[string]bool{}
	for _, i := range c.around(out.evidence) {
		for _, word := range c.reading.Content(c.t.Utterances[i].Text) {
			said[word] = true
		}
	}
	shared, words := 0, c.reading.Content(out.task)
	for _, word := range words {
		if said[word] {
			shared++
		}
	}
	if len(words) == 0 || float64(shared) < sharedWords*float64(len(words)) {
		return errors.New("the task is not in the words of the cited lines")
	}
	return nil
}

// owner is somebody of the roster who is named, speaks or answers near the evidence; or a name that was
// said there. Nobody else: a wrong owner does more harm than none.
func (c *checker) owner(name string, quote *string, evidence []int) (*parley.Owner, error) {
	around := c.around(evidence)
	if p, ok := c.reading.Person(name); ok {
		for _, i := range around {
			speaks := c.t.Utterances[i].Participant == p.ID && i >= slices.Min(evidence)
			if speaks || c.reading.Mentions(i, p.ID) {
				return &parley.Owner{Participant: p.ID, Name: p.Name}, nil
			}
		}
		return nil, errors.New("the owner is neither named nor speaks near the evidence")
	}
	name = line(name)
	const longest = 80
	if quote == nil || !c.near(*quote, evidence) || utf8.RuneCountInString(name) > longest ||
		!strings.Contains(c.plain(*quote), c.plain(name)) || c.plain(name) == "" {
		return nil, errors.New("nobody of that name was named near the evidence")
	}
	return &parley.Owner{Name: name}, nil
}

// around are the shown lines within reach of the evidence, in order.
func (c *checker) around(evidence []int) []int {
	var all []int
	for i := max(c.from, slices.Min(evidence)-nearby); i < min(c.to, slices.Max(evidence)+nearby+1); i++ {
		for _, e := range evidence {
			if i-e <= nearby && e-i <= nearby {
				all = append(all, i)
				break
			}
		}
	}
	return all
}

// near reports whether words stand in a line within reach of the evidence.
func (c *checker) near(words string, evidence []int) bool {
	return slices.ContainsFunc(c.around(evidence), func(i int) bool { return c.stands(words, c.t.Utterances[i].Text) })
}

// stands reports whether enough of a quote stands in a text in one run: models mend what they copy.
func (c *checker) stands(quote, text string) bool {
	a, b := []rune(c.plain(quote)), []rune(c.plain(text))
	const fewest, most = 2, 2000
	if len(a) < fewest || len(a) > most {
		return false
	}
	return float64(longestRun(a, b)) >= quotedShare*float64(len(a))
}

// plain leaves letters and digits, folded.
func (c *checker) plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, c.reading.Fold(text))
}

// longestRun is the length of the longest run of characters that two texts share.
func longestRun(a, b []rune) int {
	best := 0
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for i := range a {
		for j := range b {
			if a[i] != b[j] {
				row[j+1] = 0
				continue
			}
			row[j+1] = before[j] + 1
			best = max(best, row[j+1])
		}
		before, row = row, before
	}
	return best
}
