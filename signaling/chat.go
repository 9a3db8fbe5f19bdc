package signaling

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parley/parley"
)

// chat stores a line in the meeting's region, then shows it to everybody. One with a key may come again,
// on this connection or a later one, before a restart or after: its row is what remembers it. What has
// begun is finished though the connection ends, so that a line is not stored and never shown.
func (s *session) chat(m *Chat) error {
	if !s.row.Role.MayPublish() {
		return forbidden("write in chat", "Viewers read the chat; they do not write in it.")
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), storeTimeout)
	defer cancel()
	line := parley.ChatMessage{
		ID: lineID(s.row.ID, m.Key), Meeting: s.id, Participant: s.row.ID, Text: strings.TrimSpace(m.Text),
	}
	again := false
	if m.Key != "" {
		before, err := s.keep.Chats.ChatMessage(ctx, line.ID)
		switch {
		case err == nil && before.Text != line.Text:
			return &parley.Error{Op: "write in chat", Kind: parley.Conflict, Say: "Another line was sent under this key."}
		case err == nil:
			line, again = before, true
		case !errors.Is(err, parley.NotFound):
			return fmt.Errorf("look for chat line: %w", err)
		}
	}
	if !again {
		line.At = s.lineTime()
		if err := s.keep.Chats.AddChatMessage(ctx, line); err != nil {
			return fmt.Errorf("store chat line: %w", err)
		}
	}
	return s.room.post(ctx, chatted{line: line, from: s, key: m.Key, again: again})
}

// lineTime is now on the meeting clock, and later than the line before: lines are sorted by it.
func (s *session) lineTime() time.Duration {
	now := s.room.begun.Load().Clock(time.Now()).Truncate(time.Millisecond)
	s.wrote = max(now, s.wrote+time.Millisecond)
	return s.wrote
}

// lineID names a line. With a key it is the same each time, and nobody can choose it: lines that become
// action items stand among the utterances, under their identifier (RFC 9562 §5.8 leaves it to us how).
func lineID(sender parley.ParticipantID, key string) string {
	if key == "" {
		return uuid.Must(uuid.NewV7()).String()
	}
	return uuid.NewHash(sha256.New(), uuid.NameSpaceOID, []byte("chat "+string(sender)+" "+key), 8).String()
}

// chatted is a line of chat that is stored.
type chatted struct {
	line  parley.ChatMessage
	from  *session
	key   string // the sender's, or empty
	again bool   // it was stored before
}

func (e chatted) apply(r *room) {
	message := chatMessage(e.line)
	confirmation := message
	confirmation.Key = e.key
	if e.again && !r.missed(message) {
		e.from.send(&confirmation)
		return
	}
	r.chat = keepLast(append(r.chat, message), chatKept)
	frame := encode(&message)
	for _, a := range r.people {
		switch {
		case !a.live:
		case a.session == e.from:
			a.session.send(&confirmation)
		default:
			a.session.sendFrame(frame)
		}
	}
}

// missed reports whether a line that is stored was never shown: the catalog may have said that it failed
// when it had not. It is not among the last lines, and not older than those.
func (r *room) missed(line Chat) bool {
	if slices.ContainsFunc(r.chat, func(c Chat) bool { return c.ID == line.ID }) {
		return false
	}
	return len(r.chat) < chatKept || line.AtMS > r.chat[0].AtMS
}

func chatMessage(line parley.ChatMessage) Chat {
	return Chat{
		Type: TypeChat, ID: line.ID, Participant: line.Participant, AtMS: line.At.Milliseconds(), Text: line.Text,
	}
}
