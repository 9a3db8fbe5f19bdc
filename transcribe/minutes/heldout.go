package minutes

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/parley/parley"
)

// Heldout is a meeting with what a model finds in it that was trained without it.
type Heldout struct {
	Meeting  parley.MeetingID
	Findings Findings
}

// tally counts the items of one corpus at one tier.
type tally struct {
	hits, found, wanted int
	lines, right, work  int // lines found, those of them that establish an item, all that do
	utterances          int
}

// rate is a share for people; a dash where there is nothing to share.
func rate(part, whole int) string {
	if whole == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f", float64(part)/float64(whole))
}

// crossValidate finds the items of each labelled meeting with the model that was trained without its
// fold, and prints a table. Every form of a meeting is in one fold. visit, if not nil, is given each.
func crossValidate(
	meetings []labelled, models []*model, log io.Writer, visit func(set string, h *Heldout) error,
) error {
	of := map[string]*tally{}
	var names []string
	for i := range meetings {
		m := &meetings[i]
		set := trainingSets()[m.set]
		m.talk.model = models[m.fold]
		m.talk.cached = nil
		findings := m.talk.findings()
		for _, tier := range [...]Tier{Proposed, Suggested} {
			name := set.name + " " + m.language() + "\t" + string(tier)
			if set.within {
				name = set.name + " in a long meeting " + m.language() + "\t" + string(tier)
			}
			if of[name] == nil {
				of[name] = &tally{}
				names = append(names, name)
			}
			of[name].count(m, &findings, tier)
		}
		if visit == nil || set.within {
			continue
		}
		if err := visit(set.name, &Heldout{m.transcript.Meeting.ID, findings}); err != nil {
			return err
		}
	}
	slices.Sort(names)
	table := tabwriter.NewWriter(log, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "held out\ttier\titems\tfound\tright\tF1\tutterance F1\tper 100 utterances")
	for _, name := range names {
		t := of[name]
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%s\t%s\t%.2f\n", name, t.wanted, t.found, t.hits,
			rate(2*t.hits, t.found+t.wanted), rate(2*t.right, t.lines+t.work), 100*float64(t.found)/float64(max(1, t.utterances)))
	}
	return table.Flush()
}

// language is that of a meeting, for the table.
func (m *labelled) language() string {
	if len(m.transcript.Utterances) == 0 {
		return ""
	}
	return m.transcript.Utterances[0].Lang
}

// count adds the items of one meeting.
func (t *tally) count(m *labelled, f *Findings, tier Tier) {
	at := make(map[parley.UtteranceID]int, len(m.transcript.Utterances))
	for i, u := range m.transcript.Utterances {
		at[u.ID] = i
	}
	var items []found
	lines := map[int]bool{}
	for i := range f.Items {
		if tier == Proposed && f.Items[i].Tier != Proposed {
			continue
		}
		one := found{}
		for _, id := range f.Items[i].Utterances[:len(f.Items[i].Utterances)-len(f.Items[i].Agreed)] {
			one.utts = append(one.utts, at[id])
		}
		if m.doubtful(one.utts) {
			continue
		}
		items = append(items, one)
		for _, u := range one.utts {
			if !m.neutral[u] || m.positive[u] {
				lines[u] = true
			}
		}
	}
	t.hits, t.found, t.wanted = t.hits+m.matched(items), t.found+len(items), t.wanted+len(m.items)
	t.lines, t.work = t.lines+len(lines), t.work+len(m.positive)
	for u := range lines {
		if m.positive[u] {
			t.right++
		}
	}
	t.utterances += len(m.transcript.Utterances)
}

// doubtful reports an item that stands on nothing but what is neither right nor wrong.
func (m *labelled) doubtful(utts []int) bool {
	return !slices.ContainsFunc(utts, func(u int) bool { return !m.neutral[u] || m.positive[u] })
}
