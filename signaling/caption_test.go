package signaling

import (
	"context"
	"encoding/json"
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

// TestAnUtteranceThatGrows follows what one browser is sent; ! marks what is final.
func TestAnUtteranceThatGrows(t *testing.T) {
	t.Parallel()
	row := parley.Utterance{ID: "u1", Meeting: "kfm-tqzw-rbn", State: parley.Pending}
	text := func(state parley.UtteranceState, words string) parley.Utterance {
		u := row
		u.State, u.Text = state, words
		return u
	}
	for name, c := range map[string]struct {
		steps []parley.Utterance
		want  []string
	}{
		"grows, then is final":                {[]parley.Utterance{text(parley.Pending, "we"), text(parley.Pending, "we go"), text(parley.Recognized, "We go.")}, []string{"we", "we go", "We go.!"}},
		"was nothing after all":               {[]parley.Utterance{text(parley.Pending, "you"), text(parley.Recognized, "")}, []string{"you", "!"}},
		"is given up":                         {[]parley.Utterance{text(parley.Pending, "you"), text(parley.Parked, "")}, []string{"you", "!"}},
		"nothing, of which nothing was shown": {[]parley.Utterance{text(parley.Recognized, "")}, nil},
		"grows no more once it is final":      {[]parley.Utterance{text(parley.Recognized, "We go."), text(parley.Pending, "we")}, []string{"We go.!"}},
	} {
		r := newRoom(&Rooms{log: zap.NewNop()}, &parley.Keep{}, parley.Meeting{ID: row.Meeting})
		r.rooms.open = map[parley.MeetingID]*room{row.Meeting: r}
		s := &session{out: make(chan []byte, queueLength)}
		r.people["p"] = &attendee{session: s, live: true}
		for _, u := range c.steps {
			if u.State == parley.Pending {
				r.rooms.Show(u)
			} else {
				caption, _ := captionOf(u)
				r.inbox <- captioned{caption}
			}
		}
		for len(r.inbox) > 0 {
			(<-r.inbox).apply(r)
		}
		var got []string
		for len(s.out) > 0 {
			var caption Caption
			if err := json.Unmarshal(<-s.out, &caption); err != nil {
				t.Fatal(err)
			}
			if caption.Final {
				caption.Text += "!"
			}
			got = append(got, caption.Text)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
