package parley_test

import (
	"slices"
	"testing"
	"time"

	"github.com/parley/parley"
)

func found(id parley.ItemID, utterance parley.UtteranceID, task string, start time.Duration) parley.ActionItem {
	return parley.ActionItem{
		ID: id, Task: task,
		Evidence: parley.Evidence{Utterances: []parley.UtteranceID{utterance}, Quote: "I will " + task, Start: start},
	}
}

// reads lists entries as "status task".
func reads(all []parley.Agreement) []string {
	var lines []string
	for _, a := range all {
		lines = append(lines, string(a.Status)+" "+a.Task)
	}
	return lines
}

func TestAgreementsAreWhatPeopleMadeOfTheMinutes(t *testing.T) {
	t.Parallel()
	m := parley.Minutes{
		Items:     []parley.ActionItem{found("1", "u1", "send the draft", time.Second), found("2", "u2", "book a room", 2*time.Second)},
		Decisions: []parley.Decision{{ID: "3", Text: "We go ahead.", Evidence: parley.Evidence{Start: 3 * time.Second}}},
	}
	got := parley.Agreements(m, nil)
	want := []string{"open send the draft", "open book a room", "open We go ahead."}
	if !slices.Equal(reads(got), want) || got[2].Kind != parley.KindDecision || got[0].Changes != nil {
		t.Errorf("nobody touched them: %q", reads(got))
	}
	edited := found("1", "u1", "send the final draft", time.Second)
	changes := []parley.Change{
		// Out of order, as from a clock that was set back.
		{Kind: parley.KindAction, Number: 2, Op: parley.OpEdit, Name: "Kim", Entry: edited},
		{Kind: parley.KindAction, Number: 1, Op: parley.OpAccept, Name: "Nora", Entry: m.Items[0]},
		{Kind: parley.KindAction, Number: 1, Op: parley.OpDismiss, Entry: m.Items[1]},
		{Kind: parley.KindQuestion, Number: 1, Op: parley.OpAdd, Entry: found("9", "u4", "pay?", 500*time.Millisecond)},
	}
	got = parley.Agreements(m, changes)
	want = []string{"accepted pay?", "accepted send the final draft", "dismissed book a room", "open We go ahead."}
	if !slices.Equal(reads(got), want) {
		t.Errorf("people decided: %q, want %q", reads(got), want)
	}
	if h := got[1].Changes; len(h) != 2 || h[0].Name != "Nora" || h[1].Name != "Kim" {
		t.Errorf("its history is %+v", h)
	}
	changes = append(changes, parley.Change{Kind: parley.KindAction, Number: 2, Op: parley.OpReopen, Entry: m.Items[1]})
	if got = parley.Agreements(m, changes); got[2].Status != parley.Open || len(got[2].Changes) != 2 {
		t.Errorf("reopened: %+v", got[2])
	}
}

func TestExtractingAgainKeepsWhatPeopleDecided(t *testing.T) {
	t.Parallel()
	first := found("1", "u1", "send the draft", time.Second)
	changed := first
	changed.Task = "send the draft to Kim"
	changes := []parley.Change{{Kind: parley.KindAction, Number: 1, Op: parley.OpEdit, Entry: changed}}
	for name, again := range map[string]parley.Minutes{
		"the same":           {Items: []parley.ActionItem{first}},
		"nothing":            {},
		"another identifier": {Items: []parley.ActionItem{found("7", "u1", "send the draft", time.Second)}},
	} {
		got := parley.Agreements(again, changes)
		if !slices.Equal(reads(got), []string{"accepted send the draft to Kim"}) {
			t.Errorf("extracted again, %s: %q", name, reads(got))
		}
	}
	other := parley.Minutes{Items: []parley.ActionItem{found("7", "u1", "call the bank", time.Second)}}
	if got := parley.Agreements(other, changes); len(got) != 2 {
		t.Errorf("other work in the same utterance: %q", reads(got))
	}
	two := found("2", "u1", "send the draft", time.Second) // two pieces of work in one sentence
	two.Task = "book a room"
	if got := parley.Agreements(parley.Minutes{Items: []parley.ActionItem{first, two}}, changes); len(got) != 2 {
		t.Errorf("one of two pieces of work in a sentence was decided: %q", reads(got))
	}
}
