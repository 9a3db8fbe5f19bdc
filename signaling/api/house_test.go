package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/parley/parley"
	"github.com/parley/parley/bus"
	"github.com/parley/parley/recorder/catalog"
	"github.com/parley/parley/recorder/objects"
	"github.com/parley/parley/signaling/auth"
	"github.com/parley/parley/signaling/problem"
	"github.com/parley/parley/transcribe"
	"github.com/parley/parley/transcribe/minutes"
)

// house is the interface on real catalogs and objects in two regions; only the rooms are pretended.
type house struct {
	t       *testing.T
	auth    *auth.Auth
	home    *catalog.Home
	regions parley.Regions
	url     string
	logs    *bytes.Buffer
}

type pretendRooms struct{ http.Handler }

// Present implements Rooms.
func (pretendRooms) Present(_ context.Context, id parley.MeetingID) ([]string, error) {
	if id == "pan-icmx-ing" {
		panic("a fault")
	}
	return []string{"Nora Lind"}, nil
}

func newHouse(t *testing.T) *house {
	t.Helper()
	directory := t.TempDir()
	home, err := catalog.OpenHome(t.Context(), filepath.Join(directory, "home.db"))
	must(t, err)
	t.Cleanup(func() { must(t, home.Close()) })
	h := &house{t: t, home: home, regions: parley.Regions{}, logs: &bytes.Buffer{}}
	for _, name := range []parley.Region{"hk", "eu"} {
		rows, err := catalog.Open(t.Context(), filepath.Join(directory, string(name)+".db"))
		must(t, err)
		t.Cleanup(func() { must(t, rows.Close()) })
		store, err := objects.OpenDir(filepath.Join(directory, string(name)))
		must(t, err)
		t.Cleanup(func() { must(t, store.Close()) })
		h.regions[name] = &parley.Keep{
			Region: name, Objects: store, Meetings: rows, Participants: rows, Chats: rows,
			Recordings: rows, Transcripts: rows, Actions: rows,
		}
	}
	h.auth, err = auth.New(auth.DefaultConfig(), auth.NewKey(), "http://meet.example.org", home)
	must(t, err)
	jobs, err := bus.Open(bus.Config{Directory: filepath.Join(directory, "bus")}, zap.NewNop())
	must(t, err)
	t.Cleanup(func() { must(t, jobs.Close()) })
	cfg := transcribe.DefaultConfig()
	cfg.Engine = transcribe.EngineWorkers // there would be some
	speech, err := transcribe.New(cfg, transcribe.Parts{
		Regions: h.regions, Jobs: jobs, Events: jobs, Log: zap.NewNop(), Registry: prometheus.NewRegistry(),
	})
	must(t, err)
	log := zap.New(zapcore.NewCore(
		zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.Lock(zapcore.AddSync(h.logs)), zap.DebugLevel,
	))
	extractor, err := minutes.New()
	must(t, err)
	web := httptest.NewServer(New(Deps{
		Extractor: extractor, BaseURL: "http://meet.example.org",
		Auth: h.auth, Regions: h.regions, Order: []parley.Region{"hk", "eu"}, Directory: home, Log: log,
		Rooms: pretendRooms{http.NotFoundHandler()}, Words: func() (bool, string) { return false, "No engine." }, Speech: speech,
		ICEServers: func(id parley.MeetingID, who parley.Identity) []ICEServer {
			return []ICEServer{{[]string{"turn:turn.example.org:3478?transport=udp"}, string(id) + string(who), "secret"}}
		},
	}))
	t.Cleanup(web.Close)
	h.url = web.URL
	return h
}

// browser keeps cookies.
func (h *house) browser() *http.Client {
	h.t.Helper()
	jar, err := cookiejar.New(nil)
	must(h.t, err)
	return &http.Client{Jar: jar}
}

// answer is what came back: a status, headers, a body.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	body   []byte
}

// decode reads a JSON answer.
func (a answer) decode(into any) {
	a.t.Helper()
	must(a.t, json.Unmarshal(a.body, into))
}

// want requires a status; a failure must be a problem document with a sentence.
func (a answer) want(status int, says string) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	if status >= 400 {
		var document problem.Document
		a.decode(&document)
		if document.Status != status || document.Type == "" || !strings.HasPrefix(document.Instance, "urn:uuid:") {
			a.t.Errorf("the problem is %s", a.body)
		}
		if !strings.Contains(document.Detail, says) {
			a.t.Errorf("says %q, want %q in it", document.Detail, says)
		}
	}
	return a
}

// ask sends a request; header is a list of names and values.
func (h *house) ask(browser *http.Client, method, path, body string, header ...string) answer {
	h.t.Helper()
	request, err := http.NewRequestWithContext(h.t.Context(), method, h.url+path, strings.NewReader(body))
	must(h.t, err)
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := browser.Do(request)
	must(h.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(h.t, err)
	return answer{h.t, response.StatusCode, response.Header, text}
}

// held is a meeting that took place, with something of everything, in the region eu.
func (h *house) held() parley.Meeting {
	h.t.Helper()
	ctx, keep := h.t.Context(), h.regions["eu"]
	started := time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)
	m := parley.Meeting{
		ID: "kfm-tqzw-rbn", Title: "Budget review", Region: "eu", Zone: "Europe/Berlin", Record: true,
		Creator: "guest-creator", State: parley.Scheduled, Created: started.Add(-time.Hour),
	}
	must(h.t, h.home.Place(ctx, m.ID, m.Region))
	must(h.t, keep.Meetings.CreateMeeting(ctx, m))
	_, err := keep.Meetings.BeginMeeting(ctx, m.ID, started)
	must(h.t, err)
	must(h.t, keep.Participants.PutParticipant(ctx, parley.Participant{
		ID: "p1", Meeting: m.ID, Identity: "guest-nora", Number: 1, Name: "Nora Lind", Title: "Finance",
		Role: parley.RoleHost, Consent: parley.Granted, Joined: started,
	}))
	must(h.t, keep.Chats.AddChatMessage(ctx, parley.ChatMessage{
		ID: "c1", Meeting: m.ID, Participant: "p1", At: 5 * time.Second, Text: "Good morning",
	}))
	must(h.t, keep.Recordings.OpenTrack(ctx, parley.Track{
		ID: "t1", Meeting: m.ID, Participant: "p1", Source: parley.Microphone, Codec: "audio/opus",
		ClockRate: 48000, Channels: 2, Started: time.Second,
	}))
	content := segmentText()
	sum := parley.Hash(sha256.Sum256(content))
	key := parley.Key("meetings/kfm-tqzw-rbn/tracks/t1/000001.webm")
	must(h.t, keep.Objects.Put(ctx, parley.ObjectInfo{Key: key, Bytes: int64(len(content)), SHA256: sum}, bytes.NewReader(content)))
	must(h.t, keep.Recordings.AddSegment(ctx, parley.Segment{
		Track: "t1", Number: 1, Start: time.Second, End: 3 * time.Second, Bytes: int64(len(content)), SHA256: sum, Key: key,
	}))
	must(h.t, keep.Recordings.AddGap(ctx, parley.Gap{
		Track: "t1", Start: 3 * time.Second, End: 4 * time.Second, Reason: parley.GapDisk,
	}))
	said := parley.Utterance{
		ID: "u1", Meeting: m.ID, Track: "t1", Participant: "p1", Start: time.Second, End: 3 * time.Second,
		Audio: "meetings/kfm-tqzw-rbn/utterances/u1.ogg", State: parley.Pending,
	}
	must(h.t, keep.Transcripts.AddUtterance(ctx, said))
	said.State, said.Text, said.Lang = parley.Recognized, "I will send the draft by Friday.", "en"
	said.Words = []parley.Word{{Text: "I", Start: time.Second, End: 1100 * time.Millisecond}}
	said.Confidence = parley.Clear
	must(h.t, keep.Transcripts.FinishUtterance(ctx, said))
	evidence := parley.Evidence{
		Utterances: []parley.UtteranceID{"u1"}, Quote: said.Text, Start: said.Start, End: said.End,
		Confidence: parley.Clear, Why: []string{"promise"},
	}
	must(h.t, keep.Actions.PutMinutes(ctx, parley.Minutes{
		Meeting: m.ID, Made: started, Final: true,
		Items: []parley.ActionItem{{
			ID: "i1", Task: "send the draft", Owner: parley.Owner{Participant: "p1", Name: "Nora Lind"},
			Due: &parley.Due{Text: "by Friday", Date: "2026-03-06"}, Evidence: evidence,
		}, {ID: "i2", Task: "book a room", Evidence: evidence}},
		Decisions: []parley.Decision{{ID: "d1", Text: "We go ahead.", Evidence: evidence}},
		Questions: []parley.Question{{ID: "q1", Text: "Who pays?", Evidence: evidence}},
	}))
	must(h.t, keep.Meetings.EndMeeting(ctx, m.ID, started.Add(time.Minute)))
	m, err = keep.Meetings.Meeting(ctx, m.ID)
	must(h.t, err)
	return m
}

func segmentText() []byte { return bytes.Repeat([]byte("0123456789"), 1000) }

// token is the header of a program with a scope in a meeting.
func (h *house) token(id parley.MeetingID, scope auth.Scope) []string {
	h.t.Helper()
	token, err := h.auth.Token(auth.TokenSpec{Meeting: id, Scopes: []auth.Scope{scope}, Lifetime: time.Hour})
	must(h.t, err)
	return []string{"Authorization", "Bearer " + token}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
