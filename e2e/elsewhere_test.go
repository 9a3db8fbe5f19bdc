package e2e

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/parley/parley"
)

const workedForFromElsewhere = quickGrace + `transcribe:
  engine: workers
  workers:
    - {name: attic, regions: [local]}
    - {name: cellar, regions: [local]}
`

// workerElsewhere is a parley worker that has nothing of the server but its address and a token.
type workerElsewhere struct {
	t       *testing.T
	process *os.Process
	logged  *bytes.Buffer
	ended   chan struct{}
}

// startElsewhere runs a worker in an empty directory.
func (h *house) startElsewhere(name string) *workerElsewhere {
	h.t.Helper()
	home := h.t.TempDir()
	token, err := os.ReadFile(filepath.Join(h.dir, "data", "keys", "worker-"+name+".token"))
	must(h.t, err)
	file := filepath.Join(home, "token")
	must(h.t, os.WriteFile(file, token, 0o600))
	command := exec.Command(binary, "worker", "--server", h.url, "--token-file", file)
	command.Dir = home
	command.Env = append([]string{"HOME=" + home, "PATH=" + os.Getenv("PATH")}, h.env...)
	w := &workerElsewhere{t: h.t, logged: &bytes.Buffer{}, ended: make(chan struct{})}
	command.Stderr = w.logged
	must(h.t, command.Start())
	w.process = command.Process
	go func() {
		_ = command.Wait() // it is killed, or wantWell says how it is
		close(w.ended)
	}()
	h.t.Cleanup(func() { w.end(syscall.SIGTERM) })
	return w
}

// end ends it by a signal and waits.
func (w *workerElsewhere) end(signal syscall.Signal) {
	_ = w.process.Signal(signal)
	select {
	case <-w.ended:
	case <-time.After(30 * time.Second):
		_ = w.process.Kill()
		<-w.ended
		w.t.Errorf("the worker does not end after %v", signal)
	}
}

// metric reads one number of the server's; 0 where it is not there yet.
func (h *house) metric(name string) float64 {
	h.t.Helper()
	response, err := http.Get(h.private + "/metrics")
	must(h.t, err)
	defer http.DefaultClient.CloseIdleConnections()
	defer func() { _ = response.Body.Close() }()
	var text bytes.Buffer
	_, err = text.ReadFrom(response.Body)
	must(h.t, err)
	found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindSubmatch(text.Bytes())
	if found == nil {
		return 0
	}
	number, err := strconv.ParseFloat(string(found[1]), 64)
	must(h.t, err)
	return number
}

func (h *house) outcomes(worker, outcome string) float64 {
	return h.metric(`parley_dispatch_tasks_total{outcome="` + outcome + `",worker="` + worker + `"}`)
}

// TestWorkersOnOtherMachinesMakeTheWords has two, and a server that makes none. The server is killed while
// they wait, one of them while it works.
func TestWorkersOnOtherMachinesMakeTheWords(t *testing.T) {
	t.Parallel()
	needEngine(t)
	h := openHouse(t, workedForFromElsewhere)
	attic, cellar := h.startElsewhere("attic"), h.startElsewhere("cellar")
	wait := func(what string) {
		h.await(what, func() bool { return h.metric("parley_dispatch_waiting") == 4 })
	}
	wait("both wait")
	h.stop(syscall.SIGKILL)
	h.start()
	wait("both wait again")

	id := h.create(`{"title":"Worked for from elsewhere"}`)
	reader := h.token(id, "reader", "host")
	victor := h.join(id, "Victor Hale", parley.Granted, "")
	sentence, enough, talked := sample(t, "02-victor-hale.ogg"), make(chan struct{}), make(chan struct{})
	go func() { // one sentence after the other, each to its end
		defer close(talked)
		for victor.Play(t.Context(), slices.Values(sentence)) == nil {
			select {
			case <-enough:
				return
			case <-time.After(time.Second):
			}
		}
	}()
	shutUp := sync.OnceFunc(func() {
		close(enough)
		<-talked
	})
	defer shutUp()
	h.await("both have heard something", func() bool {
		return h.outcomes("attic", "answered") > 0 && h.outcomes("cellar", "answered") > 0
	})
	cellar.end(syscall.SIGTERM) // so that every task is the other's
	h.await("it is at work", func() bool {
		if h.metric("parley_dispatch_leases") == 0 {
			return false
		}
		_ = attic.process.Signal(syscall.SIGSTOP)
		time.Sleep(100 * time.Millisecond) // an answer that was on its way arrives
		if h.metric("parley_dispatch_leases") > 0 {
			return true
		}
		_ = attic.process.Signal(syscall.SIGCONT)
		return false
	})
	attic.end(syscall.SIGKILL)
	cellar = h.startElsewhere("cellar")
	shutUp()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	must(t, victor.End(ctx))
	r := h.finished(id, reader)
	for _, u := range r.Utterances {
		if u.State != parley.Recognized || !strings.Contains(strings.ToLower(u.Text), "friday") {
			t.Errorf("%s from %d to %d ms: %q", u.State, u.StartMS, u.EndMS, u.Text)
		}
	}
	if n := h.metric("parley_transcribe_recognized_total"); int(n) != len(r.Utterances) {
		t.Errorf("the server counts %v recognized of %d", n, len(r.Utterances))
	}
	if n := h.outcomes("attic", "silent"); n < 1 || h.outcomes("cellar", "answered") < 2 {
		t.Errorf("%v tasks of the killed worker were given back", n)
	}
	cellar.end(syscall.SIGTERM)
	h.stop(syscall.SIGTERM)
	for _, log := range []*bytes.Buffer{h.logged, attic.logged, cellar.logged} {
		if strings.Contains(strings.ToLower(log.String()), "friday") || strings.Contains(log.String(), "Victor") {
			t.Errorf("words or names in a log: %s", log)
		}
	}
}

// TestAWorkerElsewhereThatCannotWorkSaysWhy tries what an operator may get wrong.
func TestAWorkerElsewhereThatCannotWorkSaysWhy(t *testing.T) {
	t.Parallel()
	needEngine(t)
	h := openHouse(t, twoRegions+"transcribe:\n  workers:\n    - {name: attic, regions: [there]}\n")
	closed := openHouse(t, "")
	good := filepath.Join(h.dir, "data", "keys", "worker-attic.token")
	guess := filepath.Join(t.TempDir(), "guess")
	must(t, os.WriteFile(guess, []byte("a token nobody was given\n"), 0o600))
	for _, c := range []struct {
		say  string
		args []string
	}{
		{"does not know the token", []string{"--server", h.url, "--token-file", guess}},
		{"--token-file", []string{"--server", h.url}},
		{"cannot be read", []string{"--server", h.url, "--token-file", guess + "x"}},
		{"not for region", []string{"--server", h.url, "--token-file", good, "--region", "here"}},
		{"transcribe.workers", []string{"--server", closed.url, "--token-file", good}},
		{"--plain", []string{"--server", "http://meet.example.org", "--token-file", good}},
		{"go with --server", []string{"--token-file", good}},
	} {
		if _, stderr, code := run(t, append([]string{"worker"}, c.args...)...); code != 2 || !strings.Contains(stderr, c.say) {
			t.Errorf("%v: exit code %d, %s", c.args, code, stderr)
		}
	}
	token, err := os.ReadFile(good)
	must(t, err)
	for _, c := range []struct {
		region, token string
		status        int
	}{
		{"there", string(token), http.StatusNoContent},
		{"here", string(token), http.StatusForbidden},
		{"there", "a token nobody was given", http.StatusUnauthorized},
		{"there", h.token(h.create(`{"region":"there"}`), "program", "host"), http.StatusUnauthorized}, // which opens other doors
	} {
		body := strings.NewReader(`{"protocol":1,"kind":"transcribe","region":"` + c.region + `","wait_ms":1}`)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+"/api/v1/worker/claims", body)
		must(t, err)
		request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(c.token))
		response, err := http.DefaultClient.Do(request)
		must(t, err)
		must(t, response.Body.Close())
		if response.StatusCode != c.status {
			t.Errorf("a claim for %s: %d, want %d", c.region, response.StatusCode, c.status)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	if _, stderr, code := run(t, "worker", "--server", "http://"+freePort(t), "--token-file", good); code != 1 || !strings.Contains(stderr, "does not answer") {
		t.Errorf("nobody there: exit code %d, %s", code, stderr)
	}
	wrong := prepareHouse(t, "transcribe:\n  workers:\n    - {name: attic, regions: [moon]}\n")
	if _, stderr, code := run(t, "serve", "--config", wrong.config); code != 2 || !strings.Contains(stderr, "transcribe.workers[0].regions") {
		t.Errorf("a region that is not there: exit code %d, %s", code, stderr)
	}
}

// TestAPassOutlivesTheQueue has a meeting heard again, and loses the queue before anybody could.
func TestAPassOutlivesTheQueue(t *testing.T) {
	t.Parallel()
	needEngine(t)
	h := openHouse(t, workedForFromElsewhere)
	id := h.create(`{}`)
	reader := h.token(id, "reader", "host")
	victor := h.join(id, "Victor Hale", parley.Granted, "")
	must(t, victor.Play(t.Context(), slices.Values(sample(t, "02-victor-hale.ogg"))))
	worker := h.startElsewhere("attic")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	must(t, victor.End(ctx))
	first := h.finished(id, reader)
	worker.end(syscall.SIGTERM)

	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+"/api/v1/records/"+string(id)+"/passes",
		strings.NewReader(`{"language":"en"}`))
	must(t, err)
	request.Header.Set("Authorization", "Bearer "+reader)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	must(t, err)
	must(t, response.Body.Close())
	http.DefaultClient.CloseIdleConnections()
	if response.StatusCode != http.StatusAccepted {
		t.Fatalf("hear again: %d", response.StatusCode)
	}
	h.stop(syscall.SIGKILL)
	must(t, os.RemoveAll(filepath.Join(h.dir, "data", "bus")))
	h.start()
	h.startElsewhere("attic")
	for _, u := range first.Utterances {
		var versions []struct {
			Pass int `json:"pass"`
		}
		h.await("it is heard again", func() bool {
			h.get("/api/v1/records/"+string(id)+"/utterances/"+string(u.ID)+"/versions", reader, &versions)
			return len(versions) == 2
		})
		if versions[1].Pass != 1 {
			t.Errorf("%+v", versions)
		}
	}
	if again := h.record(id, reader); len(first.Utterances) == 0 || !strings.Contains(strings.ToLower(textOf(again)), "friday") {
		t.Errorf("%q", textOf(again))
	}
}
