package minutes_test

import (
	"bufio"
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/transcribe/minutes"
)

// ownMeeting is one meeting of testdata/own.txt.
type ownMeeting struct {
	transcript parley.Transcript
	want       []ownItem
}

type ownItem struct{ owner, due, words string }

// mustReadOwn reads a file of testdata.
func mustReadOwn(t *testing.T, name string) []ownMeeting {
	t.Helper()
	file, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []ownMeeting
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '@':
			all = append(all, mustReadHead(t, line[1:]))
		case strings.HasPrefix(line, "=>"):
			f := strings.Split(line[2:], "|")
			m := &all[len(all)-1]
			m.want = append(m.want, ownItem{strings.TrimSpace(f[0]), strings.TrimSpace(f[1]), strings.TrimSpace(f[2])})
		default:
			all[len(all)-1].say(line)
		}
	}
	return all
}

func mustReadHead(t *testing.T, head string) ownMeeting {
	t.Helper()
	start, names, _ := strings.Cut(head, "|")
	started, err := time.Parse(time.RFC3339, strings.TrimSpace(start))
	if err != nil {
		t.Fatal(err)
	}
	m := ownMeeting{}
	m.transcript.Meeting = parley.Meeting{ID: "own", Zone: started.Format("-07:00"), Started: started}
	for name := range strings.SplitSeq(names, ",") {
		name = strings.TrimSpace(name)
		m.transcript.Participants = append(m.transcript.Participants, parley.Participant{ID: parley.ParticipantID(name), Name: name})
	}
	return m
}

// say adds an utterance a few seconds after the last one.
func (m *ownMeeting) say(line string) {
	name, text, _ := strings.Cut(line, ":")
	n := len(m.transcript.Utterances)
	at := time.Duration(n) * 5 * time.Second
	m.transcript.Utterances = append(m.transcript.Utterances, parley.Utterance{
		ID: parley.UtteranceID("u" + string(rune('1'+n))), Participant: parley.ParticipantID(name),
		Start: at, End: at + 4*time.Second, Text: strings.TrimSpace(text),
	})
}

// TestOwnMeetings counts hits over a file rather than insisting on each: a change of the tables or
// weights may trade one for another, but not lose many.
func TestOwnMeetings(t *testing.T) {
	t.Parallel()
	for name, least := range map[string]int{"own.txt": 31, "more.txt": 31, "third.txt": 34} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			countOwn(t, name, least)
		})
	}
}

// countOwn counts the items of a file that are found, and fails for fewer than least.
func countOwn(t *testing.T, name string, least int) {
	rules, err := minutes.New()
	if err != nil {
		t.Fatal(err)
	}
	hit, missed, wrong, owners, dues := 0, 0, 0, 0, 0
	for _, m := range mustReadOwn(t, name) {
		found, err := rules.Extract(context.Background(), m.transcript)
		if err != nil {
			t.Fatal(err)
		}
		text := m.transcript.Utterances[0].Text
		left := slices.DeleteFunc(found.Items, func(i parley.ActionItem) bool { return i.Tier != parley.Proposed })
		for _, want := range m.want {
			at := -1
			for i, item := range left {
				if strings.Contains(item.Task+item.Quote, want.words) && (at < 0 || item.Owner.Name == want.owner) {
					at = i
				}
			}
			if at < 0 {
				missed++
				t.Logf("missed: %s", text)
				continue
			}
			item := left[at]
			left = append(append([]parley.ActionItem(nil), left[:at]...), left[at+1:]...)
			hit++
			owner, due := item.Owner.Name, "-"
			if owner == "" {
				owner = "-"
			}
			if item.Due != nil && item.Due.Date != "" {
				due = string(item.Due.Date)
			}
			if owner == want.owner {
				owners++
			} else {
				t.Logf("owner %q, want %q: %s", owner, want.owner, text)
			}
			if due == want.due {
				dues++
			} else {
				t.Logf("due %s, want %s: %s", due, want.due, text)
			}
		}
		for _, item := range left {
			wrong++
			t.Logf("false: %q %v: %s", item.Task, item.Why, text)
		}
	}
	if hit < least || wrong > 8 || owners < hit-2 || dues < hit-2 {
		t.Error("the rules have become worse")
	}
	t.Logf("hit %d, missed %d, wrong %d, owners %d, dues %d", hit, missed, wrong, owners, dues)
}
