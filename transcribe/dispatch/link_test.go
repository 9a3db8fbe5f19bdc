package dispatch

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/media/pcm"
	"github.com/parley/parley/transcribe"
)

// link is a network between a worker and the server that can be cut: what is under way then disappears, and
// neither side is told.
type link struct {
	listener net.Listener
	target   string
	cut      atomic.Pointer[atomic.Bool] // of the connections that are made now

	tasks sync.WaitGroup
	mu    sync.Mutex // guards everything below
	conns []net.Conn
}

func openLink(t *testing.T, target string) *link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	l := &link{listener: listener, target: target}
	l.cut.Store(&atomic.Bool{})
	l.tasks.Go(l.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		l.mu.Lock()
		for _, c := range l.conns {
			_ = c.Close()
		}
		l.mu.Unlock()
		l.tasks.Wait()
	})
	return l
}

func (l *link) accept() {
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", l.target)
		if err != nil {
			_ = near.Close()
			continue
		}
		l.mu.Lock()
		l.conns = append(l.conns, near, far)
		l.mu.Unlock()
		cut := l.cut.Load()
		l.tasks.Go(func() { carry(far, near, cut) })
		l.tasks.Go(func() { carry(near, far, cut) })
	}
}

// carry copies until cut; then it swallows.
func carry(to io.WriteCloser, from io.Reader, cut *atomic.Bool) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			if !cut.Load() {
				_ = to.Close()
			}
			return
		}
		if !cut.Load() {
			_, _ = to.Write(buffer[:n])
		}
	}
}

// mend lets new connections through; those that were cut stay so.
func (l *link) mend() { l.cut.Store(&atomic.Bool{}) }

// slow hears nothing until it is let.
type slow struct {
	begun, let chan struct{}
	once       sync.Once
}

func (s *slow) Recognize(ctx context.Context, speech pcm.Speech, h transcribe.Hint) (transcribe.Result, error) {
	text := says("after")
	s.once.Do(func() {
		text = "late"
		close(s.begun)
		<-s.let
	})
	return text.Recognize(ctx, speech, h)
}

// TestAWorkerThatIsCutOffLosesNothing cuts it off at work, and mends the network when another has done that.
func TestAWorkerThatIsCutOffLosesNothing(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	l := openLink(t, h.web.Listener.Addr().String())
	c, err := Dial(t.Context(), ClientConfig{URL: "http://" + l.listener.Addr().String(), Token: tokenOfHK})
	must(t, err)
	engine := &slow{begun: make(chan struct{}), let: make(chan struct{})}
	h.work(c, engine)
	h.say("hk", "u")
	<-engine.begun
	l.cut.Load().Store(true)
	h.giveBack(t.Context(), h.leases.take(time.Now().Add(2*leaseTime))) // 20 s pass
	must(t, h.claim(h.dial(tokenOfHK), "hk").Answer(t.Context(), transcribe.Answer{
		Words: []parley.Word{{Text: "right"}}, Engine: "e", Model: "m", Lang: "en",
	}))
	l.mend()
	close(engine.let)
	h.say("hk", "next")
	h.wait("the worker is back", func() bool { return h.row("hk", "next").Text == "after" })
	if u := h.row("hk", "u"); u.Text != "right" || u.Attempts != 1 {
		t.Errorf("%+v", u)
	}
}
