package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/parley/parley"
)

// OpenTrack implements parley.Recordings.
func (c *Catalog) OpenTrack(ctx context.Context, t parley.Track) error {
	_, err := c.exec(ctx, `insert into tracks
		(id, meeting, participant, source, codec, clock_rate, channels, started, ended)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing`,
		t.ID, t.Meeting, t.Participant, t.Source, t.Codec, t.ClockRate, t.Channels,
		t.Started.Milliseconds(), t.Ended.Milliseconds())
	if err != nil {
		return fmt.Errorf("open track: %w", err)
	}
	return nil
}

// CloseTrack implements parley.Recordings.
func (c *Catalog) CloseTrack(ctx context.Context, id parley.TrackID, end time.Duration) error {
	n, err := c.exec(ctx, `update tracks set ended = $1 where id = $2`, end.Milliseconds(), id)
	if err != nil {
		return fmt.Errorf("close track: %w", err)
	}
	if n == 0 {
		return fmt.Errorf("track: %w", parley.NotFound)
	}
	return nil
}

// AddSegment implements parley.Recordings.
func (c *Catalog) AddSegment(ctx context.Context, s parley.Segment) error {
	return c.within(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `insert into segments (track, number, started, ended, bytes, sha256, key)
			values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing`, s.Track, s.Number,
			s.Start.Milliseconds(), s.End.Milliseconds(), s.Bytes, s.SHA256.String(), s.Key)
		if err != nil {
			return fmt.Errorf("add segment: %w", err)
		}
		if n, err := result.RowsAffected(); err != nil || n == 1 {
			return err
		}
		var there string
		err = tx.QueryRowContext(ctx, `select sha256 from segments where track = $1 and number = $2`,
			s.Track, s.Number).Scan(&there)
		if err != nil {
			return fmt.Errorf("add segment: %w", err)
		}
		if there != s.SHA256.String() {
			return fmt.Errorf("segment %d has another hash: %w", s.Number, parley.Conflict)
		}
		return nil
	})
}

// AddGap implements parley.Recordings.
func (c *Catalog) AddGap(ctx context.Context, g parley.Gap) error {
	_, err := c.exec(ctx, `insert into gaps (track, started, ended, reason) values ($1, $2, $3, $4)
		on conflict (track, started, reason) do update set ended = excluded.ended`,
		g.Track, g.Start.Milliseconds(), g.End.Milliseconds(), g.Reason)
	if err != nil {
		return fmt.Errorf("add gap: %w", err)
	}
	return nil
}

// SealRecording implements parley.Recordings.
func (c *Catalog) SealRecording(ctx context.Context, id parley.MeetingID, manifest parley.Key, sum parley.Hash) error {
	n, err := c.exec(ctx, `insert into recordings (meeting, manifest, sha256) values ($1, $2, $3)
		on conflict do nothing`, id, manifest, sum.String())
	if err != nil {
		return fmt.Errorf("seal recording: %w", err)
	}
	if n == 1 {
		return nil
	}
	r := parley.Recording{Meeting: id}
	if err := c.readSeal(ctx, &r); err != nil {
		return err
	}
	if r.SHA256 != sum {
		return fmt.Errorf("recording is sealed with another manifest: %w", parley.Conflict)
	}
	return nil
}

// readSeal fills in the manifest of a sealed recording.
func (c *Catalog) readSeal(ctx context.Context, r *parley.Recording) error {
	var sum string
	err := c.db.QueryRowContext(ctx, `select manifest, sha256 from recordings where meeting = $1`, r.Meeting).
		Scan(&r.Manifest, &sum)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read recording: %w", err)
	}
	r.Sealed = true
	return r.SHA256.UnmarshalText([]byte(sum))
}

// Recording implements parley.Recordings.
func (c *Catalog) Recording(ctx context.Context, id parley.MeetingID) (parley.Recording, error) {
	r := parley.Recording{Meeting: id}
	if err := c.readSeal(ctx, &r); err != nil {
		return r, err
	}
	tracks, err := query(ctx, c.database, scanTrack, `select id, meeting, participant, source, codec, clock_rate,
		channels, started, ended from tracks where meeting = $1 order by started, id`, id)
	if err != nil {
		return r, fmt.Errorf("read tracks: %w", err)
	}
	segments, err := query(ctx, c.database, scanSegment, `select s.track, s.number, s.started, s.ended, s.bytes,
		s.sha256, s.key from segments s join tracks t on t.id = s.track where t.meeting = $1
		order by s.track, s.number`, id)
	if err != nil {
		return r, fmt.Errorf("read segments: %w", err)
	}
	gaps, err := query(ctx, c.database, scanGap, `select g.track, g.started, g.ended, g.reason from gaps g
		join tracks t on t.id = g.track where t.meeting = $1 order by g.track, g.started, g.reason`, id)
	if err != nil {
		return r, fmt.Errorf("read gaps: %w", err)
	}
	place := map[parley.TrackID]int{}
	for i, t := range tracks {
		place[t.ID] = i
		r.Tracks = append(r.Tracks, parley.RecordedTrack{Track: t})
	}
	for _, s := range segments {
		track := &r.Tracks[place[s.Track]]
		track.Segments = append(track.Segments, s)
	}
	for _, g := range gaps {
		track := &r.Tracks[place[g.Track]]
		track.Gaps = append(track.Gaps, g)
	}
	return r, nil
}

func scanTrack(row scanner) (parley.Track, error) {
	var t parley.Track
	var started, ended int64
	err := row.Scan(&t.ID, &t.Meeting, &t.Participant, &t.Source, &t.Codec, &t.ClockRate, &t.Channels, &started, &ended)
	t.Started, t.Ended = clockMS(started), clockMS(ended)
	return t, err
}

func scanSegment(row scanner) (parley.Segment, error) {
	var s parley.Segment
	var started, ended int64
	var sum string
	if err := row.Scan(&s.Track, &s.Number, &started, &ended, &s.Bytes, &sum, &s.Key); err != nil {
		return s, err
	}
	s.Start, s.End = clockMS(started), clockMS(ended)
	return s, s.SHA256.UnmarshalText([]byte(sum))
}

func scanGap(row scanner) (parley.Gap, error) {
	var g parley.Gap
	var started, ended int64
	err := row.Scan(&g.Track, &started, &ended, &g.Reason)
	g.Start, g.End = clockMS(started), clockMS(ended)
	return g, err
}
