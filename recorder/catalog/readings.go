package catalog

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/parley/parley"
)

const readingColumns = `utterance, number, kind, pass, by, name, at, text, lang, words, confidence, engine, model`

func scanReading(row scanner) (parley.Reading, error) {
	var r parley.Reading
	var at int64
	var words string
	err := row.Scan(&r.Utterance, &r.Number, &r.Kind, &r.Pass, &r.By, &r.Name, &at, &r.Text, &r.Lang, &words,
		&r.Confidence, &r.Engine, &r.Model)
	if err != nil {
		return r, err
	}
	r.At = fromMilli(at)
	r.Words, err = unmarshalWords(words)
	return r, err
}

func insertReading(ctx context.Context, tx *sql.Tx, r parley.Reading) error {
	words, err := marshalWords(r.Words)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `insert into readings (`+readingColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		r.Utterance, r.Number, r.Kind, r.Pass, r.By, r.Name, toMilli(r.At), r.Text, r.Lang, words, r.Confidence, r.Engine, r.Model)
	return err
}

// Readings implements parley.Transcripts.
func (c *Catalog) Readings(ctx context.Context, id parley.UtteranceID) ([]parley.Reading, error) {
	return query(ctx, c.database, scanReading, `select `+readingColumns+` from readings where utterance = $1 order by number`, id)
}

// AddReadings implements parley.Transcripts.
func (c *Catalog) AddReadings(ctx context.Context, shown int, u parley.Utterance, readings ...parley.Reading) error {
	words, err := marshalWords(u.Words)
	if err != nil {
		return fmt.Errorf("add readings: %w", err)
	}
	return c.within(ctx, func(tx *sql.Tx) error {
		before, err := scanUtterance(tx.QueryRowContext(ctx, `select `+utteranceColumns+` from utterances where id = $1`, u.ID))
		if err != nil {
			return notFound(err, "utterance")
		}
		if before.Version != shown {
			return fmt.Errorf("another version of the utterance is shown: %w", parley.Conflict)
		}
		if before.Version == 0 {
			first := parley.Reading{
				Utterance: u.ID, Number: 1, Kind: parley.ReadingHeard, Text: before.Text, Lang: before.Lang, Words: before.Words,
				Confidence: before.Confidence, Engine: before.Engine, Model: before.Model,
			}
			if err := insertReading(ctx, tx, first); err != nil {
				return fmt.Errorf("keep the first reading: %w", err)
			}
		}
		for _, r := range readings {
			if err := insertReading(ctx, tx, r); err != nil {
				return fmt.Errorf("add reading: %w", err)
			}
			if _, err := tx.ExecContext(ctx, endRehearing, u.ID, r.Pass); err != nil {
				return fmt.Errorf("end rehearing: %w", err)
			}
		}
		_, err = tx.ExecContext(ctx, `update utterances set state = $1, text = $2, lang = $3, words = $4, confidence = $5,
			engine = $6, model = $7, version = $8, edited = $9, conflict = $10 where id = $11`,
			u.State, u.Text, u.Lang, words, u.Confidence, u.Engine, u.Model, u.Version, u.Edited, u.Conflict, u.ID)
		if err != nil {
			return fmt.Errorf("show reading: %w", err)
		}
		return nil
	})
}

// RetryUtterance implements parley.Transcripts.
func (c *Catalog) RetryUtterance(ctx context.Context, id parley.UtteranceID, now time.Time) error {
	n, err := c.exec(ctx, `update utterances set state = $1, attempts = 0, next_try = $2 where id = $3 and state = $4`,
		parley.Pending, toMilli(now), id, parley.Parked)
	if err == nil && n == 0 {
		if _, err := c.Utterance(ctx, id); err != nil {
			return err
		}
		return fmt.Errorf("utterance is not parked: %w", parley.Conflict)
	}
	if err != nil {
		return fmt.Errorf("retry utterance: %w", err)
	}
	return nil
}

const passColumns = `meeting, number, language, by, name, at`

func scanPass(row scanner) (parley.Pass, error) {
	var p parley.Pass
	var at int64
	err := row.Scan(&p.Meeting, &p.Number, &p.Language, &p.By, &p.Name, &at)
	p.At = fromMilli(at)
	return p, err
}

// AddPass implements parley.Transcripts.
func (c *Catalog) AddPass(ctx context.Context, p parley.Pass, due time.Time) (parley.Pass, error) {
	err := c.within(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `select coalesce(max(number), 0) + 1 from passes where meeting = $1`, p.Meeting).Scan(&p.Number)
		if err != nil {
			return fmt.Errorf("number pass: %w", err)
		}
		_, err = tx.ExecContext(ctx, `insert into passes (`+passColumns+`) values ($1, $2, $3, $4, $5, $6)`,
			p.Meeting, p.Number, p.Language, p.By, p.Name, toMilli(p.At))
		if err != nil {
			return fmt.Errorf("add pass: %w", err)
		}
		_, err = tx.ExecContext(ctx, `insert into rehearings (meeting, pass, utterance, due)
			select meeting, $1, id, $2 from utterances where meeting = $3 and state <> $4`,
			p.Number, toMilli(due), p.Meeting, parley.Pending)
		if err != nil {
			return fmt.Errorf("list what is to be heard again: %w", err)
		}
		return nil
	})
	return p, err
}

// Pass implements parley.Transcripts.
func (c *Catalog) Pass(ctx context.Context, id parley.MeetingID, number int) (parley.Pass, error) {
	p, err := scanPass(c.db.QueryRowContext(ctx, `select `+passColumns+` from passes where meeting = $1 and number = $2`, id, number))
	return p, notFound(err, "pass")
}

const endRehearing = `delete from rehearings where utterance = $1 and pass = $2`

// DueRehearings implements parley.Transcripts.
func (c *Catalog) DueRehearings(ctx context.Context, now, next time.Time, limit int) ([]parley.Rehearing, error) {
	due, err := query(ctx, c.database, func(row scanner) (r parley.Rehearing, err error) {
		err = row.Scan(&r.Meeting, &r.Utterance, &r.Pass)
		return r, err
	}, `update rehearings set due = $1 where rowid in (
			select rowid from rehearings where due <= $2 order by due, meeting, pass, utterance limit $3
		) returning meeting, utterance, pass`, toMilli(next), toMilli(now), limit)
	if err != nil {
		return nil, fmt.Errorf("list due rehearings: %w", err)
	}
	return due, nil
}

// EndRehearing implements parley.Transcripts.
func (c *Catalog) EndRehearing(ctx context.Context, r parley.Rehearing) error {
	if _, err := c.exec(ctx, endRehearing, r.Utterance, r.Pass); err != nil {
		return fmt.Errorf("end rehearing: %w", err)
	}
	return nil
}
