package api

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/signaling/auth"
)

const itemsAt = "/api/v1/records/kfm-tqzw-rbn/items"

// minutesNow reads the minutes as somebody sees them.
func (h *house) minutesNow(header []string) minutesView {
	h.t.Helper()
	var record recordView
	h.ask(h.browser(), "GET", "/api/v1/records/kfm-tqzw-rbn", "", header...).want(200, "").decode(&record)
	return *record.Minutes
}

// taker is a browser that took part in the meeting in a role.
func (h *house) taker(m parley.Meeting, number uint32, role parley.Role) *http.Client {
	h.t.Helper()
	browser := h.browser()
	var session struct {
		Identity parley.Identity `json:"identity"`
	}
	h.ask(browser, "POST", "/api/v1/session", fmt.Sprintf(`{"name":"Guest %d"}`, number)).want(200, "").decode(&session)
	must(h.t, h.regions["eu"].Participants.PutParticipant(h.t.Context(), parley.Participant{
		ID: parley.ParticipantID(fmt.Sprint("p", number)), Meeting: m.ID, Identity: session.Identity, Number: number,
		Name: fmt.Sprint("Person ", number), Role: role, Joined: m.Started,
	}))
	return browser
}

func TestAPersonDecidesAboutItems(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.held()
	member := h.taker(m, 2, parley.RoleMember)

	var item itemView
	h.ask(member, "POST", itemsAt+"/i1/changes", `{"op":"accept","revision":0}`).want(200, "").decode(&item)
	if item.Status != parley.Accepted || item.Revision != 1 || item.Changes[0].Name != "Person 2" || item.Owner.Name != "Nora Lind" {
		t.Errorf("accepted: %+v", item)
	}
	h.ask(member, "POST", itemsAt+"/i1/changes",
		`{"op":"edit","revision":1,"task":" send the\n final draft ","owner":{"participant":"p2"},"due":"2026-03-09"}`).want(200, "").decode(&item)
	if item.Task != "send the final draft" || item.Owner.Name != "Person 2" || item.Due.Date != "2026-03-09" || item.Due.Text != "" {
		t.Errorf("edited: %+v %+v %+v", item.Task, item.Owner, item.Due)
	}
	if c := item.Changes; len(c) != 2 || c[0].Text != "send the draft" || c[1].Op != parley.OpEdit || time.Since(c[1].At) > time.Minute {
		t.Errorf("its history is %+v", c)
	}
	h.ask(member, "POST", itemsAt+"/i1/changes", `{"op":"dismiss","revision":1}`).want(409, "Somebody else")
	h.ask(member, "POST", itemsAt+"/i1/changes", `{"op":"dismiss","revision":2}`).want(200, "").decode(&item)
	h.ask(member, "POST", itemsAt+"/i1/changes", `{"op":"reopen","revision":3}`).want(200, "").decode(&item)
	if item.Status != parley.Open || item.Revision != 4 || item.Task != "send the final draft" {
		t.Errorf("reopened: %+v", item)
	}
	var entry entryView
	h.ask(member, "POST", itemsAt+"/d1/changes", `{"op":"edit","revision":0,"task":"We go ahead in May."}`).want(200, "").decode(&entry)
	if entry.Text != "We go ahead in May." || entry.Status != parley.Accepted {
		t.Errorf("decided: %+v", entry)
	}
	h.ask(member, "POST", itemsAt+"/q1/changes", `{"op":"dismiss","revision":0}`).want(200, "")

	// What is extracted again changes nothing that a person decided.
	must(t, h.regions["eu"].Actions.PutMinutes(t.Context(), parley.Minutes{Meeting: m.ID, Final: true}))
	now := h.minutesNow(h.token(m.ID, auth.ScopeHost))
	if len(now.Items) != 1 || now.Items[0].Task != "send the final draft" || len(now.Decisions) != 1 || len(now.Questions) != 1 {
		t.Errorf("after another extraction: %+v", now)
	}
}

func TestAMissedItemIsAddedWithItsQuote(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.held()
	member := h.taker(m, 2, parley.RoleMember)
	body := `{"kind":"action","task":"send it","owner":{"name":"Finance"},"due":"","evidence":["u1"],"quote":"send the  draft"}`
	var item itemView
	h.ask(member, "POST", itemsAt, body).want(201, "").decode(&item)
	if item.Status != parley.Accepted || item.Changes[0].Op != parley.OpAdd || item.Quote != "send the draft" || item.StartMS != 1000 ||
		item.Due != nil || *item.Owner != (ownerView{"", "Finance"}) || len(item.ID) != 36 {
		t.Errorf("added: %+v", item)
	}
	if now := h.minutesNow(h.token(m.ID, auth.ScopeHost)); len(now.Items) != 3 {
		t.Errorf("there are %d items", len(now.Items))
	}
	h.ask(member, "POST", itemsAt, `{"kind":"question","task":"Who pays?","evidence":["u1"],"quote":"draft"}`).want(201, "")
	for body, says := range map[string]string{
		`{"kind":"action","task":"x","evidence":["u1"],"quote":"send the dr aft"}`:                  "word for word",
		`{"kind":"action","task":"x","evidence":["u1"],"quote":""}`:                                 "quote is empty",
		`{"kind":"action","task":"x","evidence":[],"quote":"draft"}`:                                "1 to 8",
		`{"kind":"action","task":"x","evidence":["u1","u1"],"quote":"draft"}`:                       "each once",
		`{"kind":"action","task":"x","evidence":["u9"],"quote":"draft"}`:                            "of this meeting",
		`{"kind":"action","task":" ","evidence":["u1"],"quote":"draft"}`:                            "text is empty",
		`{"kind":"wish","task":"x","evidence":["u1"],"quote":"draft"}`:                              "kind is",
		`{"kind":"action","task":"x","due":"2026-02-31","evidence":["u1"],"quote":"draft"}`:         "calendar",
		`{"kind":"action","task":"x","due":"tomorrow","evidence":["u1"],"quote":"draft"}`:           "calendar",
		`{"kind":"action","task":"x","owner":{},"evidence":["u1"],"quote":"draft"}`:                 "participant or a name",
		`{"kind":"action","task":"x","owner":{"participant":"p9"},"evidence":["u1"],"quote":"the"}`: "nobody of this meeting",
		`{"kind":"decision","task":"x","due":"2026-03-09","evidence":["u1"],"quote":"draft"}`:       "Only action items",
		`{"kind":"action","task":"x","evidence":["u1"],"quote":"draft","status":"done"}`:            "status",
	} {
		h.ask(member, "POST", itemsAt, body).want(400, says)
	}
	h.ask(member, "POST", itemsAt, `{"kind":"action","task":"`+strings.Repeat("長", 501)+`","evidence":["u1"],"quote":"draft"}`).want(413, "500")
}

func TestWhoMayChangeItems(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.held()
	accept := `{"op":"accept","revision":0}`
	h.ask(h.browser(), "POST", itemsAt+"/i1/changes", accept).want(404, "not yours")
	stranger := h.browser()
	h.ask(stranger, "POST", "/api/v1/session", `{"name":"Kim"}`).want(200, "")
	h.ask(stranger, "POST", itemsAt+"/i1/changes", accept).want(404, "not yours")
	viewer := h.taker(m, 2, parley.RoleViewer)
	h.ask(viewer, "POST", itemsAt+"/i1/changes", accept).want(403, "could speak")
	h.ask(viewer, "POST", itemsAt, `{}`).want(403, "could speak")
	h.ask(h.taker(m, 3, parley.RoleMember), "POST", itemsAt+"/i1/changes", accept, "Origin", "https://evil.example").want(403, "another site")
	nameless := h.browser()
	link := h.auth.MeetingLink(m.ID, parley.RoleHost)
	h.ask(nameless, "POST", "/api/v1/session", `{"link":"`+link[strings.Index(link, "k=")+2:]+`"}`).want(200, "")
	h.ask(nameless, "POST", itemsAt+"/i1/changes", accept).want(400, "your name")
	host := h.token(m.ID, auth.ScopeHost)
	h.ask(h.browser(), "POST", itemsAt+"/i9/changes", accept, host...).want(404, "no such entry")
	h.ask(h.browser(), "POST", itemsAt+"/i1/changes", `{"op":"add","revision":0}`, host...).want(400, "op is")
	h.ask(h.browser(), "POST", itemsAt+"/i1/changes", `{"op":"accept","revision":-1}`, host...).want(409, "Somebody else")
	h.ask(h.browser(), "POST", itemsAt+"/i1/changes", accept, host...).want(200, "")
	if strings.Contains(h.logs.String(), "draft") {
		t.Error("the log has words of the meeting")
	}
}

func TestOfTwoChangesAtOnceOneWins(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.held()
	member := h.taker(m, 2, parley.RoleMember)
	statuses := make(chan int, 8)
	var all sync.WaitGroup
	for range cap(statuses) {
		all.Go(func() {
			statuses <- h.ask(member, "POST", itemsAt+"/i2/changes", `{"op":"accept","revision":0}`).status
		})
	}
	all.Wait()
	close(statuses)
	won := 0
	for status := range statuses {
		switch status {
		case 200:
			won++
		case 409:
		default:
			t.Errorf("status %d", status)
		}
	}
	if won != 1 {
		t.Errorf("%d changes won", won)
	}
}

func TestItemsAreTakenAlong(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.held()
	host := h.token(m.ID, auth.ScopeHost)
	h.ask(h.browser(), "POST", itemsAt+"/i2/changes", `{"op":"edit","revision":0,"task":"=1+1","due":"2026-03-09"}`, host...).want(200, "")
	for format, want := range map[string]string{"csv": "text/csv", "json": "application/json", "md": "text/markdown", "ics": "text/calendar"} {
		file := h.ask(h.browser(), "GET", itemsAt+"?format="+format, "", host...).want(200, "")
		if !strings.HasPrefix(file.header.Get("Content-Type"), want) || !strings.Contains(string(file.body), "send the draft") ||
			!strings.Contains(file.header.Get("Content-Disposition"), `"kfm-tqzw-rbn-agreements.`+format+`"`) {
			t.Errorf("%s: %v\n%s", format, file.header, file.body)
		}
	}
	rows, err := csv.NewReader(strings.NewReader(string(h.ask(h.browser(), "GET", itemsAt+"?format=csv", "", host...).body[3:]))).ReadAll()
	must(t, err)
	if len(rows) != 5 || rows[2][2] != "'=1+1" || rows[1][9] != "http://meet.example.org/r/kfm-tqzw-rbn?t=1" {
		t.Errorf("%q", rows)
	}
	h.ask(h.browser(), "GET", itemsAt+"?format=pdf", "", host...).want(400, "csv, json, md or ics")
	h.ask(h.browser(), "GET", itemsAt+"?format=csv", "").want(404, "not yours")
}

func TestExtractions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	browser := h.browser()
	const at = "/api/v1/extractions"
	h.ask(browser, "POST", at, `{}`).want(401, "who you are")
	h.ask(browser, "POST", "/api/v1/session", `{"name":"Kim"}`).want(200, "")
	var found minutesView
	h.ask(browser, "POST", at, `{"meeting":"m","lang":"zh-Hant","group":"unknown fields are fine","start":"2026-03-02T09:00:00+08:00",
		"participants":[{"id":"p1","name":"林志明","role":"經理","aliases":["Ming"]},{"id":"p2","name":"黃淑芬"}],
		"utterances":[{"id":"u1","speaker":"p1","start":0,"end":4,"text":"淑芬麻煩你星期五之前把報價寄給客戶"},
			{"id":"u2","speaker":"p2","start":5,"end":6,"text":"好的，沒問題"}]}`).want(200, "").decode(&found)
	if len(found.Items) != 1 || found.Items[0].Owner.Participant != "p2" || found.Items[0].Due.Date != "2026-03-06" ||
		found.Items[0].Evidence[0] != "u1" || len(found.Items[0].Why) == 0 || found.Items[0].Status != parley.Open {
		t.Errorf("found %+v", found.Items)
	}
	h.ask(browser, "POST", at, `{"utterances":[]}`).want(200, "").decode(&found)
	if len(found.Items) != 0 {
		t.Errorf("found %+v in nothing", found.Items)
	}
	for body, says := range map[string]string{
		`{"utterances":`: "not a transcript",
		`[]`:             "not a transcript",
		``:               "not a transcript",
		`{"utterances":[{"id":"u1","start":5,"end":4}]}`:                        "lasts from",
		`{"utterances":[{"id":"u1","end":1},{"id":"u1","end":1}]}`:              "twice",
		`{"utterances":[{"start":0,"end":1}]}`:                                  "no id",
		`{"start":"yesterday","utterances":[]}`:                                 "not a time",
		`{"participants":[{"id":"p"},{"id":"p"}],"utterances":[]}`:              "twice",
		`{"utterances":[{"id":"u1","start":0,"end":1e300,"text":"x"}]}`:         "lasts from",
		`{"utterances":[{"id":"u1","start":0,"end":1,"text":["not", "text"]}]}`: "not a transcript",
	} {
		h.ask(browser, "POST", at, body).want(400, says)
	}
	h.ask(browser, "POST", at, `{"utterances":[`+strings.Repeat(`{"id":"u"},`, mostUtterances)+`{"id":"u"}]}`).want(413, "20,000")
	h.ask(browser, "POST", at, `{"meeting":"`+strings.Repeat("x", maxTranscript)+`"}`).want(413, "8 MB")
}
