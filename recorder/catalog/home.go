package catalog

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/parley/parley"
)

// Home is the catalog that knows which meeting is in which region, and nothing that was said there.
// It is safe for concurrent use.
type Home struct {
	database
}

var _ parley.Directory = (*Home)(nil)

// OpenHome opens or makes the home catalog at path. The caller closes it.
func OpenHome(ctx context.Context, path string) (*Home, error) {
	db, err := openDatabase(ctx, path, "home")
	if err != nil {
		return nil, err
	}
	return &Home{db}, nil
}

// Place implements parley.Directory.
func (h *Home) Place(ctx context.Context, id parley.MeetingID, in parley.Region) error {
	n, err := h.exec(ctx, `insert into places (meeting, region) values ($1, $2) on conflict do nothing`, id, in)
	if err != nil {
		return fmt.Errorf("place meeting: %w", err)
	}
	if n == 1 {
		return nil
	}
	there, err := h.RegionOf(ctx, id)
	if err != nil {
		return err
	}
	if there != in {
		return fmt.Errorf("meeting is in region %s: %w", there, parley.Conflict)
	}
	return nil
}

// RegionOf implements parley.Directory.
func (h *Home) RegionOf(ctx context.Context, id parley.MeetingID) (parley.Region, error) {
	var region parley.Region
	err := h.db.QueryRowContext(ctx, `select region from places where meeting = $1`, id).Scan(&region)
	return region, notFound(err, "meeting")
}

// Spend implements parley.Directory.
func (h *Home) Spend(ctx context.Context, code string, until time.Time) error {
	return h.within(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `delete from spent_codes where until < $1`, toMilli(time.Now())); err != nil {
			return fmt.Errorf("forget codes: %w", err)
		}
		result, err := tx.ExecContext(ctx,
			`insert into spent_codes (code, until) values ($1, $2) on conflict do nothing`, code, toMilli(until))
		if err != nil {
			return fmt.Errorf("spend code: %w", err)
		}
		if n, err := result.RowsAffected(); err != nil || n == 1 {
			return err
		}
		return fmt.Errorf("code was used before: %w", parley.Expired)
	})
}
