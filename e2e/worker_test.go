package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/parley/parley"
)

// startWorker runs a worker beside the house; the returned function ends it by a signal.
func (h *house) startWorker(args ...string) (stop func(syscall.Signal)) {
	h.t.Helper()
	command := exec.Command(binary, append([]string{"worker", "--config", h.config}, args...)...)
	command.Env = append(os.Environ(), h.env...)
	logged := &bytes.Buffer{}
	command.Stderr = logged
	must(h.t, command.Start())
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	stopped := false
	stop = func(signal syscall.Signal) {
		if stopped {
			return
		}
		stopped = true
		_ = command.Process.Signal(signal)
		select {
		case err := <-ended:
			if err != nil && signal != syscall.SIGKILL {
				h.t.Errorf("the worker ends with %v: %s", err, logged)
			}
		case <-time.After(30 * time.Second):
			_ = command.Process.Kill()
			h.t.Errorf("the worker does not end after %v", signal)
		}
	}
	h.t.Cleanup(func() { stop(syscall.SIGTERM) })
	return stop
}

// TestWorkersMakeTheWords has a server without an engine; its first worker is killed at work.
func TestWorkersMakeTheWords(t *testing.T) {
	t.Parallel()
	needEngine(t)
	h := openHouse(t, quickGrace+fmt.Sprintf("bus:\n  listen: %s\ntranscribe:\n  engine: workers\n", freePort(t)))
	id := h.create(`{"title":"Worked for"}`)
	reader := h.token(id, "reader", "host")
	victor := h.join(id, "Victor Hale", parley.Granted, "")
	if status := victor.Status(); !status.Words {
		t.Errorf("the room says that nobody makes words: %+v", status)
	}
	must(t, victor.Play(t.Context(), endlessFor(sample(t, "02-victor-hale.ogg"), 8*time.Second)))
	h.await("something was said", func() bool { return len(h.record(id, reader).Utterances) >= 1 })
	if text := textOf(h.record(id, reader)); len(text) > 0 && bytes.ContainsAny([]byte(text), "abcdefghijklmnopqrstuvwxyz") {
		t.Fatalf("words without a worker: %q", text)
	}
	kill := h.startWorker("--region", "local")
	h.await("the worker has its engine", func() bool { return pending(h.record(id, reader)) < len(h.record(id, reader).Utterances) })
	kill(syscall.SIGKILL)
	must(t, victor.Play(t.Context(), endlessFor(sample(t, "02-victor-hale.ogg"), 8*time.Second)))
	h.startWorker()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	must(t, victor.End(ctx))
	r := h.finished(id, reader)
	if n := pending(r); n != 0 {
		t.Errorf("%d utterances have no words", n)
	}
	if !bytes.Contains(bytes.ToLower([]byte(textOf(r))), []byte("friday")) {
		t.Errorf("the words are not there: %q", textOf(r))
	}
	if h.get("/api/v1/session", "", nil) != http.StatusOK {
		t.Error("the server is not well")
	}
}

func pending(r record) int {
	n := 0
	for _, u := range r.Utterances {
		if u.State == parley.Pending {
			n++
		}
	}
	return n
}

// TestAWorkerThatCannotWorkSaysWhy tries what an operator may get wrong.
func TestAWorkerThatCannotWorkSaysWhy(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	for extra, say := range map[string]string{
		"":                                     "bus.listen",
		"bus:\n  listen: " + port + "\n":       "start the server first",
		"bus:\n  url: nats://" + port + "\n":   "does not answer",
		"bus:\n  url: http://127.0.0.1:4222\n": "bus.url",
	} {
		h := prepareHouse(t, extra)
		if _, stderr, code := run(t, "worker", "--config", h.config); code == 0 || !bytes.Contains([]byte(stderr), []byte(say)) {
			t.Errorf("%q: exit code %d, %s", extra, code, stderr)
		}
	}
	h := prepareHouse(t, "")
	if _, stderr, code := run(t, "worker", "--config", h.config, "--region", "moon"); code != 2 || !bytes.Contains([]byte(stderr), []byte("moon")) {
		t.Errorf("a region that is not there: exit code %d, %s", code, stderr)
	}
}
