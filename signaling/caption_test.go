package signaling

import (
	"context"
	"slices"
	"testing"

	"go.uber.org/zap"

	"github.com/parley/parley"
)

// written are utterances as rows; only reading works.
type written struct {
	parley.Transcripts

	rows []parley.Utterance
}

func (w written) Utterance(_ context.Context, id parley.UtteranceID) (parley.Utterance, error) {
	for _, u := range w.rows {
		if u.ID == id {
			return u, nil
		}
	}
	return parley.Utterance{}, parley.NotFound
}

func (w written) Transcript(context.Context, parley.MeetingID) (parley.Transcript, error) {
	return parley.Transcript{Utterances: w.rows}, nil
}

func TestCaptions(t *testing.T) {
	t.Parallel()
	recognized := func(id parley.UtteranceID) parley.Utterance {
		return parley.Utterance{ID: id, State: parley.Recognized, Text: "words of " + string(id)}
	}
	rows := []parley.Utterance{
		recognized("u1"), recognized("u2"), recognized("u3"),
		{ID: "u4", State: parley.Pending},
		{ID: "u5", State: parley.Recognized},
	}
	event := func(seq uint64, id parley.UtteranceID) parley.Event {
		return parley.Event{Seq: seq, Kind: parley.EventUtterance, Utterance: id}
	}
	for name, c := range map[string]struct {
		events []parley.Event
		want   []parley.UtteranceID
	}{
		"one for each event":              {[]parley.Event{event(7, "u1"), event(8, "u2")}, []parley.UtteranceID{"u1", "u2"}},
		"none without words":              {[]parley.Event{event(7, "u4"), event(8, "u5")}, nil},
		"none for a row that is not read": {[]parley.Event{event(7, "u9"), event(8, "u1")}, []parley.UtteranceID{"u1"}},
		"all after a jump, each once":     {[]parley.Event{event(7, "u2"), event(9, "u3")}, []parley.UtteranceID{"u2", "u1", "u3"}},
		"one for an event that repeats":   {[]parley.Event{event(7, "u1"), event(8, "u1")}, []parley.UtteranceID{"u1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keep := &parley.Keep{Transcripts: written{rows: rows}}
			r := newRoom(&Rooms{log: zap.NewNop()}, keep, parley.Meeting{ID: "kfm-tqzw-rbn"})
			r.listen(t.Context(), slices.Values(c.events))
			for len(r.inbox) > 0 {
				(<-r.inbox).apply(r)
			}
			var got []parley.UtteranceID
			for _, caption := range r.captions {
				got = append(got, caption.Utterance)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("the captions are %v, want %v", got, c.want)
			}
		})
	}
}
