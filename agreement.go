package parley

import (
	"cmp"
	"slices"
	"time"
)

// Tier is how sure the extractor is of an entry. Either way a person decides about it.
type Tier string

// The tiers. The zero Tier is Proposed.
const (
	Proposed  Tier = "proposed"  // few are wrong
	Suggested Tier = "suggested" // few are missed
)

// EntryKind says what an entry of the minutes is.
type EntryKind string

// The kinds of entry.
const (
	KindAction   EntryKind = "action"
	KindDecision EntryKind = "decision"
	KindQuestion EntryKind = "question"
)

// Valid reports whether k is one of the kinds.
func (k EntryKind) Valid() bool { return k == KindAction || k == KindDecision || k == KindQuestion }

// ChangeOp is what a person did to an entry.
type ChangeOp string

// What a person may do.
const (
	OpAccept  ChangeOp = "accept"  // it is right
	OpEdit    ChangeOp = "edit"    // it reads so; that also accepts it
	OpDismiss ChangeOp = "dismiss" // it is none
	OpReopen  ChangeOp = "reopen"  // undecided again, as it reads
	OpAdd     ChangeOp = "add"     // it was missed
)

// Valid reports whether o is something a person may do.
func (o ChangeOp) Valid() bool {
	return o == OpAccept || o == OpEdit || o == OpDismiss || o == OpReopen || o == OpAdd
}

// Change is what one person did to one entry, once. Changes are only ever added.
type Change struct {
	Meeting MeetingID
	Kind    EntryKind
	Number  int // of this entry's changes, from 1
	Op      ChangeOp
	By      Identity
	Name    string // of that person, as they were called then
	At      time.Time
	// Entry is the whole entry as it reads after the change: it outlives whatever is extracted later.
	// Decisions and questions have their text in Task, and neither owner nor date.
	Entry ActionItem
}

// Status is where an entry is on its way from being said to being agreed.
type Status string

// The states. What follows acceptance (doing, done) comes on top of them.
const (
	Open      Status = "open" // nobody has decided about it
	Accepted  Status = "accepted"
	Dismissed Status = "dismissed"
)

// Agreement is an entry of the minutes as it now reads, with everything people did to it.
type Agreement struct {
	ActionItem // as it now reads

	Kind    EntryKind
	Status  Status
	Changes []Change // oldest first; nil while nobody has touched it
}

// Agreements is what was extracted with what people made of it, in order of time. Where a person has
// decided, the person's word stands, whatever was extracted meanwhile: an entry that is not found
// any more stays, and one that is found again under another identifier is not shown twice.
func Agreements(m Minutes, changes []Change) []Agreement {
	touched, decided := touchedBy(changes)
	entries := m.entries()
	var lost []*Agreement // decided, and not extracted any more under that identifier
	for _, a := range decided {
		if !slices.ContainsFunc(entries, func(found *Agreement) bool { return found.ID == a.ID }) {
			lost = append(lost, a)
		}
	}
	var out []Agreement
	for _, a := range lost {
		out = append(out, *a)
	}
	for _, found := range entries {
		if a := touched[found.ID]; a != nil {
			out = append(out, *a)
			continue
		}
		if i := slices.IndexFunc(lost, found.restates); i >= 0 {
			lost = slices.Delete(lost, i, i+1) // one entry is restated once
			continue
		}
		out = append(out, *found)
	}
	slices.SortStableFunc(out, func(a, b Agreement) int { return cmp.Compare(a.Start, b.Start) })
	return out
}

// touchedBy is what changes made of entries: by identifier, and in the order of the first changes.
func touchedBy(changes []Change) (map[ItemID]*Agreement, []*Agreement) {
	changes = slices.Clone(changes)
	slices.SortStableFunc(changes, func(a, b Change) int { return a.Number - b.Number }) // clocks go wrong
	touched := map[ItemID]*Agreement{}
	var all []*Agreement
	for _, c := range changes {
		a := touched[c.Entry.ID]
		if a == nil {
			a = &Agreement{}
			touched[c.Entry.ID] = a
			all = append(all, a)
		}
		a.ActionItem, a.Kind = c.Entry, c.Kind
		a.Changes = append(a.Changes, c)
		switch c.Op {
		case OpDismiss:
			a.Status = Dismissed
		case OpReopen:
			a.Status = Open
		default:
			a.Status = Accepted
		}
	}
	return touched, all
}

// entries are all entries of the minutes, as nobody has touched them.
func (m Minutes) entries() []*Agreement {
	all := make([]*Agreement, 0, len(m.Items)+len(m.Decisions)+len(m.Questions))
	for _, item := range m.Items {
		all = append(all, &Agreement{ActionItem: item, Kind: KindAction, Status: Open})
	}
	for _, d := range m.Decisions {
		item := ActionItem{ID: d.ID, Task: d.Text, Evidence: d.Evidence}
		all = append(all, &Agreement{ActionItem: item, Kind: KindDecision, Status: Open})
	}
	for _, q := range m.Questions {
		item := ActionItem{ID: q.ID, Task: q.Text, Evidence: q.Evidence}
		all = append(all, &Agreement{ActionItem: item, Kind: KindQuestion, Status: Open})
	}
	return all
}

// restates reports whether a is what a person has decided about already, extracted again: of the same
// kind, from the same words of the same utterance.
func (a *Agreement) restates(decided *Agreement) bool {
	return a.Kind == decided.Kind && len(a.Utterances) > 0 && len(decided.Utterances) > 0 &&
		a.Utterances[0] == decided.Utterances[0] && a.Quote == decided.Quote
}
