package e2e

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

// demoOutput is what --json promises.
type demoOutput struct {
	Utterances []struct {
		ID      string  `json:"id"`
		Speaker string  `json:"speaker"`
		Start   float64 `json:"start"`
		End     float64 `json:"end"`
		Text    string  `json:"text"`
	} `json:"utterances"`
	Items []struct {
		Task       string   `json:"task"`
		Owner      *string  `json:"owner"`
		Due        *string  `json:"due"`
		Evidence   []string `json:"evidence"`
		Quote      string   `json:"quote"`
		Confidence string   `json:"confidence"`
	} `json:"action_items"`
	Recording []struct {
		Speaker  string  `json:"speaker"`
		Duration float64 `json:"duration"`
		Bytes    int64   `json:"bytes"`
		Gaps     []any   `json:"gaps"`
	} `json:"recording"`
	Timings struct {
		JoinMS       map[string]int64 `json:"join_ms"`
		MinutesReady float64          `json:"minutes_ready_s"`
	} `json:"timings"`
}

// TestTheDemoHoldsAMeeting is the whole mission in a minute: people speak, minutes with proof come out.
func TestTheDemoHoldsAMeeting(t *testing.T) {
	t.Parallel()
	needEngine(t)
	out, said, code := run(t, "demo", "--json", "--start", "2026-11-25T10:00:00+00:00")
	if code != 0 || said != "" {
		t.Fatalf("exit %d, says %s", code, said)
	}
	var d demoOutput
	must(t, json.Unmarshal([]byte(out), &d))
	if len(d.Timings.JoinMS) != 4 || len(d.Recording) != 4 {
		t.Errorf("%d joined, %d tracks", len(d.Timings.JoinMS), len(d.Recording))
	}
	for _, track := range d.Recording {
		if track.Bytes == 0 || track.Duration < 3 || len(track.Gaps) != 0 {
			t.Errorf("track %+v", track)
		}
	}
	ids := map[string]string{}
	for _, u := range d.Utterances {
		ids[u.ID] = u.Text
		if strings.Contains(u.Text, "translators") && (u.Speaker != "Victor Hale" || math.Abs(u.Start-6.5) > 0.6) {
			t.Errorf("%s at %.2f: %q", u.Speaker, u.Start, u.Text)
		}
	}
	want := map[string][2]string{ // a word of the task: owner and due
		"translators": {"Victor Hale", "2026-11-27"},
		"index":       {"Kim Osman", "2026-11-26"},
		"hosting":     {"finance", ""},
	}
	for _, item := range d.Items {
		if len(item.Evidence) == 0 || !strings.Contains(ids[item.Evidence[0]], item.Quote) || item.Confidence == "" {
			t.Errorf("an item without proof: %+v", item)
		}
		for word, w := range want {
			if !strings.Contains(item.Task, word) {
				continue
			}
			delete(want, word)
			if item.Owner == nil || *item.Owner != w[0] || w[1] != "" && (item.Due == nil || *item.Due != w[1]) {
				t.Errorf("%s: %+v", word, item)
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("not found: %v in %+v", want, d.Items)
	}
}
