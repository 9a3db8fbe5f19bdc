package minutes_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/transcribe/minutes"
)

// mustMakeHour lays the own meetings end to end until an hour of about 1,000 utterances is full.
func mustMakeHour(t *testing.T) parley.Transcript {
	t.Helper()
	var hour parley.Transcript
	seen := map[parley.ParticipantID]bool{}
	for len(hour.Utterances) < 1000 {
		for _, m := range mustReadOwn(t, "own.txt") {
			hour.Meeting = m.transcript.Meeting
			for _, p := range m.transcript.Participants {
				if !seen[p.ID] {
					seen[p.ID] = true
					hour.Participants = append(hour.Participants, p)
				}
			}
			for _, u := range m.transcript.Utterances {
				n := len(hour.Utterances)
				u.ID = parley.UtteranceID(fmt.Sprintf("u%04d", n+1))
				u.Start = time.Duration(n) * 3600 * time.Millisecond
				u.End = u.Start + 3*time.Second
				hour.Utterances = append(hour.Utterances, u)
			}
		}
	}
	return hour
}

// BenchmarkMeetingHour holds the promise of less than 50 ms per hour of meeting.
func BenchmarkMeetingHour(b *testing.B) {
	t := &testing.T{}
	hour := mustMakeHour(t)
	rules, err := minutes.New()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := rules.Extract(context.Background(), hour); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		if _, err := minutes.New(); err != nil {
			b.Fatal(err)
		}
	}
}
