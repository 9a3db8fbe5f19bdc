package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// private is the server's private listener: metrics, and profiles that begin with a garbage collection.
type private struct {
	base *url.URL // nil when it cannot be used
	why  string   // then
}

// openPrivate looks whether the listener is there, and of the process that is measured.
func openPrivate(ctx context.Context, address string, pid int) *private {
	base, err := url.Parse(address)
	if err != nil || base.Host == "" {
		return &private{why: fmt.Sprintf("%q is not an address", address)}
	}
	if other, _ := findServer(ctx, address); pid != 0 && other != 0 && other != pid {
		return &private{why: fmt.Sprintf("%s belongs to process %d, not to the server; name it with --private", address, other)}
	}
	p := &private{base: base}
	var s Sample
	if p.read(ctx, &s); s.Goroutines == 0 {
		return &private{why: fmt.Sprintf("%s tells no figures; name the private listener with --private", address)}
	}
	return p
}

// collect makes the server collect garbage, twice: what a pool holds is dropped by the second.
func (p *private) collect(ctx context.Context) {
	for range 2 {
		_ = p.get(ctx, "debug/pprof/heap?gc=1", func(io.Reader) {}) // without it the figures are higher
	}
}

// read fills in what the metrics tell; zeroes where they cannot be had.
func (p *private) read(ctx context.Context, s *Sample) {
	_ = p.get(ctx, "metrics", func(body io.Reader) { parseMetrics(body, s) })
}

// parseMetrics reads the text format of Prometheus.
func parseMetrics(body io.Reader, s *Sample) {
	lines := bufio.NewScanner(body)
	for lines.Scan() {
		name, text, _ := strings.Cut(lines.Text(), " ")
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			continue
		}
		const mib = 1 << 20
		switch name {
		case "go_goroutines":
			s.Goroutines = int(value)
		case "go_memstats_heap_alloc_bytes":
			s.HeapMiB = value / mib
		case "process_resident_memory_bytes":
			s.MemoryMiB = value / mib
		case "parley_sfu_peers":
			s.Connections = int(value)
		}
	}
}

// get reads a page; the body is read to its end.
func (p *private) get(ctx context.Context, page string, read func(io.Reader)) error {
	if p.base == nil {
		return nil
	}
	const patience = 10 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	address := p.base.JoinPath("/").String() + page
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("ask the private listener: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("ask the private listener: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode == http.StatusOK {
		read(response.Body)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err //nolint:wrapcheck // of no interest: the next page is asked for anew
}
