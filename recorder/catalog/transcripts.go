package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/parley/parley"
)

const utteranceColumns = `id, meeting, track, participant, started, ended, audio, sha256, state, attempts, next_try,
	text, lang, words, confidence, engine, model, version, edited, conflict`

// wordRow is a word as it is stored: milliseconds, since nobody clicks more finely.
type wordRow struct {
	Text  string `json:"t"`
	Start int64  `json:"s"`
	End   int64  `json:"e"`
	Heard string `json:"h,omitempty"`
}

func marshalWords(words []parley.Word) (string, error) {
	rows := make([]wordRow, 0, len(words))
	for _, w := range words {
		rows = append(rows, wordRow{w.Text, w.Start.Milliseconds(), w.End.Milliseconds(), w.Heard})
	}
	text, err := json.Marshal(rows)
	return string(text), err
}

func unmarshalWords(text string) ([]parley.Word, error) {
	var rows []wordRow
	if err := json.Unmarshal([]byte(text), &rows); err != nil {
		return nil, err
	}
	var words []parley.Word
	for _, r := range rows {
		words = append(words, parley.Word{Text: r.Text, Start: clockMS(r.Start), End: clockMS(r.End), Heard: r.Heard})
	}
	return words, nil
}

func scanUtterance(row scanner) (parley.Utterance, error) {
	var u parley.Utterance
	var started, ended, nextTry int64
	var sum, words string
	err := row.Scan(&u.ID, &u.Meeting, &u.Track, &u.Participant, &started, &ended, &u.Audio, &sum, &u.State,
		&u.Attempts, &nextTry, &u.Text, &u.Lang, &words, &u.Confidence, &u.Engine, &u.Model,
		&u.Version, &u.Edited, &u.Conflict)
	if err != nil {
		return u, err
	}
	u.Start, u.End, u.NextTry = clockMS(started), clockMS(ended), fromMilli(nextTry)
	if err := u.SHA256.UnmarshalText([]byte(sum)); err != nil {
		return u, err
	}
	u.Words, err = unmarshalWords(words)
	return u, err
}

// AddUtterance implements parley.Transcripts.
func (c *Catalog) AddUtterance(ctx context.Context, u parley.Utterance) error {
	words, err := marshalWords(u.Words)
	if err != nil {
		return fmt.Errorf("add utterance: %w", err)
	}
	_, err = c.exec(ctx, `insert into utterances (`+utteranceColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) on conflict do nothing`,
		u.ID, u.Meeting, u.Track, u.Participant, u.Start.Milliseconds(), u.End.Milliseconds(), u.Audio, u.SHA256.String(),
		u.State, u.Attempts, toMilli(u.NextTry), u.Text, u.Lang, words, u.Confidence, u.Engine, u.Model,
		u.Version, u.Edited, u.Conflict)
	if err != nil {
		return fmt.Errorf("add utterance: %w", err)
	}
	return nil
}

// Utterance implements parley.Transcripts.
func (c *Catalog) Utterance(ctx context.Context, id parley.UtteranceID) (parley.Utterance, error) {
	u, err := scanUtterance(c.db.QueryRowContext(ctx, `select `+utteranceColumns+` from utterances where id = $1`, id))
	return u, notFound(err, "utterance")
}

// FinishUtterance implements parley.Transcripts: a compare-and-set on the pending state.
func (c *Catalog) FinishUtterance(ctx context.Context, u parley.Utterance) error {
	words, err := marshalWords(u.Words)
	if err != nil {
		return fmt.Errorf("finish utterance: %w", err)
	}
	n, err := c.exec(ctx, `update utterances set state = $1, attempts = $2, text = $3, lang = $4, words = $5,
		confidence = $6, engine = $7, model = $8 where id = $9 and state = $10`,
		u.State, u.Attempts, u.Text, u.Lang, words, u.Confidence, u.Engine, u.Model, u.ID, parley.Pending)
	return c.changed(ctx, u.ID, n, err)
}

// DeferUtterance implements parley.Transcripts.
func (c *Catalog) DeferUtterance(ctx context.Context, u parley.Utterance) error {
	n, err := c.exec(ctx, `update utterances set state = $1, attempts = $2, next_try = $3 where id = $4 and state = $5`,
		u.State, u.Attempts, toMilli(u.NextTry), u.ID, parley.Pending)
	return c.changed(ctx, u.ID, n, err)
}

// changed makes of an update of one pending utterance what a caller can act on.
func (c *Catalog) changed(ctx context.Context, id parley.UtteranceID, n int64, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("update utterance: %w", err)
	case n == 1:
		return nil
	}
	if _, err := c.Utterance(ctx, id); err != nil {
		return err
	}
	return fmt.Errorf("utterance is not pending any more: %w", parley.Conflict)
}

// Transcript implements parley.Transcripts.
func (c *Catalog) Transcript(ctx context.Context, id parley.MeetingID) (parley.Transcript, error) {
	var t parley.Transcript
	var err error
	if t.Meeting, err = c.Meeting(ctx, id); err != nil {
		return t, err
	}
	if t.Participants, err = c.Participants(ctx, id); err != nil {
		return t, fmt.Errorf("read participants: %w", err)
	}
	t.Utterances, err = query(ctx, c.database, scanUtterance,
		`select `+utteranceColumns+` from utterances where meeting = $1 order by started, id`, id)
	if err != nil {
		return t, fmt.Errorf("read utterances: %w", err)
	}
	return t, nil
}

// Backlog implements parley.Transcripts.
func (c *Catalog) Backlog(ctx context.Context) ([]parley.Backlog, error) {
	return query(ctx, c.database, func(row scanner) (b parley.Backlog, err error) {
		var oldest int64
		err = row.Scan(&b.Meeting, &b.Waiting, &oldest)
		b.Oldest = clockMS(oldest)
		return b, err
	}, `select meeting, count(*), min(ended) from utterances where state = $1 group by meeting order by meeting`, parley.Pending)
}

// DueUtterances implements parley.Transcripts.
func (c *Catalog) DueUtterances(ctx context.Context, now time.Time, limit int) ([]parley.Utterance, error) {
	return query(ctx, c.database, scanUtterance, `select `+utteranceColumns+` from utterances
		where state = $1 and next_try <= $2 order by next_try, id limit $3`, parley.Pending, toMilli(now), limit)
}
