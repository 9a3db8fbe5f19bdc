package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/parley/parley"
)

const saySegmentMissing = "There is no such segment."

// segment streams one segment of a track from its region. It never changes, so it may be kept for
// ever by whoever got it (RFC 8246), but by no shared cache. Ranges and conditions are net/http's.
func (s *server) segment(w http.ResponseWriter, r *http.Request) error {
	m, keep, _, err := s.readable(r)
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(r.PathValue("number"))
	if err != nil {
		return notFound(saySegmentMissing)
	}
	recording, err := s.shelf.recording(r.Context(), keep.Recordings, m.ID)
	if err != nil {
		return err
	}
	segment, ok := findSegment(recording, parley.TrackID(r.PathValue("track")), number)
	if !ok {
		return notFound(saySegmentMissing)
	}
	content := &objectReader{ctx: r.Context(), objects: keep.Objects, key: segment.Key, size: segment.Bytes}
	defer content.Close()
	if err := content.open(); err != nil {
		return err // while a problem document can still be written
	}
	header := w.Header()
	header.Set("Content-Type", "video/webm")
	header.Set("ETag", `"`+segment.SHA256.String()+`"`)
	header.Set("Cache-Control", "private, max-age=31536000, immutable")
	http.ServeContent(w, r, "", time.Time{}, content)
	return nil
}

func findSegment(recording parley.Recording, track parley.TrackID, number int) (parley.Segment, bool) {
	for _, t := range recording.Tracks {
		if t.ID != track {
			continue
		}
		for _, segment := range t.Segments {
			if segment.Number == number {
				return segment, true
			}
		}
	}
	return parley.Segment{}, false
}

// shelfLength is how many recordings are at hand: about 150 bytes a segment, 3 MB for an hour of ten.
const shelfLength = 8

// shelf keeps the sealed recordings that were asked for last: a player asks for one segment after the
// other, and reading all rows for each takes 16 ms with 4,000 of them. Safe for concurrent use.
type shelf struct {
	mu    sync.Mutex
	books []parley.Recording // the latest used last; sealed, so they do not change
}

func (s *shelf) recording(
	ctx context.Context, recordings parley.Recordings, id parley.MeetingID,
) (parley.Recording, error) {
	if recording, ok := s.take(id); ok {
		return recording, nil
	}
	recording, err := recordings.Recording(ctx, id)
	if err != nil {
		return recording, fmt.Errorf("read recording: %w", err)
	}
	if recording.Sealed {
		s.put(recording)
	}
	return recording, nil
}

func (s *shelf) take(id parley.MeetingID) (parley.Recording, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, book := range s.books {
		if book.Meeting == id {
			s.books = append(slices.Delete(s.books, i, i+1), book)
			return book, true
		}
	}
	return parley.Recording{}, false
}

func (s *shelf) put(book parley.Recording) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.books = append(s.books, book)
	if len(s.books) > shelfLength {
		s.books = slices.Delete(s.books, 0, 1)
	}
}

// objectReader makes an object an io.ReadSeeker: seeking costs nothing, and reading opens the object
// anew only where it does not go on. Used by one goroutine.
type objectReader struct {
	ctx     context.Context //nolint:containedctx // of the request this reader lives in
	objects parley.Objects
	key     parley.Key
	size    int64 // bytes

	at     int64         // where the next Read reads
	body   io.ReadCloser // or nil
	bodyAt int64         // where body reads
}

func (o *objectReader) open() error {
	body, err := o.objects.Open(o.ctx, o.key, o.at, -1)
	if err != nil {
		return fmt.Errorf("open segment: %w", err)
	}
	o.body, o.bodyAt = body, o.at
	return nil
}

// Read implements io.Reader.
func (o *objectReader) Read(p []byte) (int, error) {
	if o.at >= o.size {
		return 0, io.EOF
	}
	if o.body != nil && o.bodyAt != o.at {
		if err := o.Close(); err != nil {
			return 0, err
		}
	}
	if o.body == nil {
		if err := o.open(); err != nil {
			return 0, err
		}
	}
	n, err := o.body.Read(p)
	o.at += int64(n)
	o.bodyAt = o.at
	return n, err
}

// Seek implements io.Seeker.
func (o *objectReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += o.at
	case io.SeekEnd:
		offset += o.size
	}
	if offset < 0 {
		return 0, errors.New("seek before the start")
	}
	o.at = offset
	return offset, nil
}

// Close closes what is open; the reader can be used again.
func (o *objectReader) Close() error {
	if o.body == nil {
		return nil
	}
	body := o.body
	o.body = nil
	if err := body.Close(); err != nil {
		return fmt.Errorf("close segment: %w", err)
	}
	return nil
}
