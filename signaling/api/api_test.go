package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/signaling/auth"
	"github.com/parley/parley/signaling/problem"
)

func TestSession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	browser := h.browser()
	var view sessionView
	h.ask(browser, "GET", "/api/v1/session", "").want(200, "").decode(&view)
	if view.Identity != "" || !view.MayCreate || len(view.Regions) != 2 || view.Regions[0] != "hk" || view.Words.OK {
		t.Errorf("a browser on this machine is told %+v", view)
	}
	h.ask(browser, "POST", "/api/v1/session", `{"name":" 陳大文 "}`).want(200, "")
	h.ask(browser, "GET", "/api/v1/session", "").want(200, "").decode(&view)
	if view.Identity == "" || view.Name != "陳大文" {
		t.Errorf("it is remembered as %+v", view)
	}
	_, link, _ := strings.Cut(h.auth.StartLink(), "?host=")
	far := []string{"X-Forwarded-For", "192.0.2.1"}
	h.ask(browser, "GET", "/api/v1/session", "", far...).want(200, "").decode(&view)
	if view.MayCreate {
		t.Error("a browser behind a proxy may create")
	}
	before := view.Identity
	h.ask(browser, "POST", "/api/v1/session", `{"link":"`+link+`"}`, far...).want(200, "").decode(&view)
	if !view.MayCreate || view.Identity != before || view.Name != "陳大文" {
		t.Errorf("after the start link: %+v", view)
	}
	h.ask(h.browser(), "POST", "/api/v1/session", `{"link":"`+link+`"}`).want(410, "Ask the host")
	h.ask(browser, "POST", "/api/v1/session", `{"link":"nonsense"}`).want(400, "not complete")
	h.ask(browser, "POST", "/api/v1/session", `{"name":"a\nb"}`).want(400, "one line")
	h.ask(browser, "POST", "/api/v1/session", `{"name":"`+strings.Repeat("x", 81)+`"}`).want(413, "80")
	h.ask(browser, "POST", "/api/v1/session", `{}`, h.token("x", auth.ScopeHost)...).want(400, "needs no session")
	h.ask(browser, "GET", "/api/v1/session", "", "Authorization", "Bearer secret.of.mine").want(401, "token")
	if strings.Contains(h.logs.String(), "secret") {
		t.Error("a token is in the log")
	}
}

func TestCreateMeeting(t *testing.T) {
	t.Parallel()
	t.Run("one click makes a host", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		browser := h.browser()
		var made struct {
			Meeting  meetingView `json:"meeting"`
			HostLink string      `json:"host_link"`
			Link     string      `json:"link"`
		}
		h.ask(browser, "POST", "/api/v1/meetings", "").want(201, "").decode(&made)
		if made.Meeting.Region != "hk" || !made.Meeting.Record || made.Meeting.Zone != "UTC" ||
			made.Meeting.State != parley.Scheduled {
			t.Errorf("the meeting is %+v", made.Meeting)
		}
		var shown struct {
			Role   parley.Role `json:"role"`
			People []string    `json:"people"`

			ICEServers []ICEServer `json:"ice_servers"`
		}
		path := "/api/v1/meetings/" + string(made.Meeting.ID)
		h.ask(browser, "GET", path, "").want(200, "").decode(&shown)
		if shown.Role != parley.RoleHost || len(shown.People) != 1 {
			t.Errorf("its creator sees %+v", shown)
		}
		guest := h.browser()
		if nothing := h.ask(guest, "GET", path, "").want(404, "no meeting here"); strings.Contains(string(nothing.body), "turn") {
			t.Errorf("whoever may not join is told %s", nothing.body)
		}
		_, link, _ := strings.Cut(made.Link, "?k=")
		h.ask(guest, "POST", "/api/v1/session", `{"name":"Kim","link":"`+link+`"}`).want(200, "")
		h.ask(guest, "GET", path, "").want(200, "").decode(&shown)
		if shown.Role != parley.RoleMember {
			t.Errorf("a guest is %s", shown.Role)
		}
		if servers := shown.ICEServers; len(servers) != 1 || !strings.HasPrefix(servers[0].Username, string(made.Meeting.ID)+"guest-") {
			t.Errorf("a guest is to reach it through %+v", servers)
		}
		second := h.browser()
		_, link, _ = strings.Cut(made.HostLink, "?host=")
		h.ask(second, "POST", "/api/v1/session", `{"link":"`+link+`"}`).want(200, "")
		h.ask(second, "GET", path, "").want(200, "").decode(&shown)
		if shown.Role != parley.RoleHost {
			t.Errorf("who opened the host link is %s", shown.Role)
		}
	})
	t.Run("what has ended has no way in", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		m := h.held()
		shown := h.ask(h.browser(), "GET", "/api/v1/meetings/"+string(m.ID), "", h.token(m.ID, auth.ScopeHost)...).want(200, "")
		if !strings.Contains(string(shown.body), `"ice_servers":[]`) {
			t.Errorf("it is shown as %s", shown.body)
		}
	})
	t.Run("as asked", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		body := `{"title":" 預算 ","region":"eu","zone":"+08:00","record":false}`
		var made struct {
			Meeting meetingView `json:"meeting"`
		}
		h.ask(h.browser(), "POST", "/api/v1/meetings", body).want(201, "").decode(&made)
		if got := made.Meeting; got.Title != "預算" || got.Region != "eu" || got.Zone != "+08:00" || got.Record {
			t.Errorf("the meeting is %+v", got)
		}
		if _, err := h.regions["hk"].Meetings.Meeting(t.Context(), made.Meeting.ID); parley.KindOf(err) != parley.NotFound {
			t.Errorf("it is in the other region too: %v", err)
		}
	})
	t.Run("not by everybody and not anyhow", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		post := func(body string, header ...string) answer {
			return h.ask(h.browser(), "POST", "/api/v1/meetings", body, header...)
		}
		post("{}", "X-Forwarded-For", "192.0.2.1").want(403, "host link")
		post("{}", "Origin", "https://evil.example").want(403, "another site")
		post("{}", h.token("kfm-tqzw-rbn", auth.ScopeHost)...).want(201, "") // from this machine
		post(`{"colour":"red"}`).want(400, "colour")
		post(`{"title":7}`).want(400, "JSON object")
		post(`{} {}`).want(400, "JSON object")
		post(`{"region":"mars"}`).want(400, "region")
		post(`{"zone":"Mars/Olympus"}`).want(400, "zone")
		post(`{"title":"`+strings.Repeat("x", 100<<10)+`"}`).want(413, "bytes")
		far := append(h.token("kfm-tqzw-rbn", auth.ScopeHost), "X-Forwarded-For", "192.0.2.1")
		post("{}", far...).want(403, "host link")
		far = append(h.token("", auth.ScopeHost), "X-Forwarded-For", "192.0.2.1")
		post("{}", far...).want(201, "")
	})
}

func TestRecords(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.held()
	path := "/api/v1/records/" + string(m.ID)
	h.ask(h.browser(), "GET", path, "").want(404, "not yours")
	h.ask(h.browser(), "GET", path, "", h.token(m.ID, auth.ScopePublish)...).want(404, "not yours")
	h.ask(h.browser(), "GET", "/api/v1/records/abc-defg-hij", "").want(404, "not yours")
	h.ask(h.browser(), "GET", "/api/v1/records", "").want(401, "")

	host := h.token(m.ID, auth.ScopeHost)
	var view recordView
	h.ask(h.browser(), "GET", path, "", host...).want(200, "").decode(&view)
	if view.Meeting.DurationMS != 60_000 || len(view.Participants) != 1 || !view.Participants[0].Recorded ||
		len(view.Recording.Tracks) != 1 || len(view.Utterances) != 1 || len(view.Chat) != 1 || view.Pending != 0 {
		t.Errorf("the record is %+v", view)
	}
	if view.Minutes == nil || view.Minutes.Items[0].Due.Date != "2026-03-06" || view.Minutes.Items[1].Owner != nil {
		t.Errorf("the minutes are %+v", view.Minutes)
	}

	t.Run("are listed and readable by who was there", func(t *testing.T) {
		browser := h.browser()
		var me sessionView
		h.ask(browser, "POST", "/api/v1/session", `{"name":"Kim"}`).want(200, "").decode(&me)
		h.ask(browser, "GET", path, "").want(404, "")
		must(t, h.regions["eu"].Participants.PutParticipant(t.Context(), parley.Participant{
			ID: "p2", Meeting: m.ID, Identity: me.Identity, Number: 2, Name: "Kim", Role: parley.RoleMember,
			Consent: parley.Declined, Joined: m.Started,
		}))
		h.ask(browser, "GET", path, "").want(200, "").decode(&view)
		if len(view.Participants) != 2 || view.Participants[1].Recorded {
			t.Errorf("the participants are %+v", view.Participants)
		}
		var rows []recordRow
		h.ask(browser, "GET", "/api/v1/records", "").want(200, "").decode(&rows)
		if len(rows) != 1 || rows[0].ID != m.ID || rows[0].State != parley.Ended {
			t.Errorf("the list is %+v", rows)
		}
	})
}

func TestSegments(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.held()
	path := "/api/v1/records/" + string(m.ID) + "/tracks/t1/segments/"
	host := h.token(m.ID, auth.ScopeHost)
	get := func(path string, header ...string) answer {
		return h.ask(h.browser(), "GET", path, "", append(header, host...)...)
	}
	whole := get(path+"1").want(200, "")
	if string(whole.body) != string(segmentText()) || whole.header.Get("Content-Type") != "video/webm" ||
		!strings.Contains(whole.header.Get("Cache-Control"), "immutable") {
		t.Errorf("%d bytes, %v", len(whole.body), whole.header)
	}
	get(path+"1", "If-None-Match", whole.header.Get("ETag")).want(304, "")
	part := get(path+"1", "Range", "bytes=15-24").want(206, "")
	if string(part.body) != "5678901234" || part.header.Get("Content-Range") != "bytes 15-24/10000" {
		t.Errorf("the range is %q, %v", part.body, part.header)
	}
	if tail := get(path+"1", "Range", "bytes=-3").want(206, ""); string(tail.body) != "789" {
		t.Errorf("the tail is %q", tail.body)
	}
	if head := h.ask(h.browser(), "HEAD", path+"1", "", host...); head.status != 200 || head.header.Get("Content-Length") != "10000" {
		t.Errorf("HEAD is %d, %v", head.status, head.header)
	}
	for _, missing := range []string{path + "2", path + "x", path + "-1", strings.Replace(path, "t1", "t2", 1) + "1"} {
		get(missing).want(404, "no such segment")
	}
	h.ask(h.browser(), "GET", path+"1", "").want(404, "not yours")
}

func TestShelf(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.held()
	rows := h.regions["eu"].Recordings
	var s shelf
	for range 2 {
		if _, err := s.recording(t.Context(), rows, m.ID); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.books) != 0 {
		t.Error("a recording that still grows is on the shelf")
	}
	must(t, rows.SealRecording(t.Context(), m.ID, "meetings/kfm-tqzw-rbn/manifest.json", parley.Hash{1}))
	for range 2 {
		if book, err := s.recording(t.Context(), rows, m.ID); err != nil || !book.Sealed {
			t.Fatalf("sealed %v, %v", book.Sealed, err)
		}
	}
	if len(s.books) != 1 {
		t.Errorf("%d recordings are on the shelf, want the sealed one once", len(s.books))
	}
	for i := range shelfLength + 3 {
		s.put(parley.Recording{Meeting: parley.MeetingID(strings.Repeat("x", i+1))})
	}
	if _, ok := s.take(m.ID); ok || len(s.books) != shelfLength {
		t.Errorf("%d recordings are on the shelf, the oldest among them: %v", len(s.books), ok)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	must(t, h.home.Place(t.Context(), "pan-icmx-ing", "hk"))
	must(t, h.regions["hk"].Meetings.CreateMeeting(t.Context(), parley.Meeting{
		ID: "pan-icmx-ing", Region: "hk", Zone: "UTC", State: parley.Scheduled, Created: time.Now(),
	}))
	fault := h.ask(h.browser(), "GET", "/api/v1/meetings/pan-icmx-ing", "", h.token("pan-icmx-ing", auth.ScopeView)...)
	fault.want(500, "Something went wrong")
	if strings.Contains(string(fault.body), "a fault") {
		t.Errorf("the answer tells the cause: %s", fault.body)
	}
	if id := fault.header.Get(problem.RequestIDHeader); id == "" || !strings.Contains(h.logs.String(), id) {
		t.Errorf("the request %q is not in the log", id)
	}
	h.ask(h.browser(), "GET", "/api/v1/nonsense", "").want(404, "nothing at this address")
	h.ask(h.browser(), "DELETE", "/api/v1/records/x", "").want(404, "nothing at this address")
	must(t, h.home.Place(t.Context(), "far-away0-reg", "mars"))
	h.ask(h.browser(), "GET", "/api/v1/meetings/far-away0-reg", "").want(503, "region")
}

func TestMeetingIDs(t *testing.T) {
	t.Parallel()
	seen := map[parley.MeetingID]bool{}
	for range 1000 {
		id := newMeetingID()
		parts := strings.Split(string(id), "-")
		if len(parts) != 3 || len(parts[0]) != 3 || len(parts[1]) != 4 || len(parts[2]) != 3 || seen[id] ||
			strings.Trim(strings.Join(parts, ""), "abcdefghijklmnopqrstuvwxyz") != "" {
			t.Fatalf("made %q", id)
		}
		seen[id] = true
	}
}

// FuzzReadBody: whatever is sent as a body, it is read or refused with a kind of its own.
func FuzzReadBody(f *testing.F) {
	for _, body := range []string{``, `{}`, `{"title":"x","record":true}`, `{"title":`, `[]`, `{}{}`, `{"x":1}`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(string(body)))
		if err != nil {
			t.Fatal(err)
		}
		var into struct {
			Title  string `json:"title"`
			Record *bool  `json:"record"`
		}
		switch err := readBody(nil, request, &into); parley.KindOf(err) {
		case "", parley.Invalid, parley.TooLarge:
			if _, err := json.Marshal(parley.SayOf(err)); err != nil {
				t.Fatal(err)
			}
		default:
			t.Fatalf("refused as %s: %v", parley.KindOf(err), err)
		}
	})
}
