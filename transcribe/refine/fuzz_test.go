package refine

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/transcribe/minutes"
)

// FuzzAnswers: whatever a model answers, the minutes stay within the transcript, and nothing is deleted.
func FuzzAnswers(f *testing.F) {
	f.Add(`{"items":[{"op":"edit","candidate":0,"task":"send the client the draft contract","evidence":[0],"quote":"I will send the draft contract"}]}`)
	f.Add(`{"items":[{"op":"add","candidate":null,"task":"guest list","owner":"Nora","evidence":[1,0],"quote":"the guest list goes out","due_quote":"on Monday"}]}`)
	f.Add(`{"items":[{"op":"drop","candidate":0},{"op":"keep","candidate":0}]}`)
	f.Add("{}")
	f.Add(`{"items":[{"op":"add","evidence":[-1,9007199254740993],"quote":"\u0000"}]}`)
	rules, err := minutes.New()
	if err != nil {
		f.Fatal(err)
	}
	tr := parley.Transcript{
		Meeting:      parley.Meeting{ID: "m", Zone: "UTC", Started: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)},
		Participants: []parley.Participant{{ID: "p1", Name: "Nora Lind"}, {ID: "p2", Name: "陳大文"}},
		Utterances: []parley.Utterance{
			{ID: "u0", Participant: "p1", Text: "I will send the draft contract to the client by Friday."},
			{ID: "u1", Participant: "p2", Start: 5, End: 9, Text: "The guest list goes out on Monday, 呢樣嘢 Nora 跟。"},
		},
	}
	before, err := rules.Extract(f.Context(), tr)
	if err != nil || len(before.Items) == 0 {
		f.Fatal(err)
	}
	reading, err := rules.Read(&tr)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		w := newWork(reading, &tr, before.Items)
		w.chat = func(context.Context, []message) (string, error) { return text, nil }
		if err := w.refine(t.Context(), 0, len(tr.Utterances)); err != nil {
			return
		}
		if len(w.items) < len(before.Items) {
			t.Error("something was deleted")
		}
		for _, item := range w.items {
			if len(item.Utterances) == 0 || item.Quote == "" || item.Task == "" || strings.ContainsAny(item.Task, "\r\n") {
				t.Errorf("%+v", item)
			}
			if at, ok := w.at[item.Utterances[0]]; !ok || !strings.Contains(tr.Utterances[at].Text, item.Quote) {
				t.Errorf("%q does not stand in the first of %v", item.Quote, item.Utterances)
			}
			if _, ok := reading.Person(item.Owner.Name); item.Owner.Participant != "" && !ok {
				t.Errorf("owner %+v", item.Owner)
			}
		}
	})
}
