package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/parley/parley/bench"
	"github.com/parley/parley/transcribe"
)

// startServer runs a server for the test, with the fixed token "bench".
func startServer(t *testing.T) *server {
	t.Helper()
	cfg := demoConfig(t.TempDir())
	cfg.Auth.Token, cfg.Transcribe.Engine = "bench", transcribe.EngineNone
	s, err := openServer(t.Context(), cfg, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- errors.Join(s.Run(ctx), s.Close()) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

// command runs one command in this process.
func command(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, err bytes.Buffer
	a := &app{ctx: t.Context(), stdout: &out, stderr: &err, getenv: func(string) string { return "" }}
	code = run(a, args)
	return out.String(), err.String(), code
}

// TestBenchHoldsAMeeting measures a real server by both ways in: everything arrives, and the figures are
// possible.
func TestBenchHoldsAMeeting(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the generator runs on Linux only")
	}
	s := startServer(t)
	for name, c := range map[string]struct {
		args  []string
		seats int
	}{
		"its own protocol": {[]string{"--url", s.baseURL, "--token", "bench"}, 12},
		"WHIP and WHEP": {[]string{
			"--whip", s.baseURL + "/whip/{room}?name={id}", "--whep", s.baseURL + "/whep/{room}?name={id}", "--bearer", "bench",
		}, 12},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"bench", "meeting", "--participants", "3", "--duration", "2s", "--warm", "0s", "--json"}, c.args...)
			stdout, stderr, code := command(t, args...)
			if code != exitDone || stderr != "" {
				t.Fatalf("exit %d: %s", code, stderr)
			}
			var report bench.Report
			decoder := json.NewDecoder(strings.NewReader(stdout))
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(&report); err != nil || decoder.More() {
				t.Fatalf("%v: %s", err, stdout)
			}
			if report.LossPercent != 0 || report.Flows != 12 || report.FlowsWanted != 12 || report.Seats != c.seats || report.Published != 6 {
				t.Errorf("%+v", report)
			}
			// Each of 6 streams to two others: 50 packets of sound a second and at least 30 of pictures.
			if report.PacketsIn < 3*2*80 || report.PacketsOut != 2*report.PacketsIn || report.PacketsOut != report.Expected {
				t.Errorf("%d in, %d out of %d", report.PacketsIn, report.PacketsOut, report.Expected)
			}
			if report.Join.Count != 3 || report.Join.P95 < report.Join.P50 || report.Join.P50 <= 0 || report.ParticipantsWithoutMedia != 0 {
				t.Errorf("joins %+v, %d without media", report.Join, report.ParticipantsWithoutMedia)
			}
			if report.Server == nil || report.Server.CPUPerPacket <= 0 || report.Server.MemoryMiB <= 0 {
				t.Errorf("server %+v: %s", report.Server, report.ServerWhy)
			}
		})
	}
}

// TestBenchChurn has people join and leave a real server, and looks at what it tells of itself.
func TestBenchChurn(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the generator runs on Linux only")
	}
	s := startServer(t)
	private := httptest.NewServer(privateHandler(s.registry, s.sfu))
	defer private.Close()
	args := []string{
		"bench", "churn", "--url", s.baseURL, "--token", "bench", "--participants", "4", "--talkers", "2", "--cameras", "2",
		"--stay", "2s", "--duration", "8s", "--settle", "2s", "--json",
	}
	stdout, stderr, code := command(t, append(args, "--private", private.URL)...)
	var report bench.ChurnReport
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatalf("%v: %s %s", err, stdout, stderr)
	}
	// The server is in this process, beside the generator: its memory says nothing here.
	if report.Failures != 0 || report.Joins < 6 || report.WithoutMedia != 0 || report.LossPercent != 0 || report.Expected == 0 {
		t.Errorf("exit %d: %s\n%s", code, stderr, stdout)
	}
	if report.JoinP50 <= 0 || report.JoinP95 < report.JoinP50 || report.Middle.Joins == 0 || report.End.Joins != report.Joins {
		t.Errorf("joins took %.1f and %.1f ms: %+v, %+v", report.JoinP50, report.JoinP95, report.Middle, report.End)
	}
	if report.Start.Goroutines == 0 || report.End.MemoryMiB <= 0 || report.End.HeapMiB <= 0 || report.End.Connections != 0 {
		t.Errorf("start %+v, end %+v", report.Start, report.End)
	}
	if len(report.Samples) < 4 || report.Samples[2].Connections == 0 {
		t.Errorf("samples %+v", report.Samples)
	}

	stdout, _, _ = command(t, append(args, "--private", "http://127.0.0.1:1", "--duration", "2s", "--settle", "0s")...)
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || !strings.Contains(report.PrivateWhy, "--private") {
		t.Errorf("%v: a listener that is not there: %q", err, report.PrivateWhy)
	}
}

func TestBenchUsage(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"no scenario":              {},
		"an unknown scenario":      {"party"},
		"a size of another":        {"livestream", "--talkers", "3"},
		"half of WHIP and WHEP":    {"meeting", "--whip", "http://127.0.0.1:1/{id}"},
		"an address that is none":  {"meeting", "--url", "here"},
		"a flag that is no number": {"meeting", "--participants", "many"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, code := command(t, append([]string{"bench"}, args...)...)
			if code != exitUsage || stdout != "" || !strings.HasPrefix(stderr, "parley: ") {
				t.Errorf("exit %d, %q, %q", code, stdout, stderr)
			}
		})
	}
	stdout, stderr, code := command(t, "bench", "meeting", "--url", "http://127.0.0.1:1")
	if code != exitFailed || stdout != "" || !strings.Contains(stderr, "refused") {
		t.Errorf("a server that is not there: exit %d, %q, %q", code, stdout, stderr)
	}
}
