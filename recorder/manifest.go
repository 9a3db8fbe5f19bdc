package recorder

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/parley/parley"
)

// maxManifest bounds what is read back: a day of 100 tracks is 30 MB.
const maxManifest = 256 << 20

func manifestKey(id parley.MeetingID) parley.Key {
	return parley.Key(fmt.Sprintf("meetings/%s/manifest.json", id))
}

// Seal completes the record of a meeting whose taps are closed: it waits until everything is in the
// region, then stores the manifest. Sealing again changes nothing. A meeting that has not ended is
// Conflict.
func (r *Recorder) Seal(ctx context.Context, region parley.Region, id parley.MeetingID) error {
	keep, err := r.regions.In(region)
	if err != nil {
		return err
	}
	m, err := keep.Meetings.Meeting(ctx, id)
	if err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	if m.State != parley.Ended {
		return fmt.Errorf("seal a meeting that is %s: %w", m.State, parley.Conflict)
	}
	if err := r.settled(ctx, id); err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	recording, err := keep.Recordings.Recording(ctx, id)
	if err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	if recording.Sealed {
		return nil
	}
	sum, err := storeManifest(ctx, keep, manifestOf(m, recording, time.Now()))
	if err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	if err := keep.Recordings.SealRecording(ctx, id, manifestKey(id), sum); err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	r.setTrouble(id, func(s *troubleText) { *s = troubleText{} })
	return nil
}

// storeManifest puts the manifest, or takes the one that an earlier attempt has put.
func storeManifest(ctx context.Context, keep *parley.Keep, m parley.Manifest) (parley.Hash, error) {
	key := manifestKey(m.Meeting)
	stored, err := keep.Objects.Open(ctx, key, 0, -1)
	if err == nil {
		defer func() { _ = stored.Close() }()
		content, err := io.ReadAll(io.LimitReader(stored, maxManifest))
		return sha256.Sum256(content), err
	}
	if !errors.Is(err, parley.NotFound) {
		return parley.Hash{}, err
	}
	content, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return parley.Hash{}, err
	}
	sum := parley.Hash(sha256.Sum256(content))
	info := parley.ObjectInfo{Key: key, Bytes: int64(len(content)), SHA256: sum}
	return sum, keep.Objects.Put(ctx, info, bytes.NewReader(content))
}

func manifestOf(m parley.Meeting, recording parley.Recording, sealed time.Time) parley.Manifest {
	manifest := parley.Manifest{
		Version: 1, Meeting: m.ID, Region: m.Region, Started: m.Started.UTC(), Ended: m.Ended.UTC(),
		Sealed: sealed.UTC().Truncate(time.Millisecond), Tracks: []parley.ManifestTrack{},
	}
	for _, t := range recording.Tracks {
		track := parley.ManifestTrack{
			ID: t.ID, Participant: t.Participant, Source: t.Source, Codec: t.Codec,
			StartMS: t.Started.Milliseconds(), EndMS: t.Ended.Milliseconds(), Segments: []parley.ManifestSegment{},
		}
		for _, s := range t.Segments {
			track.Segments = append(track.Segments, parley.ManifestSegment{
				Number: s.Number, StartMS: s.Start.Milliseconds(), EndMS: s.End.Milliseconds(),
				Bytes: s.Bytes, SHA256: s.SHA256, Key: s.Key,
			})
		}
		for _, g := range t.Gaps {
			track.Gaps = append(track.Gaps, parley.ManifestGap{
				StartMS: g.Start.Milliseconds(), EndMS: g.End.Milliseconds(), Reason: g.Reason,
			})
		}
		manifest.Tracks = append(manifest.Tracks, track)
	}
	return manifest
}
