package bench

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

func TestChurnIsJudged(t *testing.T) {
	t.Parallel()
	good := func() ChurnReport {
		return ChurnReport{
			Joins:  2000,
			Middle: Sample{Joins: 1000, MemoryMiB: 60, HeapMiB: 8, Goroutines: 48},
			End:    Sample{Joins: 2000, MemoryMiB: 61, HeapMiB: 8.1, Goroutines: 50},
		}
	}
	for name, c := range map[string]struct {
		change func(out *ChurnReport)
		says   string // "" for nothing
	}{
		"noise":                 {func(*ChurnReport) {}, ""},
		"less than before":      {func(out *ChurnReport) { out.End.MemoryMiB, out.End.HeapMiB = 50, 4 }, ""},
		"what is not known":     {func(out *ChurnReport) { out.Middle, out.End = Sample{Joins: 1000}, Sample{Joins: 2000} }, ""},
		"a metric that stopped": {func(out *ChurnReport) { out.Middle.Goroutines, out.Middle.HeapMiB = 0, 0 }, ""},
		"a failed join":         {func(out *ChurnReport) { out.Failures, out.Failed = 1, []string{"refused"} }, "refused"},
		"silence":               {func(out *ChurnReport) { out.WithoutMedia = 2 }, "2 participants"},
		"losses":                {func(out *ChurnReport) { out.LossPercent = 1.5 }, "lost"},
		"losses of our own":     {func(out *ChurnReport) { out.LossPercent, out.Drops = 1.5, 7 }, ""},
		"connections left":      {func(out *ChurnReport) { out.End.Connections = 3 }, "3 connections"},
		"goroutines":            {func(out *ChurnReport) { out.End.Goroutines = 60 }, "12 goroutines"},
		"heap of 20 peers":      {func(out *ChurnReport) { out.End.HeapMiB += 20 * 150. / 1024 }, "in use"},
		"memory of 60 peers":    {func(out *ChurnReport) { out.End.MemoryMiB += 60 * 150. / 1024 }, "memory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := good()
			c.change(&out)
			out.Growth = grown(out.Middle, out.End)
			says := out.judge(1)
			if c.says == "" && says != "" || !strings.Contains(says, c.says) {
				t.Errorf("says %q, not %q", says, c.says)
			}
		})
	}
}

func TestThePrivateListenerIsLookedAt(t *testing.T) {
	t.Parallel()
	garbage := 0
	pages := http.NewServeMux()
	pages.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("# TYPE go_goroutines gauge\ngo_goroutines 48\ngo_memstats_heap_alloc_bytes 8.388608e+06\nparley_sfu_peers 3\n"))
	})
	pages.HandleFunc("GET /debug/pprof/heap", func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("gc") == "1" {
			garbage++
		}
	})
	server := httptest.NewServer(pages)
	defer server.Close()
	p := openPrivate(t.Context(), server.URL, os.Getpid())
	var s Sample
	p.read(t.Context(), &s)
	if want := (Sample{Goroutines: 48, HeapMiB: 8, Connections: 3}); s != want || p.why != "" {
		t.Errorf("%+v, want %+v; %s", s, want, p.why)
	}
	if p.collect(t.Context()); garbage != 2 {
		t.Errorf("garbage was collected %d times", garbage)
	}
	for address, says := range map[string]string{
		"here": "not an address", server.URL + "/nothing": "no figures", "http://127.0.0.1:1": "no figures",
	} {
		p := openPrivate(t.Context(), address, 0)
		if p.read(t.Context(), &s); !strings.Contains(p.why, says) {
			t.Errorf("%s: %q", address, p.why)
		}
	}
	const nobody = 1 << 22 // no process has such a number
	if p := openPrivate(t.Context(), server.URL, nobody); !strings.Contains(p.why, "belongs to process") {
		t.Errorf("the listener of another process: %q", p.why)
	}
}

func FuzzMetrics(f *testing.F) {
	f.Add([]byte("go_goroutines 48\ngo_memstats_heap_alloc_bytes 8.388608e+06\n"))
	f.Add([]byte("go_goroutines NaN\nprocess_resident_memory_bytes -Inf\nparley_sfu_peers"))
	f.Fuzz(func(_ *testing.T, text []byte) {
		var s Sample
		parseMetrics(bytes.NewReader(text), &s)
	})
}

// TestWhoLeavesIsForgotten: the generator runs as long as the server.
func TestWhoLeavesIsForgotten(t *testing.T) {
	t.Parallel()
	c := newCollector()
	c.window.open(time.Unix(1, 0), time.Hour)
	add := func(subscriber int, seq uint32) {
		s := stamp{publisher: 7, kind: audio, seq: seq, sent: time.Unix(2, 0).UnixNano()}
		c.add(c.flow(subscriber, s), s, 100, s.sent, s.sent)
	}
	for _, seq := range []uint32{3, 4, 6, 7} {
		add(1, seq)
	}
	add(2, 1)
	if expected, received := c.leave(1); expected != 5 || received != 4 {
		t.Errorf("%d of %d arrived", received, expected)
	}
	if len(c.flows) != 1 || len(c.begun) != 1 {
		t.Errorf("%d flows, %d participants are known", len(c.flows), len(c.begun))
	}
	p := &pacer{}
	for _, ended := range []bool{true, false, true} {
		s := newAudio(1, 80, &c.window)
		s.ended.Store(ended)
		p.add(s, 0)
	}
	if p.flush(); len(p.due) != 1 {
		t.Errorf("%d streams are sent", len(p.due))
	}
}
