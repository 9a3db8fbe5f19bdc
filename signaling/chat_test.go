package signaling_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/parley/parley"
	"github.com/parley/parley/signaling"
	"github.com/parley/parley/signaling/auth"
	"github.com/parley/parley/signaling/client"
)

// TestChatLinesSurviveACut: what a sender sends again until it is confirmed is seen by everybody, once, in order.
func TestChatLinesSurviveACut(t *testing.T) {
	t.Parallel()
	t.Run("that the server has, and did not get to confirm", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, nil)
		read := h.witness()
		cfg := h.as("Bare", auth.ScopePublish)
		first := h.dial(cfg)
		resume := enterBare(t, first, "").Resume
		say(t, first, "k1", "one")
		shown := read(t)
		_ = first.NetConn().Close() // nothing of the confirmation was read

		again := h.dial(cfg)
		enterBare(t, again, resume)
		say(t, again, "k1", "one")
		if line := next[signaling.Chat](t, again); line.Key != "k1" || line.ID != shown.ID || line.AtMS != shown.AtMS {
			t.Errorf("confirmed as %+v, shown as %+v", line, shown)
		}
		say(t, again, "k2", "two")
		if line := read(t); line.Text != "two" {
			t.Errorf("the others see %q again", line.Text)
		}
		h.wantKept("one", "two")
	})
	t.Run("that never reached the server", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, nil)
		read := h.witness()
		cfg := h.as("Bare", auth.ScopePublish)
		conn, cut := h.dialCut(cfg)
		resume := enterBare(t, conn, "").Resume
		cut.Store(true) // the network is gone, and the socket does not know
		say(t, conn, "k1", "one")
		say(t, conn, "k2", "two")
		_ = conn.NetConn().Close()

		again := h.dial(cfg)
		enterBare(t, again, resume)
		for _, text := range []string{"one", "two"} {
			say(t, again, map[string]string{"one": "k1", "two": "k2"}[text], text)
			if mine, theirs := next[signaling.Chat](t, again), read(t); mine.ID != theirs.ID || theirs.Text != text {
				t.Errorf("confirmed as %+v, shown as %+v", mine, theirs)
			}
		}
		h.wantKept("one", "two")
	})
	t.Run("some of which reached it, in order", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, nil)
		read := h.witness()
		cfg := h.as("Bare", auth.ScopePublish)
		conn, cut := h.dialCut(cfg)
		resume := enterBare(t, conn, "").Resume
		var texts []string
		for i := range 6 {
			cut.Store(i > 2)
			texts = append(texts, fmt.Sprintf("line %d", i))
			say(t, conn, fmt.Sprintf("k%d", i), texts[i])
		}
		_ = conn.NetConn().Close()
		again := h.dial(cfg)
		enterBare(t, again, resume)
		for i, text := range texts {
			say(t, again, fmt.Sprintf("k%d", i), text)
		}
		for i, text := range texts {
			if line := read(t); line.Text != text {
				t.Errorf("the others see %q as number %d", line.Text, i)
			}
			if line := next[signaling.Chat](t, again); line.Key != fmt.Sprintf("k%d", i) {
				t.Errorf("number %d is confirmed as %q", i, line.Key)
			}
		}
		h.wantKept(texts...)
	})
	t.Run("across a restart, behind more lines than a room remembers", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, nil)
		read := h.witness()
		cfg := h.as("Bare", auth.ScopePublish)
		conn := h.dial(cfg)
		me := enterBare(t, conn, "")
		say(t, conn, "k1", "one")
		shown := read(t)
		h.stop()
		texts := []string{"one"}
		for i := range 250 {
			texts = append(texts, fmt.Sprintf("meanwhile %d", i))
			if err := h.regions[region].Chats.AddChatMessage(t.Context(), parley.ChatMessage{
				ID: fmt.Sprintf("m%03d", i), Meeting: meeting, Participant: "p", Text: texts[i+1],
				At: time.Duration(shown.AtMS+int64(i)+1) * time.Millisecond,
			}); err != nil {
				t.Fatal(err)
			}
		}
		h.open()
		read = h.witness()
		again := h.dial(cfg)
		if joined := enterBare(t, again, me.Resume); joined.You != me.You || len(joined.Chat) != 200 {
			t.Fatalf("came back as %s, was %s, to %d lines", joined.You, me.You, len(joined.Chat))
		}
		say(t, again, "k1", "one")
		if line := next[signaling.Chat](t, again); line.Key != "k1" || line.ID != shown.ID {
			t.Errorf("confirmed as %+v, shown as %+v", line, shown)
		}
		say(t, again, "k2", "two")
		if line := read(t); line.Text != "two" {
			t.Errorf("the others see %q again", line.Text)
		}
		h.wantKept(append(texts, "two")...)
	})
	t.Run("that is stored though the catalog said it was not", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, nil)
		h.regions[region].Chats = &doubtful{Chats: h.regions[region].Chats}
		read := h.witness()
		conn := joinBare(t, h, auth.ScopePublish)
		say(t, conn, "k1", "one")
		if got := next[signaling.Error](t, conn); got.Kind != parley.Internal || got.Key != "k1" || got.RetryMS != 0 {
			t.Errorf("the answer is %+v", got)
		}
		for range 2 {
			say(t, conn, "k1", "one")
			if line := next[signaling.Chat](t, conn); line.Key != "k1" {
				t.Errorf("confirmed as %+v", line)
			}
		}
		say(t, conn, "k2", "two")
		if one, two := read(t), read(t); one.Text != "one" || two.Text != "two" {
			t.Errorf("the others see %q and %q", one.Text, two.Text)
		}
	})
}

func TestChatKeys(t *testing.T) {
	t.Parallel()
	t.Run("a line that comes twice is shown once", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, nil)
		read := h.witness()
		conn := joinBare(t, h, auth.ScopePublish)
		say(t, conn, "k1", "one")
		say(t, conn, "k1", " one\n")
		say(t, conn, "k2", "two")
		first, second := next[signaling.Chat](t, conn), next[signaling.Chat](t, conn)
		if *first != *second || first.Key != "k1" {
			t.Errorf("confirmed as %+v and %+v", first, second)
		}
		if one, two := read(t), read(t); one.ID != first.ID || two.Text != "two" {
			t.Errorf("the others see %+v and %+v", one, two)
		}
		h.wantKept("one", "two")
	})
	t.Run("without one every line is new", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, nil)
		read := h.witness()
		conn := joinBare(t, h, auth.ScopePublish)
		for range 2 {
			say(t, conn, "", "same")
		}
		first, second := next[signaling.Chat](t, conn), next[signaling.Chat](t, conn)
		if first.ID == second.ID || first.Key != "" || second.Key != "" {
			t.Errorf("shown as %+v and %+v", first, second)
		}
		if one, two := read(t), read(t); one.ID != first.ID || two.ID != second.ID {
			t.Errorf("the others see %+v and %+v", one, two)
		}
	})
	t.Run("are the sender's own, and told to nobody else", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, nil)
		nora, victor := joinBare(t, h, auth.ScopePublish), joinBare(t, h, auth.ScopePublish)
		say(t, nora, "k", "from Nora")
		if mine, theirs := next[signaling.Chat](t, nora), next[signaling.Chat](t, victor); mine.Key != "k" || theirs.Key != "" {
			t.Errorf("Nora gets %+v, Victor %+v", mine, theirs)
		}
		say(t, victor, "k", "from Victor")
		if line := next[signaling.Chat](t, nora); line.Key != "" || line.Text != "from Victor" {
			t.Errorf("Nora gets %+v", line)
		}
	})
	t.Run("name one text", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, nil)
		conn := joinBare(t, h, auth.ScopePublish)
		say(t, conn, "k", "one")
		next[signaling.Chat](t, conn)
		say(t, conn, "k", "two")
		if got := next[signaling.Error](t, conn); got.Kind != parley.Conflict || got.Key != "k" || got.RetryMS != 0 || got.Fatal {
			t.Errorf("another text under the same key is answered by %+v", got)
		}
		h.wantKept("one")
	})
	t.Run("that are bad are refused, and the line goes nowhere", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, nil)
		conn := joinBare(t, h, auth.ScopePublish)
		for key, kind := range map[string]parley.Kind{
			strings.Repeat("k", 65): parley.TooLarge, "a/b": parley.Invalid, "鑰匙": parley.Invalid, `\u0000`: parley.Invalid,
		} {
			say(t, conn, key, "x")
			if got := next[signaling.Error](t, conn); got.Kind != kind || got.Re != signaling.TypeChat || got.Key != "" || got.Fatal {
				t.Errorf("the key %q is answered by %+v", key, got)
			}
		}
		say(t, conn, strings.Repeat("k", 64), "y")
		next[signaling.Chat](t, conn)
		h.wantKept("y")
	})
	t.Run("tell which line was refused", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, nil)
		conn := joinBare(t, h, auth.ScopePublish)
		say(t, conn, "long", strings.Repeat("字", 4001))
		if got := next[signaling.Error](t, conn); got.Kind != parley.TooLarge || got.Key != "long" || got.RetryMS != 0 {
			t.Errorf("a line that is too long is answered by %+v", got)
		}
		viewer := joinBare(t, h, auth.ScopeView)
		say(t, viewer, "v", "x")
		if got := next[signaling.Error](t, viewer); got.Kind != parley.Forbidden || got.Key != "v" || got.RetryMS != 0 {
			t.Errorf("a viewer's line is answered by %+v", got)
		}
	})
	t.Run("do not pass the limit, and say when to come again", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, nil)
		conn := joinBare(t, h, auth.ScopePublish)
		for range 12 {
			say(t, conn, "k", "the same line")
		}
		got := next[signaling.Error](t, conn)
		if got.Kind != parley.TooLarge || got.Key != "k" || got.RetryMS != 1000 || got.Fatal {
			t.Errorf("flooding the chat is answered by %+v", got)
		}
		h.wantKept("the same line")
	})
}

// witness joins, and returns what reads the next chat line that somebody else sees.
func (h *house) witness() func(t *testing.T) *signaling.Chat {
	h.t.Helper()
	conn := joinBare(h.t, h, auth.ScopePublish)
	return func(t *testing.T) *signaling.Chat {
		t.Helper()
		line := next[signaling.Chat](t, conn)
		if line.Key != "" {
			t.Errorf("somebody else is told the key of %+v", line)
		}
		return line
	}
}

// wantKept requires that the catalog has these lines, in this order.
func (h *house) wantKept(texts ...string) {
	h.t.Helper()
	lines, err := h.regions[region].Chats.ChatMessages(h.t.Context(), meeting)
	if err != nil {
		h.t.Fatal(err)
	}
	kept := []string{}
	for _, line := range lines {
		kept = append(kept, line.Text)
	}
	if strings.Join(kept, "|") != strings.Join(texts, "|") {
		h.t.Errorf("kept are %q, want %q", kept, texts)
	}
}

// dialCut is dial over a connection that swallows what is sent while cut is true.
func (h *house) dialCut(cfg client.Config) (*websocket.Conn, *atomic.Bool) {
	h.t.Helper()
	cut := &atomic.Bool{}
	dialer := &websocket.Dialer{NetDialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return &severed{conn, cut}, err
	}}
	return h.dialBy(dialer, cfg), cut
}

type severed struct {
	net.Conn

	cut *atomic.Bool
}

func (s *severed) Write(p []byte) (int, error) {
	if s.cut.Load() {
		return len(p), nil
	}
	return s.Conn.Write(p)
}

// doubtful stores its first line and says that it did not.
type doubtful struct {
	parley.Chats

	told bool
}

// AddChatMessage implements parley.Chats. One session writes at a time here.
func (d *doubtful) AddChatMessage(ctx context.Context, m parley.ChatMessage) error {
	err := d.Chats.AddChatMessage(ctx, m)
	if !d.told {
		d.told = true
		return errors.Join(err, errors.New("the disk did not answer"))
	}
	return err
}

// say writes a line of chat; key may hold escapes of JSON.
func say(t *testing.T, conn *websocket.Conn, key, text string) {
	t.Helper()
	text = strings.ReplaceAll(text, "\n", `\n`)
	if key == "" {
		write(t, conn, `{"type":"chat","text":"`+text+`"}`)
		return
	}
	write(t, conn, `{"type":"chat","key":"`+key+`","text":"`+text+`"}`)
}
