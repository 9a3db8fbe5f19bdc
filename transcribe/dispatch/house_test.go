package dispatch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/parley/parley"
	"github.com/parley/parley/bus"
	"github.com/parley/parley/media/container"
	"github.com/parley/parley/media/pcm"
	"github.com/parley/parley/recorder/catalog"
	"github.com/parley/parley/recorder/objects"
	"github.com/parley/parley/transcribe"
	"github.com/parley/parley/transcribe/minutes"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	tokenOfHK   = "token-for-hong-kong-alone"
	tokenOfBoth = "token-for-both-regions"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// house is a server with two regions over real stores and a real bus, and no engine of its own.
type house struct {
	*Server

	t           *testing.T
	transcriber *transcribe.Transcriber
	regions     parley.Regions
	bus         *bus.Bus
	web         *httptest.Server
}

func openHouse(t *testing.T) *house {
	t.Helper()
	dir := t.TempDir()
	b, err := bus.Open(bus.Config{Directory: filepath.Join(dir, "bus")}, zap.NewNop())
	must(t, err)
	t.Cleanup(func() { _ = b.Close() })
	h := &house{t: t, bus: b, regions: parley.Regions{}}
	for _, name := range []parley.Region{"hk", "eu"} {
		h.openRegion(name, dir)
	}
	extractor, err := minutes.New()
	must(t, err)
	cfg := transcribe.DefaultConfig()
	cfg.Engine, cfg.Glossary = transcribe.EngineWorkers, []string{"Zygmunt"}
	registry := prometheus.NewRegistry()
	h.transcriber, err = transcribe.New(cfg, transcribe.Parts{
		Regions: h.regions, Jobs: b, Events: b, Extractor: extractor, Log: zap.NewNop(), Registry: registry,
	})
	must(t, err)
	access := []Access{
		{Name: "near", Token: tokenOfHK, Regions: []parley.Region{"hk"}},
		{Name: "wide", Token: tokenOfBoth, Regions: []parley.Region{"hk", "eu"}},
	}
	h.Server, err = New(h.transcriber, access, "test", zap.NewNop(), registry)
	must(t, err)
	h.web = httptest.NewServer(h)
	t.Cleanup(h.web.Close)
	h.run()
	return h
}

// run ends silent leases until the test ends.
func (h *house) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	h.t.Cleanup(func() {
		cancel()
		must(h.t, <-done)
	})
}

// openRegion has a meeting in it, which is over.
func (h *house) openRegion(name parley.Region, dir string) {
	h.t.Helper()
	store, err := objects.OpenDir(filepath.Join(dir, string(name), "objects"))
	must(h.t, err)
	h.t.Cleanup(func() { _ = store.Close() })
	rows, err := catalog.Open(h.t.Context(), filepath.Join(dir, string(name), "catalog.db"))
	must(h.t, err)
	h.t.Cleanup(func() { _ = rows.Close() })
	h.regions[name] = &parley.Keep{
		Region: name, Objects: store, Meetings: rows, Participants: rows, Chats: rows,
		Recordings: rows, Transcripts: rows, Actions: rows,
	}
	began := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	id := meetingIn(name)
	must(h.t, rows.CreateMeeting(h.t.Context(), parley.Meeting{ID: id, Region: name, Zone: "UTC", State: parley.Scheduled, Created: began}))
	_, err = rows.BeginMeeting(h.t.Context(), id, began)
	must(h.t, err)
	must(h.t, rows.PutParticipant(h.t.Context(), parley.Participant{
		ID: parley.ParticipantID("p-" + name), Meeting: id, Number: 1, Name: "Nora Lind", Role: parley.RoleHost,
		Consent: parley.Granted, Joined: began,
	}))
	must(h.t, rows.OpenTrack(h.t.Context(), parley.Track{
		ID: parley.TrackID("t-" + name), Meeting: id, Participant: parley.ParticipantID("p-" + name), Source: parley.Microphone,
		Codec: "audio/opus", ClockRate: 48000, Channels: 2,
	}))
	must(h.t, rows.EndMeeting(h.t.Context(), id, began.Add(time.Minute)))
}

func meetingIn(region parley.Region) parley.MeetingID { return parley.MeetingID("m-" + region) }

// tone is a second of sound as Ogg Opus.
func tone(t *testing.T) []byte {
	t.Helper()
	encoder, err := pcm.NewEncoder(32_000)
	if err != nil {
		t.Skip("no Opus encoder in this build:", err)
	}
	var file bytes.Buffer
	w, err := container.NewOggWriter(&file)
	must(t, err)
	for n := range 50 {
		frame := make([]float32, 960)
		for k := range frame {
			frame[k] = (float32(k%96)/160 - 0.3) / float32(1+n/6%2*3)
		}
		packet, err := encoder.Encode(frame)
		must(t, err)
		must(t, w.WritePacket(packet, container.OpusSamples(packet)))
	}
	must(t, w.Close())
	return file.Bytes()
}

// say stores an utterance that waits for words, and its job.
func (h *house) say(in parley.Region, id parley.UtteranceID) {
	h.t.Helper()
	audio, keep := tone(h.t), h.regions[in]
	u := parley.Utterance{
		ID: id, Meeting: meetingIn(in), Track: parley.TrackID("t-" + in), Participant: parley.ParticipantID("p-" + in),
		Start: time.Second, End: 2 * time.Second, Audio: parley.Key("meetings/u/" + string(id) + ".ogg"), SHA256: sha256.Sum256(audio),
		State: parley.Pending, NextTry: time.Now().Add(time.Hour),
	}
	info := parley.ObjectInfo{Key: u.Audio, Bytes: int64(len(audio)), SHA256: u.SHA256}
	must(h.t, keep.Objects.Put(h.t.Context(), info, bytes.NewReader(audio)))
	must(h.t, keep.Transcripts.AddUtterance(h.t.Context(), u))
	must(h.t, h.bus.Submit(h.t.Context(), parley.Job{
		ID: string(id), Kind: parley.JobTranscribe, Region: in, Meeting: u.Meeting, Utterance: id,
	}))
}

func (h *house) row(in parley.Region, id parley.UtteranceID) parley.Utterance {
	h.t.Helper()
	u, err := h.regions[in].Transcripts.Utterance(h.t.Context(), id)
	must(h.t, err)
	return u
}

// wait polls until ok.
func (h *house) wait(what string, ok func() bool) {
	h.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			h.t.Fatal(what + ": not in time")
		}
	}
}

func (h *house) dial(token string) *Client {
	h.t.Helper()
	c, err := Dial(h.t.Context(), ClientConfig{URL: h.web.URL, Token: token})
	must(h.t, err)
	h.t.Cleanup(c.http.CloseIdleConnections)
	return c
}

// claim gets a task; it fails the test when none comes.
func (h *house) claim(c *Client, in parley.Region) *borrowed {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 10*time.Second)
	defer cancel()
	held, err := c.Claim(ctx, parley.JobTranscribe, in)
	must(h.t, err)
	return held.(*borrowed) //nolint:forcetypeassert // a client's
}

// says is a recognizer that always says the same.
type says string

func (s says) Recognize(context.Context, pcm.Speech, transcribe.Hint) (transcribe.Result, error) {
	return transcribe.Result{
		Words: []parley.Word{{Text: string(s), End: time.Second}}, Lang: "en", Engine: "test", Model: "none",
	}, nil
}

// work runs a worker until the test ends.
func (h *house) work(c *Client, r transcribe.Recognizer) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- transcribe.NewWorker(c, r, zap.NewNop()).Run(ctx, c.Regions()) }()
	h.t.Cleanup(func() {
		cancel()
		must(h.t, <-done)
		c.http.CloseIdleConnections()
	})
}

// post sends what no client of ours would.
func (h *house) post(path, token, body string) (status int) {
	h.t.Helper()
	request, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, h.web.URL+Path+path, bytes.NewReader([]byte(body)))
	must(h.t, err)
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := h.web.Client().Do(request)
	must(h.t, err)
	must(h.t, response.Body.Close())
	return response.StatusCode
}

// claimBody asks for a task of a region without waiting for it.
func claimBody(in parley.Region) string {
	return fmt.Sprintf(`{"protocol":%d,"kind":"transcribe","region":%q,"wait_ms":1}`, Protocol, in)
}
