package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
)

// progress draws a bar on a terminal while something takes long; elsewhere it is silent. It is safe
// for concurrent use.
type progress struct {
	mu    sync.Mutex // guards everything below
	w     io.Writer  // or nil: nobody watches
	what  string
	total int64
	shown int // percent; -1 before the first
}

// newProgress begins a bar for total units of work; total 0 means unknown.
func newProgress(w io.Writer, what string, total int64) *progress {
	p := &progress{what: what, total: total, shown: -1}
	if isTerminal(w) {
		p.w = w
	}
	return p
}

// isTerminal reports whether a person reads what is written to w.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// reach says how much is done.
func (p *progress) reach(done int64) { p.reachOf(done, p.total) }

// reachOf says how much is done of a total that may only now be known.
func (p *progress) reachOf(done, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w == nil || total <= 0 {
		return
	}
	percent := int(min(100, 100*done/total))
	if percent == p.shown {
		return
	}
	p.shown = percent
	_, _ = io.WriteString(p.w, "\r"+bar(p.what, percent)) // a bar nobody sees does no harm
}

// end wipes the bar.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w != nil && p.shown >= 0 {
		_, _ = io.WriteString(p.w, "\r\x1b[K")
	}
	p.w = nil
}

func bar(what string, percent int) string {
	const width = 30
	full := width * percent / 100
	return fmt.Sprintf("[%s%s] %3d %%  %s", strings.Repeat("#", full), strings.Repeat(".", width-full), percent, what)
}
