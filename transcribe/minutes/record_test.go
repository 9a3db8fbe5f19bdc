package minutes_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/parley/parley"
	"github.com/parley/parley/transcribe/minutes"
)

const goodRecord = `{"meeting":"m1","start":"2026-03-12T10:00:00+08:00","tz":"Asia/Hong_Kong",` +
	`"participants":[{"id":"a","name":"Ann","aliases":["Annie"]},{"id":"b","name":"Ben","role":"Cook"}],` +
	`"utterances":[{"id":"u0001","speaker":"a","start":0,"end":2.5,"text":"Ben, please call the bank tomorrow."},` +
	`{"id":"u0002","speaker":"b","start":3,"end":3.5,"text":"Sure."}]}`

func TestABadLineIsNamed(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"{":                              "t.jsonl:2: not a transcript record",
		"[]":                             "t.jsonl:2: not a transcript record",
		`{"meeting":7}`:                  "t.jsonl:2: not a transcript record",
		`{"utterances":[]}`:              "t.jsonl:2: it has no meeting",
		goodRecord:                       `t.jsonl:2: meeting "m1" is also on line 1`,
		`{"meeting":"x","start":"noon"}`: `t.jsonl:2: start "noon" is not a time`,
		`{"meeting":"x","participants":[{"id":"a"},{"id":"a"}]}`:          `participant "a" is there twice`,
		`{"meeting":"x","utterances":[{"speaker":"a"}]}`:                  "utterance 1 has no id",
		`{"meeting":"x","utterances":[{"id":"u","start":2,"end":1}]}`:     `utterance "u" lasts from 2 to 1`,
		`{"meeting":"x","utterances":[{"id":"u","start":0,"end":1e300}]}`: `utterance "u" lasts from 0 to 1e+300`,
		`{"meeting":"x","utterances":[{"id":"u"},{"id":"u"}]}`:            `utterance "u" is there twice`,
	} {
		rules, err := minutes.New()
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		err = minutes.Predict(context.Background(), rules, "t.jsonl", strings.NewReader(goodRecord+"\n"+line+"\n"), &out, minutes.PredictOptions{})
		if !errors.Is(err, parley.Invalid) || !strings.Contains(parley.SayOf(err), want) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
		if out.Len() > 0 {
			t.Errorf("%s: half a result was written", line)
		}
	}
}

func TestAPredictionHasTheKeysOfTheScorer(t *testing.T) {
	t.Parallel()
	rules, err := minutes.New()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	in := strings.NewReader("\n" + goodRecord + "\n" + `{"meeting":"m2","start":null,"utterances":[]}`)
	if err := minutes.Predict(context.Background(), rules, "t", in, &out, minutes.PredictOptions{Explain: true}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines, want one for each meeting", len(lines))
	}
	var p struct {
		Meeting string
		Items   []map[string]any
	}
	if err := json.Unmarshal([]byte(lines[0]), &p); err != nil {
		t.Fatal(err)
	}
	if p.Meeting != "m1" || len(p.Items) != 1 {
		t.Fatalf("%s", lines[0])
	}
	item := p.Items[0]
	if item["owner"] != "b" || item["due"] != "2026-03-13" || item["task"] != "call the bank" || item["x_why"] == nil {
		t.Errorf("%v", item)
	}
	for key := range item {
		switch key {
		case "evidence", "owner", "due", "task", "confidence":
		default:
			if !strings.HasPrefix(key, "x_") {
				t.Errorf("the scorer refuses key %q", key)
			}
		}
	}
	if lines[1] != `{"meeting":"m2","items":[],"decisions":[],"questions":[]}` {
		t.Errorf("an empty meeting is %s", lines[1])
	}
}

func FuzzReadRecords(f *testing.F) {
	rules, err := minutes.New()
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(goodRecord))
	f.Add([]byte("{\"meeting\":\"x\"}\n\n{"))
	f.Add([]byte(`{"meeting":"x","start":"2026-03-12T10:00:00","tz":"+25:99","participants":[{"id":""}],"utterances":[{"id":"u","speaker":"","text":"I'll 把 it by 31 二月 🎉"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		err := minutes.ReadRecords("f", bytes.NewReader(data), func(tr parley.Transcript) error {
			m, err := rules.Extract(context.Background(), tr)
			if err != nil {
				return err
			}
			checkMinutes(t, tr, m)
			return nil
		})
		if err != nil && !errors.Is(err, parley.Invalid) {
			t.Errorf("got %v", err)
		}
	})
}
