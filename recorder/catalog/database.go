package catalog

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the SQL driver "sqlite"

	"github.com/parley/parley"
)

//go:embed migrations
var migrations embed.FS

// database is a SQLite file with one of our schemas.
type database struct {
	db *sql.DB
}

// openDatabase opens or makes the file at path and brings its schema up to date. An error names the
// file.
func openDatabase(ctx context.Context, path, schema string) (database, error) {
	fail := func(err error) (database, error) {
		return database{}, &parley.Error{
			Op: "open catalog", Kind: parley.Unavailable, Err: err,
			Say: "cannot use the database " + path + "; let this user write to it, or move it away to start anew",
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fail(err)
	}
	// WAL with synchronous=full: an acknowledged commit survives a power failure. Transactions begin
	// immediate, so that a read-modify-write never finds out late that it cannot write.
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=journal_mode(wal)" +
		"&_pragma=synchronous(full)&_pragma=busy_timeout(5000)&_pragma=foreign_keys(on)&_txlock=immediate"
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return fail(err)
	}
	if err := migrate(ctx, db, schema); err != nil {
		return fail(errors.Join(err, db.Close()))
	}
	return database{db}, nil
}

// migrate brings a schema up to date.
func migrate(ctx context.Context, db *sql.DB, schema string) error {
	folder, err := fs.Sub(migrations, "migrations/"+schema)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, folder)
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// Close ends the use of the database.
func (d database) Close() error { return d.db.Close() }

// exec runs one statement and says how many rows it changed.
func (d database) exec(ctx context.Context, query string, args ...any) (int64, error) {
	result, err := d.db.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// within runs fn in one transaction: all of it or nothing.
func (d database) within(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := fn(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// query collects the rows of a query.
func query[T any](
	ctx context.Context, d database, scan func(scanner) (T, error), text string, args ...any,
) (_ []T, err error) {
	rows, err := d.db.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var found []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		found = append(found, one)
	}
	return found, rows.Err()
}

// scanner is a row: *sql.Row or *sql.Rows.
type scanner interface{ Scan(into ...any) error }

// notFound turns "no rows" into the kind, with what was looked for.
func notFound(err error, what string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%s: %w", what, parley.NotFound)
	}
	return err
}

// Times: wall-clock ones are milliseconds of Unix time, 0 for the zero time; those on the meeting
// clock are milliseconds.

func toMilli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMilli(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func clockMS(ms int64) time.Duration { return time.Duration(ms) * time.Millisecond }
