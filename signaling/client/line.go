package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/parley/parley"
	"github.com/parley/parley/signaling"
	"github.com/parley/parley/signaling/problem"
)

const (
	writeTimeout = 5 * time.Second
	// maxMessage bounds what a server may send: a joined with a long chat, in bytes.
	maxMessage = 8 << 20
)

// line is one WebSocket.
type line struct {
	conn *websocket.Conn
	done chan struct{} // closed when read has ended

	last signaling.Message // the last words, or nil; valid after done

	writing sync.Mutex // serializes writes to conn
}

// dial opens the WebSocket of a meeting.
func dial(ctx context.Context, cfg Config) (*line, error) {
	address, err := url.Parse(cfg.URL)
	if err != nil || address.Host == "" {
		return nil, &parley.Error{Op: "connect", Kind: parley.Invalid, Say: fmt.Sprintf("%q is not an address", cfg.URL)}
	}
	address.Scheme = map[string]string{"https": "wss"}[address.Scheme]
	if address.Scheme == "" {
		address.Scheme = "ws"
	}
	address = address.JoinPath("api/v1/meetings", string(cfg.Meeting), "socket")
	header := http.Header{}
	if cfg.Token != "" {
		header.Set("Authorization", "Bearer "+cfg.Token)
	}
	conn, response, err := websocket.DefaultDialer.DialContext(ctx, address.String(), header)
	if response != nil {
		defer response.Body.Close()
		if err != nil {
			return nil, problem.Read("connect", response)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	conn.SetReadLimit(maxMessage)
	return &line{conn: conn, done: make(chan struct{})}, nil
}

// join sends the first message and waits for its answer.
func (l *line) join(ctx context.Context, message signaling.Join) (*signaling.Joined, error) {
	unhook := context.AfterFunc(ctx, func() { _ = l.conn.Close() })
	defer unhook()
	if err := l.send(&message); err != nil {
		return nil, err
	}
	for {
		answer, err := l.next()
		if err != nil {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			return nil, fmt.Errorf("join: %w", err)
		}
		switch m := answer.(type) {
		case *signaling.Joined:
			return m, nil
		case *signaling.Error:
			return nil, &parley.Error{Op: "join", Kind: m.Kind, Say: m.Say}
		case *signaling.GoingAway:
			return nil, &parley.Error{Op: "join", Kind: parley.Unavailable, Say: "The server is stopping."}
		case *signaling.Ended:
			return nil, &parley.Error{Op: "join", Kind: parley.Conflict, Say: "The meeting has ended: " + m.Reason + "."}
		}
	}
}

func (l *line) next() (signaling.Message, error) {
	_, frame, err := l.conn.ReadMessage()
	if err != nil {
		return nil, err
	}
	return signaling.DecodeMessage(frame)
}

// read hands on messages until the connection ends. It answers pings meanwhile, as ReadMessage does.
func (l *line) read(receive func(signaling.Message)) {
	defer close(l.done)
	defer l.conn.Close()
	for {
		message, err := l.next()
		if errors.Is(err, parley.Invalid) {
			continue // of a newer server
		}
		if err != nil {
			return
		}
		switch m := message.(type) {
		case *signaling.Ended, *signaling.GoingAway:
			l.last = m
		case *signaling.Error:
			if m.Fatal {
				l.last = m
			}
		}
		receive(message)
	}
}

// send writes one message. Safe for concurrent use.
func (l *line) send(message any) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	_ = l.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	if err := l.conn.WriteJSON(message); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

// close breaks the connection; read then ends.
func (l *line) close() { _ = l.conn.Close() }
