package transcribe

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/transcribe/minutes"
	"github.com/parley/parley/transcribe/refine"
)

// withModel gives the house a language model that answers with a handler.
func (h *house) withModel(answer http.HandlerFunc) {
	h.t.Helper()
	server := httptest.NewServer(answer)
	h.t.Cleanup(server.Close)
	rules, err := minutes.New()
	must(h.t, err)
	h.refiner, err = refine.New(rules, map[parley.Region]refine.Config{"hk": {URL: server.URL, Model: "small"}})
	must(h.t, err)
}

// spoke stores an utterance that has its words.
func (h *house) spoke(id parley.UtteranceID, at time.Duration, text string) {
	h.t.Helper()
	must(h.t, h.keep.Transcripts.AddUtterance(h.t.Context(), parley.Utterance{
		ID: id, Meeting: h.meeting.ID, Track: "track-1", Participant: "p1", Start: at, End: at + time.Second,
		State: parley.Recognized, Text: text, Lang: "en",
	}))
}

// await polls until the minutes are as wanted.
func (h *house) await(what string, ok func(parley.Minutes) bool) parley.Minutes {
	h.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if m := h.minutes(); ok(m) {
			return m
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("not in time: %s; the minutes are %+v", what, h.minutes())
		}
	}
}

func TestFinalMinutesAreRefinedWhereTheRegionHasAModel(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	h.withModel(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"choices": []any{map[string]any{"message": map[string]any{"content": `{"items":[
			{"op":"edit","candidate":0,"task":"send the client the offer","owner":null,"owner_quote":null,"due_quote":null,"evidence":[0],
			"quote":"I will send the offer to the client"}]}`}}}})
	})
	h.run()
	h.spoke("u1", time.Second, "I will send the offer to the client by Friday.")
	must(t, h.keep.Meetings.EndMeeting(t.Context(), h.meeting.ID, began.Add(time.Minute)))
	must(t, h.Finish(t.Context(), "hk", h.meeting.ID))
	m := h.await("they are refined", func(m parley.Minutes) bool {
		return len(m.Items) == 1 && m.Items[0].Task == "send the client the offer"
	})
	if item := m.Items[0]; !m.Final || item.Owner.Participant != "p1" || item.Due == nil || item.Due.Date != "2026-03-06" {
		t.Errorf("refined: %+v", m)
	}
}

func TestMinutesDoNotWaitForAModel(t *testing.T) {
	t.Parallel()
	asked, release := make(chan struct{}), make(chan struct{})
	h := open(t, nil)
	h.withModel(func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-release
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	t.Cleanup(func() { close(release) })
	h.run()
	h.spoke("u1", time.Second, "I will send the offer to the client by Friday.")
	must(t, h.keep.Meetings.EndMeeting(t.Context(), h.meeting.ID, began.Add(time.Minute)))
	must(t, h.Finish(t.Context(), "hk", h.meeting.ID))
	h.await("they are final while the model thinks", func(m parley.Minutes) bool { return m.Final && len(m.Items) == 1 })
	<-asked
}
