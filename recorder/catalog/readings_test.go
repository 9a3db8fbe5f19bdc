package catalog_test

import (
	"slices"
	"testing"
	"time"

	"github.com/parley/parley"
)

func TestReadings(t *testing.T) {
	t.Parallel()
	c, ctx := mustOpen(t), t.Context()
	must(t, c.CreateMeeting(ctx, parley.Meeting{ID: "a", Region: "hk", Zone: "UTC", State: parley.Scheduled, Created: noon}))
	u := parley.Utterance{
		ID: "u1", Meeting: "a", Track: "t", Participant: "p", Start: time.Second, End: 3 * time.Second, Audio: "k", State: parley.Pending,
	}
	must(t, c.AddUtterance(ctx, u))
	backlog, err := c.Backlog(ctx)
	must(t, err)
	wantEqual(t, backlog, []parley.Backlog{{Meeting: "a", Waiting: 1, Oldest: 3 * time.Second}})
	wantKind(t, c.RetryUtterance(ctx, "u1", noon), parley.Conflict)
	wantKind(t, c.RetryUtterance(ctx, "none", noon), parley.NotFound)
	u.State, u.Attempts = parley.Parked, 5
	must(t, c.DeferUtterance(ctx, u))
	must(t, c.RetryUtterance(ctx, "u1", noon))
	due, err := c.DueUtterances(ctx, noon, 10)
	must(t, err)
	if len(due) != 1 || due[0].Attempts != 0 {
		t.Errorf("due: %+v", due)
	}

	u.State, u.Text, u.Model = parley.Recognized, "we go", "m"
	u.Words = []parley.Word{{Text: "we"}, {Text: " go", Heard: " goe"}}
	must(t, c.FinishUtterance(ctx, u))
	none, err := c.Readings(ctx, "u1")
	must(t, err)
	wantEqual(t, len(none), 0)
	next := u
	next.Text, next.Version, next.Edited, next.Conflict = "we went", 2, 2, "we want"
	edit := parley.Reading{Utterance: "u1", Number: 2, Kind: parley.ReadingEdited, By: "mei", Name: "Mei", At: noon, Text: "we went"}
	must(t, c.AddReadings(ctx, 0, next, edit))
	wantKind(t, c.AddReadings(ctx, 0, next, edit), parley.Conflict) // another version is shown
	wantKind(t, c.AddReadings(ctx, 0, parley.Utterance{ID: "none"}), parley.NotFound)
	shown, err := c.Utterance(ctx, "u1")
	must(t, err)
	if shown.Text != "we went" || shown.Version != 2 || shown.Edited != 2 || shown.Conflict != "we want" {
		t.Errorf("shown: %+v", shown)
	}
	readings, err := c.Readings(ctx, "u1")
	must(t, err)
	if len(readings) != 2 || readings[0].Text != "we go" || readings[0].Words[1].Heard != " goe" || readings[0].Model != "m" {
		t.Errorf("readings: %+v", readings)
	}
	wantEqual(t, readings[1], edit)
}

func TestPasses(t *testing.T) {
	t.Parallel()
	c, ctx := mustOpen(t), t.Context()
	must(t, c.CreateMeeting(ctx, parley.Meeting{ID: "a", Region: "hk", Zone: "UTC", State: parley.Scheduled, Created: noon}))
	for want := 1; want <= 2; want++ {
		p, err := c.AddPass(ctx, parley.Pass{Meeting: "a", Language: "yue", By: "mei", Name: "Mei", At: noon}, noon)
		must(t, err)
		got, err := c.Pass(ctx, "a", want)
		must(t, err)
		wantEqual(t, got, p)
	}
	_, err := c.Pass(ctx, "a", 3)
	wantKind(t, err, parley.NotFound)
}

func TestWhatAPassHasStillToHear(t *testing.T) {
	t.Parallel()
	c, ctx := mustOpen(t), t.Context()
	must(t, c.CreateMeeting(ctx, parley.Meeting{ID: "a", Region: "hk", Zone: "UTC", State: parley.Scheduled, Created: noon}))
	for id, state := range map[parley.UtteranceID]parley.UtteranceState{
		"u1": parley.Recognized, "u2": parley.Parked, "u3": parley.Pending, "u4": parley.Recognized,
	} {
		must(t, c.AddUtterance(ctx, parley.Utterance{ID: id, Meeting: "a", Track: "t", Participant: "p", State: state}))
	}
	_, err := c.AddPass(ctx, parley.Pass{Meeting: "a", At: noon}, noon.Add(time.Minute))
	must(t, err)
	due := func(now, next time.Time, limit int) (ids []parley.UtteranceID) {
		t.Helper()
		found, err := c.DueRehearings(ctx, now, next, limit)
		must(t, err)
		for _, r := range found {
			if r.Meeting != "a" || r.Pass != 1 {
				t.Errorf("due: %+v", r)
			}
			ids = append(ids, r.Utterance)
		}
		slices.Sort(ids)
		return ids
	}
	wantEqual(t, len(due(noon, noon, 10)), 0) // too early
	at := noon.Add(time.Minute)
	wantEqual(t, due(at, at.Add(time.Hour), 2), []parley.UtteranceID{"u1", "u2"})
	wantEqual(t, due(at, at.Add(time.Hour), 2), []parley.UtteranceID{"u4"}) // the others are put off
	at = at.Add(time.Hour)
	heard := parley.Utterance{ID: "u1", State: parley.Recognized, Version: 2}
	must(t, c.AddReadings(ctx, 0, heard, parley.Reading{Utterance: "u1", Number: 2, Kind: parley.ReadingHeard, Pass: 1}))
	for range 2 {
		must(t, c.EndRehearing(ctx, parley.Rehearing{Meeting: "a", Utterance: "u2", Pass: 1}))
	}
	wantEqual(t, due(at, at, 10), []parley.UtteranceID{"u4"})
}
