package bus_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/parley/parley"
	"github.com/parley/parley/bus"
)

// submitterVariable makes the test binary the process that TestKilledSubmitter kills.
const submitterVariable = "PARLEY_TEST_SUBMITTER"

func TestMain(m *testing.M) {
	if directory := os.Getenv(submitterVariable); directory != "" {
		submitForEver(directory)
	}
	goleak.VerifyTestMain(m)
}

func mustOpen(t *testing.T, directory string) *bus.Bus {
	t.Helper()
	b, err := bus.Open(bus.Config{Directory: directory}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func job(id string) parley.Job {
	return parley.Job{ID: id, Kind: parley.JobTranscribe, Region: "hk", Meeting: "m", Utterance: "u"}
}

func mustClaim(t *testing.T, b *bus.Bus) parley.Lease {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	lease, err := b.Claim(ctx, parley.JobTranscribe, "hk")
	if err != nil {
		t.Fatal(err)
	}
	return lease
}

// wantNothing checks that no job is to be had in a region for a moment.
func wantNothing(t *testing.T, b *bus.Bus, in parley.Region) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if lease, err := b.Claim(ctx, parley.JobTranscribe, in); err == nil {
		t.Errorf("claimed %+v", lease.Job())
	} else if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestJobs(t *testing.T) {
	t.Parallel()
	b := mustOpen(t, t.TempDir())
	for range 2 { // the second is a duplicate
		if err := b.Submit(t.Context(), job("a")); err != nil {
			t.Fatal(err)
		}
	}
	wantNothing(t, b, "eu")
	lease := mustClaim(t, b)
	if lease.Job() != job("a") {
		t.Errorf("claimed %+v", lease.Job())
	}
	if err := errors.Join(lease.Extend(t.Context()), lease.Fail(t.Context())); err != nil {
		t.Fatal(err)
	}
	lease = mustClaim(t, b) // given back
	if err := lease.Done(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantNothing(t, b, "hk")
}

func TestEventsAreNumberedPerMeeting(t *testing.T) {
	t.Parallel()
	b := mustOpen(t, t.TempDir())
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	events := b.Subscribe(ctx, "m")
	b.Publish(parley.Event{Kind: parley.EventUtterance, Meeting: "other", Utterance: "x"})
	for i := range 3 {
		b.Publish(parley.Event{Kind: parley.EventUtterance, Meeting: "m", Utterance: parley.UtteranceID(fmt.Sprint(i))})
	}
	want := uint64(1)
	for e := range events {
		if e.Seq != want || e.Meeting != "m" || e.Utterance != parley.UtteranceID(fmt.Sprint(want-1)) {
			t.Fatalf("event %d is %+v", want, e)
		}
		if want++; want == 4 {
			return
		}
	}
	t.Fatal("events ended early")
}

func TestUnusableDirectoryIsNamed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := bus.Open(bus.Config{Directory: filepath.Join(file, "bus")}, zap.NewNop()); !errors.Is(err, parley.Unavailable) {
		t.Errorf("got %v", err)
	}
}

// TestKilledSubmitter kills a process that submits: what it acknowledged is in the queue.
func TestKilledSubmitter(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	submitter := exec.Command(os.Args[0])
	submitter.Env = append(os.Environ(), submitterVariable+"="+directory)
	out, err := submitter.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := submitter.Start(); err != nil {
		t.Fatal(err)
	}
	acknowledged := 0
	for lines := bufio.NewScanner(out); lines.Scan(); acknowledged++ {
		if acknowledged == 20 {
			_ = submitter.Process.Kill()
		}
	}
	_ = submitter.Wait() // killed
	b := mustOpen(t, directory)
	for range acknowledged {
		if err := mustClaim(t, b).Done(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func submitForEver(directory string) {
	b, err := bus.Open(bus.Config{Directory: directory}, zap.NewNop())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for i := 0; ; i++ {
		if b.Submit(context.Background(), job(fmt.Sprint(i))) != nil {
			os.Exit(1)
		}
		fmt.Println(i)
	}
}

func TestAWorkerElsewhere(t *testing.T) {
	t.Parallel()
	b, err := bus.Open(bus.Config{Directory: t.TempDir(), Listen: "127.0.0.1:0", Token: "secret"}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	for _, token := range []string{"", "guess"} {
		if _, err := bus.Connect(b.URL(), token, zap.NewNop()); !errors.Is(err, parley.Unavailable) {
			t.Errorf("the token %q: %v", token, err)
		}
	}
	elsewhere, err := bus.Connect(b.URL(), "secret", zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = elsewhere.Close() })
	if err := b.Submit(t.Context(), job("a")); err != nil {
		t.Fatal(err)
	}
	wantNothing(t, elsewhere, "eu")
	lease := mustClaim(t, elsewhere)
	if lease.Job() != job("a") {
		t.Errorf("claimed %+v", lease.Job())
	}
	wantNothing(t, b, "hk") // it is being worked on
	if err := lease.Done(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	events := b.Subscribe(ctx, "m")
	elsewhere.Publish(parley.Event{Kind: parley.EventUtterance, Meeting: "m", Utterance: "u"})
	for e := range events {
		if e.Utterance != "u" || e.Seq != 1 || e.Origin == "" {
			t.Errorf("heard %+v", e)
		}
		return
	}
	t.Error("no event came")
}

func TestABusThatListensNeedsAToken(t *testing.T) {
	t.Parallel()
	if _, err := bus.Open(bus.Config{Directory: t.TempDir(), Listen: "127.0.0.1:0"}, zap.NewNop()); !errors.Is(err, parley.Invalid) {
		t.Error(err)
	}
}
