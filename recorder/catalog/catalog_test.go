package catalog_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/recorder/catalog"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func mustOpen(t *testing.T) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Open(t.Context(), filepath.Join(t.TempDir(), "a ?region", "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantKind(t *testing.T, err error, kind parley.Kind) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("got %v, want kind %s", err, kind)
	}
}

func wantEqual(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
}

func meeting(id parley.MeetingID) parley.Meeting {
	return parley.Meeting{
		ID: id, Title: "Budget", Region: "hk", Zone: "Asia/Hong_Kong", Record: true, Creator: "ann",
		State: parley.Scheduled, Created: noon, Reckoned: noon.AddDate(0, 0, -1),
	}
}

func TestMeetingLife(t *testing.T) {
	t.Parallel()
	c, ctx := mustOpen(t), t.Context()
	m := meeting("a")
	must(t, c.CreateMeeting(ctx, m))
	wantKind(t, c.CreateMeeting(ctx, m), parley.Conflict)
	got, err := c.Meeting(ctx, "a")
	must(t, err)
	wantEqual(t, got, m)
	_, err = c.Meeting(ctx, "b")
	wantKind(t, err, parley.NotFound)

	m.State, m.Started = parley.Live, noon.Add(time.Minute)
	for range 2 { // the second begin changes nothing
		got, err = c.BeginMeeting(ctx, "a", m.Started)
		must(t, err)
		wantEqual(t, got, m)
		m.Started = got.Started
	}
	live, err := c.LiveMeetings(ctx)
	must(t, err)
	wantEqual(t, live, []parley.Meeting{m})
	must(t, c.EndMeeting(ctx, "a", noon.Add(time.Hour)))
	must(t, c.EndMeeting(ctx, "a", noon.Add(2*time.Hour)))
	got, err = c.Meeting(ctx, "a")
	must(t, err)
	if got.Ended != noon.Add(time.Hour) {
		t.Errorf("ended at %v", got.Ended)
	}
	_, err = c.BeginMeeting(ctx, "a", noon)
	wantKind(t, err, parley.Conflict)
	wantKind(t, c.EndMeeting(ctx, "b", noon), parley.NotFound)
}

func TestParticipants(t *testing.T) {
	t.Parallel()
	c, ctx := mustOpen(t), t.Context()
	must(t, c.CreateMeeting(ctx, meeting("a")))
	must(t, c.CreateMeeting(ctx, meeting("b")))
	mei := parley.Participant{
		ID: "p1", Meeting: "a", Identity: "mei", Number: 1, Name: "Mei", Aliases: []string{"阿美"},
		Language: "yue", Several: true,
		Role: parley.RoleHost, Consent: parley.Granted, Joined: noon,
	}
	must(t, c.PutParticipant(ctx, mei))
	mei.Left = noon.Add(time.Hour)
	must(t, c.PutParticipant(ctx, mei))
	wantKind(t, c.PutParticipant(ctx, parley.Participant{ID: "p2", Meeting: "a", Number: 1}), parley.Conflict)
	got, err := c.Participants(ctx, "a")
	must(t, err)
	wantEqual(t, got, []parley.Participant{mei})
	for who, want := range map[parley.Identity]int{"mei": 1, "ann": 2, "bob": 0} {
		attended, err := c.Attended(ctx, who)
		must(t, err)
		if len(attended) != want {
			t.Errorf("%s attended %d meetings, want %d", who, len(attended), want)
		}
	}
	line := parley.ChatMessage{ID: "c1", Meeting: "a", Participant: "p1", At: 1500 * time.Millisecond, Text: "嗨"}
	must(t, c.AddChatMessage(ctx, line))
	must(t, c.AddChatMessage(ctx, line))
	lines, err := c.ChatMessages(ctx, "a")
	must(t, err)
	wantEqual(t, lines, []parley.ChatMessage{line})
	found, err := c.ChatMessage(ctx, "c1")
	must(t, err)
	wantEqual(t, found, line)
	_, err = c.ChatMessage(ctx, "c2")
	wantKind(t, err, parley.NotFound)
}

func TestRecording(t *testing.T) {
	t.Parallel()
	c, ctx := mustOpen(t), t.Context()
	must(t, c.CreateMeeting(ctx, meeting("a")))
	track := parley.Track{
		ID: "t", Meeting: "a", Participant: "p", Source: parley.Microphone, Codec: "audio/opus",
		ClockRate: 48000, Channels: 2, Started: time.Second,
	}
	must(t, c.OpenTrack(ctx, track))
	must(t, c.OpenTrack(ctx, track))
	segment := parley.Segment{Track: "t", Number: 1, Start: time.Second, End: 3 * time.Second, Bytes: 9, SHA256: parley.Hash{1}, Key: "k"}
	must(t, c.AddSegment(ctx, segment))
	must(t, c.AddSegment(ctx, segment))
	other := segment
	other.SHA256 = parley.Hash{2}
	wantKind(t, c.AddSegment(ctx, other), parley.Conflict)
	gap := parley.Gap{Track: "t", Start: 3 * time.Second, End: 4 * time.Second, Reason: parley.GapCrash}
	must(t, c.AddGap(ctx, gap))
	must(t, c.CloseTrack(ctx, "t", 4*time.Second))
	wantKind(t, c.CloseTrack(ctx, "x", 0), parley.NotFound)
	track.Ended = 4 * time.Second
	must(t, c.SealRecording(ctx, "a", "manifest", parley.Hash{3}))
	must(t, c.SealRecording(ctx, "a", "manifest", parley.Hash{3}))
	wantKind(t, c.SealRecording(ctx, "a", "manifest", parley.Hash{4}), parley.Conflict)
	got, err := c.Recording(ctx, "a")
	must(t, err)
	wantEqual(t, got, parley.Recording{
		Meeting: "a", Sealed: true, Manifest: "manifest", SHA256: parley.Hash{3},
		Tracks: []parley.RecordedTrack{{Track: track, Segments: []parley.Segment{segment}, Gaps: []parley.Gap{gap}}},
	})
	empty, err := c.Recording(ctx, "nothing")
	must(t, err)
	wantEqual(t, empty, parley.Recording{Meeting: "nothing"})
}

func TestUtterances(t *testing.T) {
	t.Parallel()
	c, ctx := mustOpen(t), t.Context()
	must(t, c.CreateMeeting(ctx, meeting("a")))
	u := parley.Utterance{
		ID: "u", Meeting: "a", Track: "t", Participant: "p", Start: time.Second, End: 2 * time.Second,
		Audio: "k", SHA256: parley.Hash{1}, State: parley.Pending, NextTry: noon,
	}
	must(t, c.AddUtterance(ctx, u))
	must(t, c.AddUtterance(ctx, u))
	due, err := c.DueUtterances(ctx, noon, 10)
	must(t, err)
	wantEqual(t, due, []parley.Utterance{u})
	u.Attempts, u.NextTry = 1, noon.Add(time.Minute)
	must(t, c.DeferUtterance(ctx, u))
	if due, err = c.DueUtterances(ctx, noon, 10); err != nil || len(due) != 0 {
		t.Errorf("%d due before their time (%v)", len(due), err)
	}
	u.State, u.Text, u.Lang, u.Confidence = parley.Recognized, "財務部", "zh", parley.Clear
	u.Words = []parley.Word{{Text: "財務部", Start: time.Second, End: 1900 * time.Millisecond}}
	u.Engine, u.Model = "sherpa", "whisper-base"

	errs := make([]error, 8)
	var workers sync.WaitGroup
	for i := range errs {
		workers.Go(func() { errs[i] = c.FinishUtterance(ctx, u) })
	}
	workers.Wait()
	finished := 0
	for _, err := range errs {
		if err == nil {
			finished++
		} else {
			wantKind(t, err, parley.Conflict)
		}
	}
	if finished != 1 {
		t.Errorf("%d workers finished one utterance", finished)
	}
	wantKind(t, c.DeferUtterance(ctx, u), parley.Conflict)
	wantKind(t, c.FinishUtterance(ctx, parley.Utterance{ID: "x"}), parley.NotFound)
	transcript, err := c.Transcript(ctx, "a")
	must(t, err)
	wantEqual(t, transcript.Utterances, []parley.Utterance{u})
	_, err = c.Transcript(ctx, "b")
	wantKind(t, err, parley.NotFound)
}

func TestMinutes(t *testing.T) {
	t.Parallel()
	c, ctx := mustOpen(t), t.Context()
	for i := range 3 {
		id := parley.MeetingID(fmt.Sprint("m", i))
		must(t, c.CreateMeeting(ctx, meeting(id)))
		must(t, c.EndMeeting(ctx, id, noon.Add(time.Duration(i)*time.Second)))
	}
	_, err := c.Minutes(ctx, "m0")
	wantKind(t, err, parley.NotFound)
	m := parley.Minutes{Meeting: "m0", Made: noon, Items: []parley.ActionItem{{
		ID: "i", Task: "draft", Owner: parley.Owner{Name: "Finance"}, Due: &parley.Due{Text: "Friday", Date: "2026-11-27"},
		Evidence: parley.Evidence{Utterances: []parley.UtteranceID{"u"}, Quote: "q", Start: time.Second, Confidence: parley.Clear},
	}}}
	must(t, c.PutMinutes(ctx, m))
	got, err := c.Minutes(ctx, "m0")
	must(t, err)
	wantEqual(t, got, m)
	m.Final = true
	must(t, c.PutMinutes(ctx, m))
	unfinished, err := c.UnfinishedMeetings(ctx)
	must(t, err)
	wantEqual(t, unfinished, []parley.MeetingID{"m1", "m2"})
}

func TestChanges(t *testing.T) {
	t.Parallel()
	c, ctx := mustOpen(t), t.Context()
	must(t, c.CreateMeeting(ctx, meeting("m0")))
	none, err := c.Changes(ctx, "m0")
	must(t, err)
	wantEqual(t, none, []parley.Change(nil))
	first := parley.Change{
		Meeting: "m0", Kind: parley.KindAction, Number: 1, Op: parley.OpEdit, By: "guest-1", Name: "陳大文", At: noon,
		Entry: parley.ActionItem{
			ID: "i", Task: "draft", Owner: parley.Owner{Participant: "p"}, Due: &parley.Due{Date: "2026-11-27"}, Tier: parley.Suggested,
			Evidence: parley.Evidence{Utterances: []parley.UtteranceID{"u"}, Quote: "q"},
		},
	}
	second := first
	second.Number, second.Op, second.At = 2, parley.OpDismiss, noon.Add(time.Second)
	must(t, c.AddChange(ctx, first))
	must(t, c.AddChange(ctx, second))
	wantKind(t, c.AddChange(ctx, second), parley.Conflict)
	must(t, c.PutMinutes(ctx, parley.Minutes{Meeting: "m0", Final: true})) // leaves them alone
	changes, err := c.Changes(ctx, "m0")
	must(t, err)
	wantEqual(t, changes, []parley.Change{first, second})
	second.Meeting = "none"
	if err := c.AddChange(ctx, second); err == nil {
		t.Error("a change of a meeting that does not exist")
	}
}

func TestHome(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	h, err := catalog.OpenHome(ctx, filepath.Join(t.TempDir(), "home.db"))
	must(t, err)
	defer func() { _ = h.Close() }()
	must(t, h.Place(ctx, "a", "hk"))
	must(t, h.Place(ctx, "a", "hk"))
	wantKind(t, h.Place(ctx, "a", "eu"), parley.Conflict)
	region, err := h.RegionOf(ctx, "a")
	must(t, err)
	wantEqual(t, region, parley.Region("hk"))
	_, err = h.RegionOf(ctx, "b")
	wantKind(t, err, parley.NotFound)
	must(t, h.Spend(ctx, "code", time.Now().Add(time.Hour)))
	wantKind(t, h.Spend(ctx, "code", time.Now().Add(time.Hour)), parley.Expired)
}

func TestUnusableFileIsNamed(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	_, err := catalog.Open(t.Context(), directory)
	wantKind(t, err, parley.Unavailable)
}

func BenchmarkAddUtterance(b *testing.B) {
	c, err := catalog.Open(b.Context(), filepath.Join(b.TempDir(), "catalog.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.CreateMeeting(b.Context(), meeting("a")); err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		u := parley.Utterance{ID: parley.UtteranceID(fmt.Sprint(i)), Meeting: "a", State: parley.Pending}
		if err := c.AddUtterance(b.Context(), u); err != nil {
			b.Fatal(err)
		}
	}
}
