package minutes_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/transcribe/minutes"
)

// said makes a transcript of lines "name: text".
func said(lines ...string) parley.Transcript {
	m := ownMeeting{}
	started := time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC)
	m.transcript.Meeting = parley.Meeting{ID: "m", Zone: "UTC", Started: started}
	for _, name := range []string{"Nora Lind", "Victor Hale", "陳大文"} {
		m.transcript.Participants = append(m.transcript.Participants, parley.Participant{ID: parley.ParticipantID(name), Name: name})
	}
	for _, line := range lines {
		m.say(line)
	}
	return m.transcript
}

func TestWhatPeopleAskToNoteIsCaptured(t *testing.T) {
	t.Parallel()
	rules, err := minutes.New()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		lines               []string
		task, owner, due, u string
	}{
		"typed":            {[]string{"Nora Lind: Hello everybody.", "Nora Lind: /action blue door handles"}, "blue door handles", "", "", "u2"},
		"typed with owner": {[]string{"Nora Lind: /action Victor to paint the door by Friday"}, "paint the door", "Victor Hale", "2026-03-06", "u1"},
		"typed in Chinese": {[]string{"陳大文: ／記低 門鎖"}, "門鎖", "", "", "u1"},
		"spoken":           {[]string{"Nora Lind: Action item: the blue door handles."}, "the blue door handles", "", "", "u1"},
		"spoken in two":    {[]string{"Nora Lind: Action item.", "Nora Lind: The blue door handles, again."}, "blue door handles", "", "", "u2"},
		"pointing": {
			[]string{"Victor Hale: The handles of the blue door are loose.", "Nora Lind: Right.", "Nora Lind: Put that down as an action item."},
			"handles of the blue door", "", "", "u1",
		},
		"pointing in Cantonese": {[]string{"陳大文: 個門柄鬆咗要換過個新", "Nora Lind: 記低佢"}, "門柄", "", "", "u1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := said(c.lines...)
			found, err := rules.Extract(context.Background(), tr)
			if err != nil {
				t.Fatal(err)
			}
			checkMinutes(t, tr, found)
			if len(found.Items) != 1 {
				t.Fatalf("%d items: %+v", len(found.Items), found.Items)
			}
			item, due := found.Items[0], ""
			if item.Due != nil {
				due = string(item.Due.Date)
			}
			if !strings.Contains(item.Task, c.task) || item.Owner.Name != c.owner || due != c.due || string(item.Utterances[0]) != c.u ||
				item.Tier != parley.Proposed || !strings.HasPrefix(item.Why[0], "marker ") || strings.Contains(item.Quote, "/") {
				t.Errorf("%+v", item)
			}
		})
	}
}

func TestTalkAboutActionItemsIsNone(t *testing.T) {
	t.Parallel()
	rules, err := minutes.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"Nora Lind: What are the action items?",
		"Nora Lind: There are no action items from last week.",
		"Nora Lind: That is not an action item.",
		"Nora Lind: /actionable insights are nice",
		"Nora Lind: /action ",
		"Nora Lind: /shrug",
	} {
		found, err := rules.Extract(context.Background(), said(line))
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range found.Items {
			if item.Tier == parley.Proposed {
				t.Errorf("%s: %q %v", line, item.Task, item.Why)
			}
		}
	}
}
