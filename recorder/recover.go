package recorder

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/parley/parley"
	"github.com/parley/parley/media/container"
)

// recoverTimeout bounds what a start waits for a region; the rest is brought home while the server
// runs.
const recoverTimeout = 20 * time.Second

// Recover brings home what a killed process left in the spool, and closes the tracks it left open,
// with a gap that says so. Called once, before Run. What a region does not take now is tried again by
// Run; an error is the spool's or a catalog's.
func (r *Recorder) Recover(ctx context.Context) error {
	for region, keep := range r.regions {
		lines, err := r.leftLines(keep)
		if err != nil {
			return fmt.Errorf("recover spool of %s: %w", region, err)
		}
		for _, l := range lines {
			attempt, cancel := context.WithTimeout(ctx, recoverTimeout)
			if !l.run(attempt) {
				left := newLine(r, keep, l.track, l.folder)
				if err := left.reclaim(); err != nil {
					cancel()
					return err
				}
				r.left = append(r.left, left)
			}
			cancel()
		}
		if err := r.closeTracks(ctx, keep); err != nil {
			return fmt.Errorf("close tracks of %s: %w", region, err)
		}
	}
	return nil
}

// leftLines makes a line of every folder of a region's spool.
func (r *Recorder) leftLines(keep *parley.Keep) ([]*line, error) {
	folders, err := filepath.Glob(filepath.Join(r.cfg.Spool, string(keep.Region), "*", "*"))
	if err != nil {
		return nil, err
	}
	var lines []*line
	for _, folder := range folders {
		t, err := readTrack(folder)
		if err != nil {
			r.log.Warn("a folder of the spool is not a track; left alone", zap.String("folder", folder), zap.Error(err))
			continue
		}
		l := newLine(r, keep, t, folder)
		if err := l.reclaim(); err != nil {
			return nil, err
		}
		lines = append(lines, l)
	}
	return lines, nil
}

func readTrack(folder string) (parley.Track, error) {
	var t parley.Track
	text, err := os.ReadFile(filepath.Join(folder, trackFile))
	if err != nil {
		return t, err
	}
	if err := json.Unmarshal(text, &t); err != nil {
		return t, err
	}
	if t.ID == "" || filepath.Base(folder) != string(t.ID) || filepath.Base(filepath.Dir(folder)) != string(t.Meeting) {
		return t, errors.New("its description is of another track")
	}
	return t, nil
}

// reclaim makes work of the files in the folder: torn ones are cut to what is whole, and the track
// is closed where the last one ends.
func (l *line) reclaim() error {
	entries, err := os.ReadDir(l.folder)
	if err != nil {
		return fmt.Errorf("read spool: %w", err)
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	for _, name := range names {
		stem, suffix := strings.TrimSuffix(name, filepath.Ext(name)), filepath.Ext(name)
		number, err := strconv.Atoi(stem)
		if err != nil || suffix != partSuffix && suffix != wholeSuffix {
			continue
		}
		s, ok, err := l.reclaimFile(number, suffix)
		if err != nil {
			return fmt.Errorf("recover segment %d: %w", number, err)
		}
		if ok {
			l.add(segmentWork(s))
		}
	}
	l.add(work{crashed: true})
	return nil
}

// reclaimFile describes one file; not ok when nothing of it is whole.
func (l *line) reclaimFile(number int, suffix string) (parley.Segment, bool, error) {
	path := filepath.Join(l.folder, segmentName(number)+suffix)
	content, err := os.ReadFile(path)
	if err != nil {
		return parley.Segment{}, false, err
	}
	if suffix == partSuffix {
		if number == 0 || len(container.Trim(content)) == 0 {
			return parley.Segment{}, false, os.Remove(path)
		}
		content = container.Trim(content)
		if err := l.finishTorn(path, content); err != nil {
			return parley.Segment{}, false, err
		}
	}
	s := parley.Segment{
		Track: l.track.ID, Number: number, Bytes: int64(len(content)), SHA256: sha256.Sum256(content),
		Key: segmentKey(l.track, number),
	}
	if number > 0 {
		s.Start, s.End = span(content, l.track.Source.Kind())
	}
	return s, true, nil
}

// finishTorn gives a torn file its whole length and name.
func (l *line) finishTorn(path string, content []byte) error {
	if err := os.WriteFile(path, content, 0o600); err != nil { //nolint:gosec // our own spool
		return err
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(path, strings.TrimSuffix(path, partSuffix)+wholeSuffix); err != nil {
		return err
	}
	return syncFolder(l.folder)
}

// span is when the frames of a segment begin and end.
func span(segment []byte, kind parley.MediaKind) (start, end time.Duration) {
	first := true
	for b, err := range container.Blocks(segment) {
		if err != nil {
			break
		}
		if first {
			start, end, first = b.At, b.At, false
		}
		if kind == parley.Audio {
			end = max(end, b.At+container.OpusDuration(b.Payload))
		} else {
			end = max(end, b.At)
		}
	}
	return start, end
}

// closeTracks closes what no folder of the spool spoke of: tracks of which everything was home.
func (r *Recorder) closeTracks(ctx context.Context, keep *parley.Keep) error {
	live, err := keep.Meetings.LiveMeetings(ctx)
	if err != nil {
		return err
	}
	unfinished, err := keep.Actions.UnfinishedMeetings(ctx)
	if err != nil {
		return err
	}
	for _, m := range live {
		unfinished = append(unfinished, m.ID)
	}
	for _, id := range unfinished {
		if err := closeCrashed(ctx, keep, id, r.cfg.SegmentLength, r.isLeft); err != nil {
			return err
		}
	}
	return nil
}

// isLeft reports whether Run will close this track.
func (r *Recorder) isLeft(id parley.TrackID) bool {
	return slices.ContainsFunc(r.left, func(l *line) bool { return l.track.ID == id })
}

// closeCrashed closes the tracks of a meeting that nobody writes any more, but those that skip names:
// at the end of their last segment, from where on at most lost may be missing.
func closeCrashed(
	ctx context.Context, keep *parley.Keep, id parley.MeetingID, lost time.Duration, skip func(parley.TrackID) bool,
) error {
	recording, err := keep.Recordings.Recording(ctx, id)
	if err != nil {
		return err
	}
	for _, t := range recording.Tracks {
		if t.Ended != 0 || skip(t.ID) {
			continue
		}
		end := t.Started + time.Millisecond // an end of 0 would be no end
		for _, s := range t.Segments {
			end = max(end, s.End)
		}
		gap := parley.Gap{Track: t.ID, Start: end, End: end + lost, Reason: parley.GapCrash}
		if err := keep.Recordings.AddGap(ctx, gap); err != nil {
			return err
		}
		if err := keep.Recordings.CloseTrack(ctx, t.ID, end); err != nil {
			return err
		}
	}
	return nil
}
