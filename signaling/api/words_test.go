package api

import (
	"strings"
	"testing"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/signaling/auth"
)

func TestWordsAreEditedInVersions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.held()
	host, viewer := h.token(m.ID, auth.ScopeHost), h.token(m.ID, auth.ScopeView)
	base := "/api/v1/records/" + string(m.ID)
	path := base + "/utterances/u1"
	edit := func(body string, header []string) answer { return h.ask(h.browser(), "PUT", path, body, header...) }

	var u utteranceView
	edit(`{"text":"I will send the draft by Monday.","version":0}`, host).want(200, "").decode(&u)
	if u.Text != "I will send the draft by Monday." || u.Version != 2 || !u.Edited || u.Conflict != "" || u.Words[0].StartMS != 1000 {
		t.Errorf("edited to %+v", u)
	}
	edit(`{"text":"x","version":0}`, host).want(409, "meanwhile")
	edit(`{"text":"x"}`, host).want(400, "which version")
	edit(`{"text":"`+strings.Repeat("x", 2001)+`","version":2}`, host).want(400, "2000")
	edit(`{"text":"x","version":2}`, nil).want(404, "")
	h.ask(h.browser(), "PUT", base+"/utterances/u9", `{"text":"x","version":2}`, host...).want(404, "no such utterance")
	edit(`{"text":"x","version":2}`, viewer).want(404, "")

	var versions []readingView
	h.ask(h.browser(), "GET", path+"/versions", "", host...).want(200, "").decode(&versions)
	if len(versions) != 2 || versions[0].Kind != parley.ReadingHeard || versions[0].Text != "I will send the draft by Friday." ||
		versions[1].Kind != parley.ReadingEdited || versions[1].At.IsZero() {
		t.Errorf("versions %+v", versions)
	}
	h.ask(h.browser(), "GET", base+"/utterances/u9/versions", "", host...).want(404, "no such utterance")
	var record recordView
	h.ask(h.browser(), "GET", base, "", host...).want(200, "").decode(&record)
	if record.Utterances[0].Text != u.Text || !record.Utterances[0].Edited {
		t.Errorf("the record has %+v", record.Utterances[0])
	}
}

func TestAnUtteranceOfAnotherMeetingIsNotShown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.held()
	other := parley.Meeting{ID: "abc-defg-hij", Region: "eu", Zone: "UTC", State: parley.Scheduled, Created: time.Now()}
	must(t, h.home.Place(t.Context(), other.ID, other.Region))
	must(t, h.regions["eu"].Meetings.CreateMeeting(t.Context(), other))
	host := h.token(other.ID, auth.ScopeHost)
	path := "/api/v1/records/" + string(other.ID) + "/utterances/u1"
	h.ask(h.browser(), "PUT", path, `{"text":"x","version":0}`, host...).want(404, "no such utterance")
	h.ask(h.browser(), "GET", path+"/versions", "", host...).want(404, "no such utterance")
}

func TestARecordIsHeardAgainByAHost(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.held()
	host := h.token(m.ID, auth.ScopeHost)
	path := "/api/v1/records/" + string(m.ID)
	var queued struct{ Pass, Retried int }
	h.ask(h.browser(), "POST", path+"/passes", `{"language":"yue"}`, host...).want(202, "").decode(&queued)
	if queued.Pass != 1 {
		t.Errorf("pass %d", queued.Pass)
	}
	p, err := h.regions["eu"].Transcripts.Pass(t.Context(), m.ID, 1)
	if err != nil || p.Language != "yue" || p.At.IsZero() {
		t.Errorf("%+v, %v", p, err)
	}
	h.ask(h.browser(), "POST", path+"/passes", `{"language":"tlh"}`, host...).want(400, "en, zh or yue")
	h.ask(h.browser(), "POST", path+"/passes", ``).want(404, "")
	h.ask(h.browser(), "POST", path+"/retry", ``, host...).want(202, "").decode(&queued)
	if queued.Retried != 0 {
		t.Errorf("%d retried", queued.Retried)
	}
}
