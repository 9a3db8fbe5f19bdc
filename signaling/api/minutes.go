package api

import (
	"time"

	"github.com/parley/parley"
)

type minutesView struct {
	Final     bool        `json:"final"`
	Items     []itemView  `json:"items"`
	Decisions []entryView `json:"decisions"`
	Questions []entryView `json:"questions"`
}

type itemView struct {
	Task  string     `json:"task"`
	Owner *ownerView `json:"owner"` // null: nobody was named
	Due   *dueView   `json:"due"`   // null: no time was said
	agreementView
}

type entryView struct {
	Text string `json:"text"`
	agreementView
}

// agreementView is what entries of all kinds have.
type agreementView struct {
	ID       parley.ItemID `json:"id"`
	Tier     parley.Tier   `json:"tier"`
	Status   parley.Status `json:"status"`
	Revision int           `json:"revision"` // how many changes it has had
	Changes  []changeView  `json:"changes"`  // oldest first
	evidenceView
}

type changeView struct {
	Op    parley.ChangeOp `json:"op"`
	Name  string          `json:"name"`
	At    time.Time       `json:"at"`
	Text  string          `json:"text"` // as it read then
	Owner *ownerView      `json:"owner"`
	Due   *dueView        `json:"due"`
}

type ownerView struct {
	Participant parley.ParticipantID `json:"participant"` // "" when it is no participant
	Name        string               `json:"name"`
}

type dueView struct {
	Text     string      `json:"text"`
	Date     parley.Date `json:"date"`
	Earliest parley.Date `json:"earliest"`
	Latest   parley.Date `json:"latest"`
}

type evidenceView struct {
	Evidence   []parley.UtteranceID `json:"evidence"`
	Quote      string               `json:"quote"`
	StartMS    int64                `json:"start_ms"`
	EndMS      int64                `json:"end_ms"`
	Confidence parley.Confidence    `json:"confidence"`
	Why        []string             `json:"why"`
}

func viewMinutes(final bool, agreements []parley.Agreement) *minutesView {
	view := &minutesView{Final: final, Items: []itemView{}, Decisions: []entryView{}, Questions: []entryView{}}
	for _, a := range agreements {
		switch a.Kind {
		case parley.KindDecision:
			view.Decisions = append(view.Decisions, viewEntry(a))
		case parley.KindQuestion:
			view.Questions = append(view.Questions, viewEntry(a))
		default:
			view.Items = append(view.Items, viewItem(a))
		}
	}
	return view
}

func viewItem(a parley.Agreement) itemView {
	return itemView{Task: a.Task, Owner: viewOwner(a.Owner), Due: viewDue(a.Due), agreementView: viewAgreement(a)}
}

func viewEntry(a parley.Agreement) entryView {
	return entryView{Text: a.Task, agreementView: viewAgreement(a)}
}

func viewAgreement(a parley.Agreement) agreementView {
	view := agreementView{
		ID: a.ID, Tier: a.Tier, Status: a.Status, Revision: len(a.Changes), evidenceView: viewEvidence(a.Evidence),
		Changes: each(a.Changes, func(c parley.Change) changeView {
			return changeView{c.Op, c.Name, wallClock(c.At), c.Entry.Task, viewOwner(c.Entry.Owner), viewDue(c.Entry.Due)}
		}),
	}
	if view.Tier == "" {
		view.Tier = parley.Proposed
	}
	return view
}

func viewOwner(o parley.Owner) *ownerView {
	if o == (parley.Owner{}) {
		return nil
	}
	return &ownerView{o.Participant, o.Name}
}

func viewDue(d *parley.Due) *dueView {
	if d == nil {
		return nil
	}
	return &dueView{d.Text, d.Date, d.Earliest, d.Latest}
}

func viewEvidence(e parley.Evidence) evidenceView {
	view := evidenceView{
		Evidence: e.Utterances, Quote: e.Quote, StartMS: e.Start.Milliseconds(), EndMS: e.End.Milliseconds(),
		Confidence: e.Confidence, Why: e.Why,
	}
	if view.Why == nil {
		view.Why = []string{}
	}
	return view
}
