package signaling_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/parley/parley"
	"github.com/parley/parley/signaling"
	"github.com/parley/parley/signaling/auth"
)

func TestPing(t *testing.T) {
	t.Parallel()
	t.Run("is answered while the server is busy with what came before", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, nil)
		disk := &stuck{Chats: h.regions[region].Chats, began: make(chan struct{}), free: make(chan struct{})}
		h.regions[region].Chats = disk
		release := sync.OnceFunc(func() { close(disk.free) })
		t.Cleanup(release)
		conn := joinBare(t, h, auth.ScopePublish)
		say(t, conn, "k1", "hello")
		<-disk.began
		ping(t, conn, 7)
		if got := next[signaling.Pong](t, conn); got.Seq != 7 {
			t.Errorf("the answer is %+v", got)
		}
		release()
		if line := next[signaling.Chat](t, conn); line.Text != "hello" {
			t.Errorf("the line is %+v", line)
		}
	})
	t.Run("beyond its limit is refused, and nothing else", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, nil)
		conn := joinBare(t, h, auth.ScopePublish)
		for n := range 40 { // more than may be malformed
			ping(t, conn, n)
		}
		for range 25 { // of 40; the limit lets 10 and one a second
			if got := next[signaling.Error](t, conn); got.Kind != parley.TooLarge || got.Re != signaling.TypePing || got.Fatal {
				t.Errorf("too many pings are answered by %+v", got)
			}
		}
		say(t, conn, "", "still here")
		if line := next[signaling.Chat](t, conn); line.Text != "still here" {
			t.Errorf("the line is %+v", line)
		}
	})
	t.Run("is answered in its turn when it is long", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, nil)
		conn := joinBare(t, h, auth.ScopePublish)
		write(t, conn, `{"type":"ping",`+strings.Repeat(" ", 100)+`"seq":8}`)
		if got := next[signaling.Pong](t, conn); got.Seq != 8 {
			t.Errorf("the answer is %+v", got)
		}
	})
	t.Run("is no way in", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, nil)
		conn := h.dial(h.as("Nora", auth.ScopePublish))
		ping(t, conn, 1)
		if refusal := next[signaling.Error](t, conn); !refusal.Fatal || refusal.Kind != parley.Invalid {
			t.Errorf("it is answered by %+v", refusal)
		}
		wantClose(t, conn, websocket.ClosePolicyViolation)
	})
}

func ping(t *testing.T, conn *websocket.Conn, seq int) {
	t.Helper()
	write(t, conn, fmt.Sprintf(`{"type":"ping","seq":%d}`, seq))
}

// stuck stores its first line once free is closed.
type stuck struct {
	parley.Chats

	began, free chan struct{}
}

// AddChatMessage implements parley.Chats. It is called once here.
func (s *stuck) AddChatMessage(ctx context.Context, m parley.ChatMessage) error {
	close(s.began)
	<-s.free
	return s.Chats.AddChatMessage(ctx, m)
}
