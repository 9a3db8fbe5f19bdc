package minutes

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/parley/parley"
)

// prediction is one line of what the scorer reads. Keys beyond its format begin with "x_".
type prediction struct {
	Meeting   parley.MeetingID  `json:"meeting"`
	Items     []predictedItem   `json:"items"`
	Decisions []predictedSettle `json:"decisions"`
	Questions []predictedSettle `json:"questions"`
}

type predictedItem struct {
	Evidence   []parley.UtteranceID `json:"evidence"` // what establishes it
	Agreed     []parley.UtteranceID `json:"x_agreed,omitempty"`
	Owner      any                  `json:"owner"` // null, a name, or a list of names
	Due        *parley.Date         `json:"due"`
	Task       string               `json:"task"`
	Confidence parley.Confidence    `json:"confidence"`
	ID         parley.ItemID        `json:"x_id"`
	Tier       Tier                 `json:"x_tier"`
	Quote      string               `json:"x_quote"`
	DueText    string               `json:"x_due_text,omitempty"`
	DueRange   []parley.Date        `json:"x_due_range,omitempty"`
	Score      string               `json:"x_score,omitempty"` // only when explained
	Why        []string             `json:"x_why,omitempty"`
}

type predictedSettle struct {
	Evidence []parley.UtteranceID `json:"evidence"` // what establishes it
	Answer   []parley.UtteranceID `json:"x_answer,omitempty"`
	Text     string               `json:"x_text"`
	Why      []string             `json:"x_why,omitempty"`
}

// WritePrediction writes what was found in one meeting as one line; explain adds scores and cues.
func WritePrediction(w io.Writer, id parley.MeetingID, f *Findings, explain bool) error {
	p := prediction{Meeting: id, Items: []predictedItem{}, Decisions: []predictedSettle{}, Questions: []predictedSettle{}}
	for i := range f.Items {
		p.Items = append(p.Items, predictItem(&f.Items[i], explain))
	}
	for i := range f.Decisions {
		p.Decisions = append(p.Decisions, predictSettle(&f.Decisions[i].Evidence, f.Decisions[i].Text, explain))
	}
	for i := range f.Questions {
		q := predictSettle(&f.Questions[i].Evidence, f.Questions[i].Text, explain)
		if last := len(q.Evidence) - 1; last > 0 { // the answer that leaves it open
			q.Evidence, q.Answer = q.Evidence[:last], q.Evidence[last:]
		}
		p.Questions = append(p.Questions, q)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(&p)
}

func predictItem(item *Item, explain bool) predictedItem {
	p := predictedItem{
		Evidence: item.Utterances[:len(item.Utterances)-len(item.Agreed)], Agreed: item.Agreed, Task: item.Task, Confidence: item.Confidence,
		ID: item.ID, Tier: item.Tier, Quote: item.Quote,
	}
	switch names := ownerNames(item.Owners); len(names) {
	case 0:
	case 1:
		p.Owner = names[0]
	default:
		p.Owner = names
	}
	if item.Due != nil {
		p.DueText = item.Due.Text
		if item.Due.Date != "" {
			p.Due = &item.Due.Date
			p.DueRange = []parley.Date{item.Due.Earliest, item.Due.Latest}
		}
	}
	if explain {
		p.Score, p.Why = fmt.Sprintf("%.2f", item.Score), item.Why
	}
	return p
}

// ownerNames are what the scorer compares: a participant's id, or a name as said.
func ownerNames(owners []parley.Owner) []string {
	var names []string
	for _, o := range owners {
		if o.Participant != "" {
			names = append(names, string(o.Participant))
		} else if o.Name != "" {
			names = append(names, o.Name)
		}
	}
	return names
}

func predictSettle(e *parley.Evidence, text string, explain bool) predictedSettle {
	p := predictedSettle{Evidence: e.Utterances, Text: text}
	if explain {
		p.Why = e.Why
	}
	return p
}
