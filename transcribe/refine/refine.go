package refine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/transcribe/minutes"
)

const (
	chunk   = 130 // utterances shown at once: a quarter of an hour, which small models can still oversee
	overlap = 15
	// mostTime bounds the refining of one meeting: 8 hours are some 70 chunks.
	mostTime = 20 * time.Minute
)

// Refiner refines minutes, each meeting by the endpoint of its region. Safe for concurrent use.
type Refiner struct {
	// constant after New
	rules     *minutes.Rules
	endpoints map[parley.Region]Config
}

// New takes the endpoint of each region that has one.
func New(rules *minutes.Rules, endpoints map[parley.Region]Config) (*Refiner, error) {
	for region, cfg := range endpoints {
		if err := cfg.Validate(); err != nil {
			return nil, fmt.Errorf("refine in %s: %w", region, err)
		}
	}
	return &Refiner{rules, endpoints}, nil
}

// Serves reports whether a region has an endpoint.
func (r *Refiner) Serves(region parley.Region) bool { return r.endpoints[region].URL != "" }

// Refine returns the minutes with what a model's answers change of the action items, and how many
// answers did not hold. An error means that the model was of no use: then the minutes stay as they are.
// Parts of a long meeting that succeeded before one that failed are not used either.
func (r *Refiner) Refine(ctx context.Context, t parley.Transcript, m parley.Minutes) (refined parley.Minutes, rejected int, err error) {
	cfg := r.endpoints[t.Meeting.Region]
	if cfg.URL == "" {
		return m, 0, fmt.Errorf("refine: the region has no model: %w", parley.NotFound)
	}
	reading, err := r.rules.Read(&t)
	if err != nil {
		return m, 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, mostTime)
	defer cancel()
	c := newClient(cfg)
	defer c.close()
	w := newWork(reading, &t, m.Items)
	w.model, w.chat = cfg.Model, c.chat
	for from := 0; from < len(t.Utterances); from += chunk - overlap {
		to := min(from+chunk, len(t.Utterances))
		if err := w.refine(ctx, from, to); err != nil {
			return m, w.rejected, err
		}
		if to == len(t.Utterances) {
			break
		}
	}
	slices.SortStableFunc(w.items, func(a, b parley.ActionItem) int { return int(a.Start - b.Start) })
	m.Items = w.items
	return m, w.rejected, nil
}

// work is one meeting being refined.
type work struct {
	t        *parley.Transcript
	reading  *minutes.Reading
	model    string
	chat     func(context.Context, []message) (string, error)
	at       map[parley.UtteranceID]int
	items    []parley.ActionItem
	asked    map[parley.ItemID]bool // candidates that a chunk has dealt with
	rejected int
}

func newWork(reading *minutes.Reading, t *parley.Transcript, items []parley.ActionItem) *work {
	w := &work{
		t: t, reading: reading, items: slices.Clone(items),
		at: map[parley.UtteranceID]int{}, asked: map[parley.ItemID]bool{},
	}
	for i, u := range t.Utterances {
		w.at[u.ID] = i
	}
	return w
}

// refine asks about one chunk, and once more when something does not hold; the better answer counts.
func (w *work) refine(ctx context.Context, from, to int) error {
	var candidates []int
	for i := range w.items {
		if at, ok := w.at[w.items[i].Utterances[0]]; ok && at >= from && at < to && !w.asked[w.items[i].ID] {
			candidates = append(candidates, i)
			w.asked[w.items[i].ID] = true
		}
	}
	messages := []message{{"system", system}, {"user", ask(w.t, w.items, candidates, from, to)}}
	var best []checked
	var bad []error
	for try := range 2 {
		text, err := w.chat(ctx, messages)
		if err != nil {
			return err
		}
		good, faults := w.checkAll(text, candidates, from, to)
		if try == 0 || len(faults) < len(bad) || len(faults) == len(bad) && len(good) > len(best) {
			best, bad = good, faults
		}
		if len(faults) == 0 {
			break
		}
		messages = append(messages, message{"assistant", text}, message{"user", complaint(faults)})
	}
	w.rejected += len(bad)
	if len(best) == 0 && len(bad) > 0 {
		return fmt.Errorf("nothing the model says holds: %w", errors.Join(bad...))
	}
	for _, a := range best {
		w.apply(a, candidates)
	}
	return nil
}

// complaint tells the model what does not hold. It has no words but those of this package.
func complaint(faults []error) string {
	var b strings.Builder
	b.WriteString("These answers do not hold. Answer again, all of it:\n")
	for i, fault := range faults {
		if i == 10 { // enough to see the kind
			break
		}
		fmt.Fprintf(&b, "- %v\n", fault)
	}
	return b.String()
}

// checkAll sorts the answers of a text into those that hold and what is wrong with the others.
func (w *work) checkAll(text string, candidates []int, from, to int) (good []checked, faults []error) {
	parsed, err := parseAnswers(text)
	if err != nil {
		return nil, []error{err}
	}
	c := &checker{t: w.t, reading: w.reading, from: from, to: to}
	for _, i := range candidates {
		c.candidates = append(c.candidates, w.at[w.items[i].Utterances[0]])
	}
	seen := map[int]bool{}
	for i, a := range parsed.Items {
		one, err := c.check(a)
		if err == nil && one.candidate >= 0 && seen[one.candidate] {
			err = errors.New("a candidate is answered twice")
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("item %d: %w", i, err))
			continue
		}
		seen[one.candidate] = true
		good = append(good, one)
	}
	return good, faults
}

// apply changes the items by an answer that holds.
func (w *work) apply(a checked, candidates []int) {
	if a.op == "add" {
		w.add(a)
		return
	}
	item := &w.items[candidates[a.candidate]]
	why := "refined " + a.op + " " + w.model
	switch a.op {
	case "drop":
		if minutes.IsMarked(item) {
			return
		}
		item.Tier, item.Confidence = parley.Suggested, parley.Unsure
	case "edit":
		item.Task = a.task
		if a.owner != nil {
			item.Owner = *a.owner
		}
		if a.due != nil {
			item.Due = a.due
		}
	}
	item.Why = append(slices.Clone(item.Why), why)
}

// add makes an item of an answer, unless there is one that says the same. Without a cue of work in its
// evidence it is only suggested.
func (w *work) add(a checked) {
	for i := range w.items {
		if w.same(&w.items[i], a) {
			return
		}
	}
	first := &w.t.Utterances[a.evidence[0]]
	before := 0
	for i := range w.items {
		if w.items[i].Utterances[0] == first.ID {
			before++
		}
	}
	item := parley.ActionItem{
		ID: minutes.EntryID("refined", w.t.Meeting.ID, first.ID, before), Task: a.task, Due: a.due, Tier: parley.Suggested,
		Evidence: parley.Evidence{
			Quote: a.quote, Start: first.Start, End: first.End, Confidence: parley.Unsure, Why: []string{"refined add " + w.model},
		},
	}
	if a.owner != nil {
		item.Owner = *a.owner
	}
	for _, i := range a.evidence {
		item.Utterances = append(item.Utterances, w.t.Utterances[i].ID)
		item.End = max(item.End, w.t.Utterances[i].End)
		if w.reading.Work(i) {
			item.Tier = parley.Proposed
		}
	}
	w.asked[item.ID] = true
	w.items = append(w.items, item)
}

// same reports an item that an answer only says again: from the lines next to it, in much the same words.
func (w *work) same(item *parley.ActionItem, a checked) bool {
	at, ok := w.at[item.Utterances[0]]
	if !ok || at-a.evidence[0] > 1 || a.evidence[0]-at > 1 {
		return false
	}
	words, others := w.reading.Content(item.Task), w.reading.Content(a.task)
	shared := 0
	for _, word := range others {
		if slices.Contains(words, word) {
			shared++
		}
	}
	return 2*shared >= min(len(words), len(others))
}
