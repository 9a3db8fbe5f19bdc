package dispatch

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/parley/parley"
	"github.com/parley/parley/transcribe"
)

func TestAWorkerElsewhereHearsItsRegions(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	h.work(h.dial(tokenOfHK), says("heard"))
	h.say("eu", "u-eu")
	for i := range 3 {
		h.say("hk", parley.UtteranceID(fmt.Sprintf("u-%d", i)))
	}
	for i := range 3 {
		id := parley.UtteranceID(fmt.Sprintf("u-%d", i))
		h.wait("it has words", func() bool { return h.row("hk", id).State == parley.Recognized })
		u := h.row("hk", id)
		if u.Text != "heard" || u.Engine != "test" || u.Attempts != 1 || u.Words[0].Start != time.Second || u.Words[0].End != 2*time.Second {
			t.Errorf("%+v", u)
		}
	}
	if u := h.row("eu", "u-eu"); u.State != parley.Pending || u.Attempts != 0 {
		t.Errorf("a worker of hk heard %+v", u)
	}
	h.work(h.dial(tokenOfBoth), says("heard in eu"))
	h.wait("eu has words", func() bool { return h.row("eu", "u-eu").Text == "heard in eu" })
}

func TestATokenIsForItsRegionsAlone(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	h.say("eu", "u-eu")
	near, wide := h.dial(tokenOfHK), h.dial(tokenOfBoth)
	if got := near.Regions(); !slices.Equal(got, []parley.Region{"hk"}) {
		t.Errorf("the token is told of %v", got)
	}
	for _, region := range []parley.Region{"eu", "moon"} {
		if _, err := near.Claim(t.Context(), parley.JobTranscribe, region); !errors.Is(err, parley.Forbidden) {
			t.Errorf("claimed a task of %s: %v", region, err)
		}
	}
	held := h.claim(wide, "eu")
	stolen := &borrowed{c: near, lease: held.lease}
	if err := stolen.Extend(t.Context()); !errors.Is(err, parley.Conflict) {
		t.Error("extended another's lease:", err)
	}
	if err := stolen.Fail(t.Context(), parley.Invalid); !errors.Is(err, parley.Conflict) {
		t.Error("gave another's task back:", err)
	}
	if err := stolen.send(t.Context(), "answer", wireAnswer(transcribe.Answer{Engine: "e", Model: "m"})); !errors.Is(err, parley.Conflict) {
		t.Error("answered another's task:", err)
	}
	if u := h.row("eu", "u-eu"); u.State != parley.Pending || u.Attempts != 0 {
		t.Errorf("%+v", u)
	}
	if err := errors.Join(held.Extend(t.Context()), held.Fail(t.Context(), parley.Unavailable)); err != nil {
		t.Error(err)
	}
}

func TestATaskHasWhatHelpsAndNothingElse(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	must(t, h.regions["hk"].Transcripts.AddUtterance(t.Context(), parley.Utterance{
		ID: "before", Meeting: meetingIn("hk"), Track: "t-hk", Participant: "p-hk", End: 9 * time.Second,
		State: parley.Recognized, Text: "a secret", Lang: "yue",
	}))
	h.say("hk", "u")
	task := h.claim(h.dial(tokenOfHK), "hk").Task()
	if !slices.Contains(task.Terms, "Nora Lind") || !slices.Contains(task.Terms, "Zygmunt") || task.Spoken["yue"] != 9*time.Second {
		t.Errorf("terms %q, spoken %v", task.Terms, task.Spoken)
	}
	if !strings.HasPrefix(string(task.Audio), "OggS") || strings.Contains(fmt.Sprint(task.Terms), "secret") {
		t.Errorf("terms %q, %d bytes of sound", task.Terms, len(task.Audio))
	}
}

// TestAStaleWorkerChangesNothing has one that fell silent, and answers when another has.
func TestAStaleWorkerChangesNothing(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	h.say("hk", "u")
	c := h.dial(tokenOfHK)
	stale := h.claim(c, "hk")
	h.giveBack(t.Context(), h.leases.take(time.Now().Add(2*leaseTime)))
	if err := stale.Extend(t.Context()); !errors.Is(err, parley.Conflict) {
		t.Error("the lease is over:", err)
	}
	next := h.claim(c, "hk")
	words := func(text string) transcribe.Answer {
		return transcribe.Answer{Words: []parley.Word{{Text: text}}, Engine: "e", Model: "m", Lang: "en", Confidence: parley.Clear}
	}
	must(t, next.Answer(t.Context(), words("right")))
	must(t, stale.Answer(t.Context(), words("late"))) // it has nothing left to do
	must(t, next.Answer(t.Context(), words("twice")))
	if u := h.row("hk", "u"); u.Text != "right" || u.Attempts != 1 {
		t.Errorf("%+v", u)
	}
}

func TestWhatAWorkerCannotHearCounts(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	h.say("hk", "u")
	c := h.dial(tokenOfHK)
	must(t, h.claim(c, "hk").Fail(t.Context(), parley.Unavailable))
	if u := h.row("hk", "u"); u.Attempts != 0 {
		t.Errorf("an engine that is away counts: %+v", u)
	}
	must(t, h.claim(c, "hk").Fail(t.Context(), parley.Invalid))
	if u := h.row("hk", "u"); u.Attempts != 1 || u.State != parley.Pending {
		t.Errorf("%+v", u)
	}
}

func TestAMeetingIsHeardAgainElsewhere(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	h.say("hk", "u")
	c := h.dial(tokenOfHK)
	must(t, h.claim(c, "hk").Answer(t.Context(), transcribe.Answer{
		Words: []parley.Word{{Text: "we"}, {Text: " goo"}}, Engine: "e", Model: "small", Lang: "en",
	}))
	h.work(c, says("we go"))
	_, err := h.transcriber.Again(t.Context(), "hk", meetingIn("hk"), "en", parley.Author{Identity: "mei", Name: "Mei"})
	must(t, err)
	h.wait("it is heard again", func() bool { return h.row("hk", "u").Text == "we go" })
	readings, err := h.regions["hk"].Transcripts.Readings(t.Context(), "u")
	must(t, err)
	if len(readings) != 2 || readings[0].Text != "we goo" || readings[1].Pass != 1 || readings[1].Model != "none" {
		t.Errorf("%+v", readings)
	}
}

// downEngine is one that does not run until it is told to.
type downEngine struct {
	says

	runs atomic.Bool
}

func (d *downEngine) Words() (bool, string) { return d.runs.Load(), "It is down." }

func TestAWorkerWithoutAnEngineTakesNothingAway(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	down := &downEngine{says: "heard"}
	h.work(h.dial(tokenOfHK), down)
	h.say("hk", "u")
	able := h.claim(h.dial(tokenOfHK), "hk") // though the other was there first
	must(t, able.Fail(t.Context(), parley.Unavailable))
	down.runs.Store(true)
	h.wait("it hears when it can", func() bool { return h.row("hk", "u").State == parley.Recognized })
}

// TestWorkersOutliveTheServer stops it while a worker waits, and starts another at the same address.
func TestWorkersOutliveTheServer(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	h.work(h.dial(tokenOfHK), says("heard"))
	h.say("hk", "before")
	h.wait("it has words", func() bool { return h.row("hk", "before").State == parley.Recognized })
	address := h.web.Listener.Addr().String()
	h.stop() // the worker is sent away: Close waits for whoever is still there
	h.web.Close()
	h.mu.Lock()
	h.stopped = false
	h.mu.Unlock()
	listener, err := net.Listen("tcp", address)
	must(t, err)
	again := &http.Server{Handler: h, ReadHeaderTimeout: time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = again.Serve(listener)
	}()
	t.Cleanup(func() {
		_ = again.Close()
		<-done
	})
	h.say("hk", "after")
	h.wait("the worker comes back", func() bool {
		return h.row("hk", "after").State == parley.Recognized && h.leases.of(h.access[sha256.Sum256([]byte(tokenOfHK))]) == 0
	})
}

func TestWhatCanBeWrongAtFirst(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	answer := func(status int, media, body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", media)
			w.Header().Set("Location", "https://elsewhere.example.org")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	private := httptest.NewTLSServer(h)
	t.Cleanup(private.Close)
	private.Config.ErrorLog = zap.NewStdLog(zap.NewNop())
	ca := filepath.Join(t.TempDir(), "ca.pem")
	must(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: private.Certificate().Raw}), 0o600))
	closed := httptest.NewServer(nil)
	closed.Close()
	for name, c := range map[string]struct {
		cfg  ClientConfig
		kind parley.Kind
		say  string
	}{
		"the wrong token":          {ClientConfig{URL: h.web.URL, Token: "guess"}, parley.Invalid, "token"},
		"no token":                 {ClientConfig{URL: h.web.URL}, parley.Invalid, "token"},
		"another version":          {ClientConfig{URL: answer(200, "application/json", `{"protocol":2,"version":"v9"}`)}, parley.Invalid, "v9"},
		"no region":                {ClientConfig{URL: answer(200, "application/json", `{"protocol":1}`)}, parley.Invalid, "region"},
		"garbage":                  {ClientConfig{URL: answer(200, "application/json", `{"protocol":`)}, parley.Invalid, "protocol"},
		"a page":                   {ClientConfig{URL: answer(200, "text/html", "<p>")}, parley.Unavailable, "no parley server"},
		"a proxy without a server": {ClientConfig{URL: answer(502, "text/html", "<p>")}, parley.Unavailable, "502"},
		"another address":          {ClientConfig{URL: answer(301, "text/html", "")}, parley.Unavailable, "leads elsewhere"},
		"nobody":                   {ClientConfig{URL: closed.URL}, parley.Unavailable, "does not answer"},
		"no address":               {ClientConfig{URL: "meet.example.org"}, parley.Invalid, "address"},
		"an address of files":      {ClientConfig{URL: "ftp://meet.example.org"}, parley.Invalid, "address"},
		"an open network":          {ClientConfig{URL: "http://meet.example.org"}, parley.Invalid, "--plain"},
		"an unknown authority":     {ClientConfig{URL: private.URL, Token: tokenOfHK}, parley.Invalid, "--ca"},
		"no file of authorities":   {ClientConfig{URL: private.URL, CA: ca + "x"}, parley.Invalid, "authorities"},
		"no authority in it":       {ClientConfig{URL: private.URL, CA: "house_test.go"}, parley.Invalid, "no certificate"},
	} {
		if _, err := Dial(t.Context(), c.cfg); parley.KindOf(err) != c.kind || !strings.Contains(parley.SayOf(err), c.say) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c, err := Dial(t.Context(), ClientConfig{URL: private.URL + "/", Token: tokenOfHK, CA: ca})
	must(t, err)
	c.http.CloseIdleConnections()
	// It is given up, too, when it becomes so later.
	c, err = Dial(t.Context(), ClientConfig{URL: h.web.URL, Token: tokenOfHK})
	must(t, err)
	defer c.http.CloseIdleConnections()
	c.token = "revoked"
	if err := transcribe.NewWorker(c, says(""), zap.NewNop()).Run(t.Context(), c.Regions()); !errors.Is(err, parley.Unauthorized) {
		t.Errorf("a worker whose token is revoked: %v", err)
	}
}

func TestWhatTheServerRefuses(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	h.say("hk", "u")
	held := h.claim(h.dial(tokenOfHK), "hk")
	at := "/leases/" + held.lease + "/"
	for name, c := range map[string]struct {
		path, body string
		status     int
	}{
		"another protocol":        {"/claims", `{"protocol":9,"kind":"transcribe","region":"hk"}`, 400},
		"jobs of the server":      {"/claims", `{"protocol":1,"kind":"minutes","region":"hk"}`, 400},
		"no message":              {"/claims", `nonsense`, 400},
		"two messages":            {"/claims", claimBody("hk") + claimBody("hk"), 400},
		"too much":                {"/claims", strings.Repeat(" ", maxRequest) + claimBody("hk"), 413},
		"too long an answer":      {at + "answer", strings.Repeat(" ", maxAnswer+1), 413},
		"words out of order":      {at + "answer", `{"engine":"e","model":"m","words":[{"text":"a","start_ms":9,"end_ms":9},{"text":"b","start_ms":1,"end_ms":9}]}`, 400},
		"words of another hour":   {at + "answer", `{"engine":"e","model":"m","words":[{"text":"a","start_ms":0,"end_ms":3600000}]}`, 400},
		"words with escapes":      {at + "answer", `{"engine":"e","model":"m","words":[{"text":"\u001b[2J","start_ms":0,"end_ms":1}]}`, 400},
		"no engine":               {at + "answer", `{"words":[]}`, 400},
		"a reason there is not":   {at + "failure", `{"reason":"bored"}`, 400},
		"a lease there is not":    {"/leases/x/extension", `{}`, 409},
		"an address there is not": {"/secrets", `{}`, 404},
	} {
		if status := h.post(c.path, tokenOfHK, c.body); status != c.status {
			t.Errorf("%s: %d, want %d", name, status, c.status)
		}
	}
	for _, token := range []string{"", "guess", tokenOfHK + "x"} {
		for _, path := range []string{"/claims", at + "answer", at + "extension", at + "failure", "/secrets"} {
			if status := h.post(path, token, claimBody("hk")); status != http.StatusUnauthorized {
				t.Errorf("the token %q at %s: %d", token, path, status)
			}
		}
	}
	if status := h.post("/claims", tokenOfHK, claimBody("hk")); status != http.StatusNoContent {
		t.Errorf("nothing to do: %d", status)
	}
	must(t, held.Extend(t.Context())) // nothing of that did the task any harm
	if u := h.row("hk", "u"); u.State != parley.Pending || u.Attempts != 0 {
		t.Errorf("%+v", u)
	}
	if _, err := New(nil, []Access{{Name: "a", Token: "short"}}, "", zap.NewNop(), prometheus.NewRegistry()); !errors.Is(err, parley.Invalid) {
		t.Error("a token that can be guessed:", err)
	}
}

func TestNoMoreClaimsWaitThanMay(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	var leave []func() bool
	for range mostWaiting {
		cancel := context.CancelFunc(func() {})
		out, err := h.enter(&cancel)
		must(t, err)
		leave = append(leave, out)
	}
	if status := h.post("/claims", tokenOfHK, claimBody("hk")); status != http.StatusServiceUnavailable {
		t.Errorf("one more: %d", status)
	}
	for _, out := range leave {
		out()
	}
	if status := h.post("/claims", tokenOfHK, claimBody("hk")); status != http.StatusNoContent {
		t.Errorf("when they have gone: %d", status)
	}
}

// TestTheDocumentsExamples decodes the examples of docs/workers.md strictly.
func TestTheDocumentsExamples(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/workers.md")
	must(t, err)
	examples := map[string]string{}
	for _, block := range strings.Split(string(text), "```json ")[1:] {
		name, body, _ := strings.Cut(block, "\n")
		examples[name], _, _ = strings.Cut(body, "```")
	}
	read := func(name string, into any) {
		decoder := json.NewDecoder(strings.NewReader(examples[name]))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(into); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	var (
		hello greeting
		asked claim
		given task
		said  answer
		gave  failure
	)
	read("greeting", &hello)
	read("claim", &asked)
	read("task", &given)
	read("answer", &said)
	read("failure", &gave)
	made, err := given.task(parley.JobTranscribe, "hk")
	if err != nil || made.Spoken["yue"] != 61200*time.Millisecond {
		t.Errorf("%+v, %v", made, err)
	}
	heard, err := said.answer()
	if err != nil || heard.Words[1].Heard != " Norah" {
		t.Errorf("%+v, %v", heard, err)
	}
	if hello.Protocol != Protocol || asked.check() != nil || gave.Reason != reasonEngine {
		t.Errorf("%+v, %+v, %+v", hello, asked, gave)
	}
}

// BenchmarkTask is what carrying a task costs both sides: 100 kB of sound one way, twenty words the other.
func BenchmarkTask(b *testing.B) {
	said := transcribe.Answer{Engine: "e", Model: "m", Lang: "en"}
	for i := range 20 {
		at := time.Duration(i) * 100 * time.Millisecond
		said.Words = append(said.Words, parley.Word{Text: " word", Start: at, End: at + 100*time.Millisecond})
	}
	s, err := New(still{transcribe.Task{
		Kind: parley.JobTranscribe, Region: "hk", Audio: make([]byte, 100_000), Terms: []string{"Nora Lind"},
	}}, []Access{{Name: "near", Token: tokenOfHK, Regions: []parley.Region{"hk"}}}, "", zap.NewNop(), prometheus.NewRegistry())
	if err != nil {
		b.Fatal(err)
	}
	web := httptest.NewServer(s)
	defer web.Close()
	c, err := Dial(b.Context(), ClientConfig{URL: web.URL, Token: tokenOfHK})
	if err != nil {
		b.Fatal(err)
	}
	defer c.http.CloseIdleConnections()
	for b.Loop() {
		held, err := c.Claim(b.Context(), parley.JobTranscribe, "hk")
		if err == nil {
			err = held.Answer(b.Context(), said)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// still always has the same task.
type still struct{ task transcribe.Task }

func (s still) Claim(context.Context, parley.JobKind, parley.Region) (transcribe.Held, error) {
	return s, nil
}
func (s still) Task() transcribe.Task                         { return s.task }
func (still) Extend(context.Context) error                    { return nil }
func (still) Answer(context.Context, transcribe.Answer) error { return nil }
func (still) Fail(context.Context, error) error               { return nil }
