package catalog

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/parley/parley"
)

// PutMinutes implements parley.Actions.
func (c *Catalog) PutMinutes(ctx context.Context, m parley.Minutes) error {
	content, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("put minutes: %w", err)
	}
	_, err = c.exec(ctx, `insert into minutes (meeting, made, final, content) values ($1, $2, $3, $4)
		on conflict (meeting) do update set made = excluded.made, final = excluded.final, content = excluded.content`,
		m.Meeting, toMilli(m.Made), m.Final, string(content))
	if err != nil {
		return fmt.Errorf("put minutes: %w", err)
	}
	return nil
}

// Minutes implements parley.Actions.
func (c *Catalog) Minutes(ctx context.Context, id parley.MeetingID) (parley.Minutes, error) {
	var m parley.Minutes
	var content string
	err := c.db.QueryRowContext(ctx, `select content from minutes where meeting = $1`, id).Scan(&content)
	if err != nil {
		return m, notFound(err, "minutes")
	}
	if err := json.Unmarshal([]byte(content), &m); err != nil {
		return m, fmt.Errorf("read minutes: %w", err)
	}
	return m, nil
}

// UnfinishedMeetings implements parley.Actions.
func (c *Catalog) UnfinishedMeetings(ctx context.Context) ([]parley.MeetingID, error) {
	return query(ctx, c.database, func(row scanner) (id parley.MeetingID, err error) {
		return id, row.Scan(&id)
	}, `select m.id from meetings m left join minutes n on n.meeting = m.id
		where m.state = $1 and (n.final is null or n.final = $2) order by m.ended, m.id`, parley.Ended, false)
}

// AddChange implements parley.Actions.
func (c *Catalog) AddChange(ctx context.Context, change parley.Change) error {
	content, err := json.Marshal(change.Entry)
	if err != nil {
		return fmt.Errorf("add change: %w", err)
	}
	n, err := c.exec(ctx, `insert into changes (meeting, item, number, kind, op, by, name, at, content)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing`,
		change.Meeting, change.Entry.ID, change.Number, change.Kind, change.Op, change.By, change.Name,
		toMilli(change.At), string(content))
	if err != nil {
		return fmt.Errorf("add change: %w", err)
	}
	if n == 0 {
		return fmt.Errorf("the entry has such a change: %w", parley.Conflict)
	}
	return nil
}

// Changes implements parley.Actions.
func (c *Catalog) Changes(ctx context.Context, id parley.MeetingID) ([]parley.Change, error) {
	changes, err := query(ctx, c.database, scanChange, `select meeting, number, kind, op, by, name, at, content
		from changes where meeting = $1 order by at, item, number`, id)
	if err != nil {
		return nil, fmt.Errorf("read changes: %w", err)
	}
	return changes, nil
}

func scanChange(row scanner) (parley.Change, error) {
	var c parley.Change
	var at int64
	var content string
	err := row.Scan(&c.Meeting, &c.Number, &c.Kind, &c.Op, &c.By, &c.Name, &at, &content)
	if err != nil {
		return c, err
	}
	c.At = fromMilli(at)
	return c, json.Unmarshal([]byte(content), &c.Entry)
}
