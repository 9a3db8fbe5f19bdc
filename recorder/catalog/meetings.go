package catalog

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/parley/parley"
)

const meetingColumns = `id, title, region, zone, record, creator, state, created, started, ended, reckoned`

func scanMeeting(row scanner) (parley.Meeting, error) {
	var m parley.Meeting
	var created, started, ended, reckoned int64
	err := row.Scan(&m.ID, &m.Title, &m.Region, &m.Zone, &m.Record, &m.Creator, &m.State,
		&created, &started, &ended, &reckoned)
	m.Created, m.Started = fromMilli(created), fromMilli(started)
	m.Ended, m.Reckoned = fromMilli(ended), fromMilli(reckoned)
	return m, err
}

// CreateMeeting implements parley.Meetings.
func (c *Catalog) CreateMeeting(ctx context.Context, m parley.Meeting) error {
	n, err := c.exec(ctx, `insert into meetings (`+meetingColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict do nothing`,
		m.ID, m.Title, m.Region, m.Zone, m.Record, m.Creator, m.State,
		toMilli(m.Created), toMilli(m.Started), toMilli(m.Ended), toMilli(m.Reckoned))
	if err != nil {
		return fmt.Errorf("create meeting: %w", err)
	}
	if n == 0 {
		return fmt.Errorf("meeting exists: %w", parley.Conflict)
	}
	return nil
}

// Meeting implements parley.Meetings.
func (c *Catalog) Meeting(ctx context.Context, id parley.MeetingID) (parley.Meeting, error) {
	m, err := scanMeeting(c.db.QueryRowContext(ctx, `select `+meetingColumns+` from meetings where id = $1`, id))
	return m, notFound(err, "meeting")
}

// BeginMeeting implements parley.Meetings.
func (c *Catalog) BeginMeeting(ctx context.Context, id parley.MeetingID, at time.Time) (parley.Meeting, error) {
	var m parley.Meeting
	err := c.within(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `update meetings set state = $1, started = $2 where id = $3 and state = $4`,
			parley.Live, toMilli(at), id, parley.Scheduled)
		if err != nil {
			return fmt.Errorf("begin meeting: %w", err)
		}
		m, err = scanMeeting(tx.QueryRowContext(ctx, `select `+meetingColumns+` from meetings where id = $1`, id))
		if err != nil {
			return notFound(err, "meeting")
		}
		if m.State == parley.Ended {
			return fmt.Errorf("meeting has ended: %w", parley.Conflict)
		}
		return nil
	})
	return m, err
}

// EndMeeting implements parley.Meetings.
func (c *Catalog) EndMeeting(ctx context.Context, id parley.MeetingID, at time.Time) error {
	n, err := c.exec(ctx, `update meetings set state = $1, ended = $2 where id = $3 and state <> $1`,
		parley.Ended, toMilli(at), id)
	if err != nil {
		return fmt.Errorf("end meeting: %w", err)
	}
	if n == 0 {
		_, err = c.Meeting(ctx, id)
	}
	return err
}

// LiveMeetings implements parley.Meetings.
func (c *Catalog) LiveMeetings(ctx context.Context) ([]parley.Meeting, error) {
	return query(ctx, c.database, scanMeeting,
		`select `+meetingColumns+` from meetings where state = $1 order by started, id`, parley.Live)
}

const participantColumns = `id, meeting, identity, number, name, title, aliases, role, consent, joined, "left",
	language, several`

func scanParticipant(row scanner) (parley.Participant, error) {
	var p parley.Participant
	var aliases string
	var joined, left int64
	err := row.Scan(&p.ID, &p.Meeting, &p.Identity, &p.Number, &p.Name, &p.Title, &aliases, &p.Role, &p.Consent,
		&joined, &left, &p.Language, &p.Several)
	if err != nil {
		return p, err
	}
	p.Joined, p.Left = fromMilli(joined), fromMilli(left)
	return p, json.Unmarshal([]byte(aliases), &p.Aliases)
}

// PutParticipant implements parley.Participants.
func (c *Catalog) PutParticipant(ctx context.Context, p parley.Participant) error {
	aliases, err := json.Marshal(p.Aliases)
	if err != nil {
		return fmt.Errorf("put participant: %w", err)
	}
	return c.within(ctx, func(tx *sql.Tx) error {
		var taken int
		err := tx.QueryRowContext(ctx, `select count(*) from participants where meeting = $1 and number = $2 and id <> $3`,
			p.Meeting, p.Number, p.ID).Scan(&taken)
		if err != nil {
			return fmt.Errorf("put participant: %w", err)
		}
		if taken > 0 {
			return fmt.Errorf("number %d is taken: %w", p.Number, parley.Conflict)
		}
		_, err = tx.ExecContext(ctx, `insert into participants (`+participantColumns+`)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
			on conflict (id) do update set identity = excluded.identity, name = excluded.name, title = excluded.title,
			aliases = excluded.aliases, role = excluded.role, consent = excluded.consent,
			joined = excluded.joined, "left" = excluded."left", number = excluded.number,
			language = excluded.language, several = excluded.several`,
			p.ID, p.Meeting, p.Identity, p.Number, p.Name, p.Title, string(aliases), p.Role, p.Consent,
			toMilli(p.Joined), toMilli(p.Left), p.Language, p.Several)
		if err != nil {
			return fmt.Errorf("put participant: %w", err)
		}
		return nil
	})
}

// Participants implements parley.Participants.
func (c *Catalog) Participants(ctx context.Context, id parley.MeetingID) ([]parley.Participant, error) {
	return query(ctx, c.database, scanParticipant,
		`select `+participantColumns+` from participants where meeting = $1 order by number`, id)
}

// Attended implements parley.Participants.
func (c *Catalog) Attended(ctx context.Context, who parley.Identity) ([]parley.Meeting, error) {
	return query(ctx, c.database, scanMeeting, `select `+meetingColumns+` from meetings
		where creator = $1 or id in (select meeting from participants where identity = $1)
		order by created desc, id`, who)
}

func scanChatMessage(row scanner) (parley.ChatMessage, error) {
	var m parley.ChatMessage
	var at int64
	err := row.Scan(&m.ID, &m.Meeting, &m.Participant, &at, &m.Text)
	m.At = clockMS(at)
	return m, err
}

// AddChatMessage implements parley.Chats.
func (c *Catalog) AddChatMessage(ctx context.Context, m parley.ChatMessage) error {
	_, err := c.exec(ctx, `insert into chat_messages (id, meeting, participant, at, text)
		values ($1, $2, $3, $4, $5) on conflict do nothing`, m.ID, m.Meeting, m.Participant, m.At.Milliseconds(), m.Text)
	if err != nil {
		return fmt.Errorf("add chat message: %w", err)
	}
	return nil
}

// ChatMessage implements parley.Chats.
func (c *Catalog) ChatMessage(ctx context.Context, id string) (parley.ChatMessage, error) {
	m, err := scanChatMessage(c.db.QueryRowContext(ctx,
		`select id, meeting, participant, at, text from chat_messages where id = $1`, id))
	return m, notFound(err, "chat message")
}

// ChatMessages implements parley.Chats.
func (c *Catalog) ChatMessages(ctx context.Context, id parley.MeetingID) ([]parley.ChatMessage, error) {
	return query(ctx, c.database, scanChatMessage,
		`select id, meeting, participant, at, text from chat_messages where meeting = $1 order by at, id`, id)
}
